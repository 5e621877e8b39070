//! Profiles: the data files that say what is flown.
//!
//! A satellite (`profiles/satellites/*.toml`) or a machine's measured operating points (`profiles/machines/*.toml`).
//! Reading one is the only file access of the pure half of this crate.

mod satellite;

pub use satellite::{Array, Battery, Bus, Compute, Link, LinkMode, Orbit, Plane, Pointing, Satellite, Thermal};
