//! Where a spacecraft is, and what must hold there.

use super::Temperatures;
use crate::units::{Kelvin, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// Where sunlight and environment come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Sky {
    /// From orbit, date and shadow.
    Orbit,
    /// Always lit at 1361 W/m2 and normal incidence, with the environment heat of the profile. Link windows stay
    /// those of the orbit.
    Constant,
}

/// The spacecraft now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Machine time since the start.
    pub t: Seconds,
    /// Simulated time since the start: `t` times k.
    pub simulated: Seconds,
    /// Share of the orbit since the last ascending node.
    pub orbit_phase: f64,
    /// Visible share of the Sun's disc.
    pub illumination: f64,
    /// What the array can give now.
    pub array: Watts,
    /// Heat that the radiator absorbs now.
    pub environment: Watts,
    /// What the radiator emits over (T^4 - T_space^4) now, W/K4: less where panels are lost.
    pub emission_w_per_k4: f64,
    /// Charge, share of capacity.
    pub soc: f64,
    /// Temperatures of the three nodes.
    pub temperatures: Temperatures,
    /// Results waiting for the link.
    pub backlog_bits: f64,
    /// Results sent since the start.
    pub sent_bits: f64,
}

/// What must hold at every instant. Constant over a flight, but for what a [`Condition`](super::Condition) takes of the compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The junction stays at or below.
    pub junction: Kelvin,
    /// The loop stays at or below.
    pub coolant: Kelvin,
    /// The charge stays at or above, share of capacity.
    pub soc_min: f64,
    /// The installed compute.
    pub compute: Watts,
    /// What the link can send in one orbit at best: used whenever it is open, on the mean of the first day.
    pub downlink_bits_per_orbit: f64,
}
