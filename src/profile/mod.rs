//! Profiles: the data files that say what is flown.
//!
//! A satellite (`profiles/satellites/*.toml`) or a machine's measured operating points (`profiles/machines/*.toml`). The
//! texts of meters (`profiles/meters/*.toml`) are kept here as well, and read by [`crate::meter`].
//! Reading one is the only file access of the pure half of this crate. A profile is refused with one line that names
//! the file, the key and the allowed range: unknown keys, wrong types, impossible values, contradictions.
//!
//! | file | holds |
//! |---|---|
//! | `satellite` `machine` | the keys, as structures |
//! | `ranges` `rules` | what each key may be, alone and beside others |
//! | `schema` `overrides` `load` | holding a TOML table against them; `--set`; finding and reading |
//! | `shipped` | the profiles inside the program |

mod error;
mod load;
mod machine;
mod overrides;
mod ranges;
mod rules;
mod satellite;
mod schema;
mod shipped;

pub use error::ProfileError;
pub use load::{Kind, check, kind, machine, machine_from_text, satellite, satellite_from_text};
pub use machine::{Machine, Point};
pub use overrides::Override;
pub use satellite::{Array, Battery, Bus, Compute, Link, LinkMode, Orbit, Plane, Pointing, Satellite, Thermal};
pub use shipped::{MACHINES, METERS, SATELLITES, Shipped};
