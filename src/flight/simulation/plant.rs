//! The plant: how a simulated machine behaves, and what befalls it.

use super::fault::Fault;
use crate::units::Seconds;

/// How the machine behaves, and what befalls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plant {
    /// The longest batch, machine seconds; lengths are drawn evenly between half of it and all of it. Zero: no batches; power
    /// follows the budget at once and exactly by the sensor, as under an ideal pacer that no change of cost surprises.
    pub batch: Seconds,
    /// Ticks and sensor updates come late by up to this share of their period; 0 to 0.99.
    pub jitter: f64,
    /// What the spacecraft is known by.
    pub known_by: KnownBy,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Of every random choice.
    pub seed: u64,
}

/// What moves the spacecraft on which breaches are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// What the meter counts: a spacecraft that is itself simulated beside a real machine, as in every flight on hardware.
    Readings,
    /// What is truly drawn, and the governor sees charge and temperatures by sensors of the spacecraft.
    OwnSensors,
}

impl Plant {
    /// An ideal pacer, even ticks, and nothing goes wrong.
    pub const IDEAL: Plant =
        Plant { batch: Seconds::ZERO, jitter: 0.0, known_by: KnownBy::Readings, faults: Vec::new(), seed: 1 };
}

impl Default for Plant {
    fn default() -> Plant {
        Plant::IDEAL
    }
}
