//! The spacecraft in motion: one `step` moves sunlight, charge, heat and bits together.

use super::{Forecast, Scale, Temperatures};
use crate::profile::Satellite;
use crate::units::{Kelvin, Seconds, Watts};
use jiff::Timestamp;

/// Where sunlight and environment come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sky {
    /// From orbit, date and shadow.
    Orbit,
    /// Always lit at 1361 W/m2, with the environment heat of the profile.
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
    /// Charge, share of capacity.
    pub soc: f64,
    /// Temperatures of the three nodes.
    pub temperatures: Temperatures,
    /// Results waiting for the link.
    pub backlog_bits: f64,
    /// Results sent since the start.
    pub sent_bits: f64,
}

/// What must hold at every instant. Constant over a flight.
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
    /// What the link can send in one orbit at best.
    pub downlink_bits_per_orbit: f64,
}

/// A satellite in orbit, scaled to the machine.
#[derive(Clone, Debug)]
pub struct Spacecraft {
    limits: Limits,
    state: State,
    forecast: Forecast,
}

impl Spacecraft {
    /// A spacecraft at its ascending node at `start`.
    pub fn new(satellite: &Satellite, scale: Scale, sky: Sky, start: Timestamp) -> Spacecraft {
        todo!("{satellite:?} {scale:?} {sky:?} {start}")
    }

    /// Where it is now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What must hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The orbit ahead. Renewed as the season drifts.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// Moves it on by `dt` of machine time with `compute` watts drawn and `produced_bits` of results made.
    pub fn step(&mut self, dt: Seconds, compute: Watts, produced_bits: f64) -> &State {
        todo!("{dt} {compute} {produced_bits}")
    }
}
