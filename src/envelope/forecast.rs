//! What the spacecraft can foresee: sunlight and environment heat over the orbit ahead.

use super::{Battery, Thermal};
use crate::units::{Seconds, Watts};

/// One sample of the orbit ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Visible share of the Sun's disc, mean over the sample.
    pub illumination: f64,
    /// What the array can give the bus, mean over the sample.
    pub array: Watts,
    /// Heat that the radiator absorbs from Earth and Sun, mean over the sample.
    pub environment: Watts,
}

/// The orbit ahead as a table over one nodal period, which the governor may treat as periodic.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Machine time of the first sample's beginning.
    pub start: Seconds,
    /// Length of a sample, machine time.
    pub step: Seconds,
    /// One orbit; `samples.len() * step` is the nodal period.
    pub samples: Vec<Outlook>,
    /// Drawn at the bus without any compute.
    pub housekeeping: Watts,
    /// Share of the bus power that reaches the compute.
    pub conversion_efficiency: f64,
    /// The battery as the governor believes it to be.
    pub battery: Battery,
    /// The thermal network as the governor believes it to be.
    pub thermal: Thermal,
}

impl Forecast {
    /// One orbit on the machine's clock.
    pub fn period(&self) -> Seconds {
        self.step * self.samples.len() as f64
    }

    /// The sample that holds machine time `t`; the orbit repeats.
    pub fn at(&self, t: Seconds) -> &Outlook {
        let orbit = self.samples.len() as f64;
        let position = ((t - self.start) / self.step).rem_euclid(orbit);
        &self.samples[(position as usize).min(self.samples.len() - 1)]
    }

    /// What the bus must supply for `compute` watts of compute.
    pub fn bus_load(&self, compute: Watts) -> Watts {
        compute / self.conversion_efficiency + self.housekeeping
    }

    /// The compute that a bus load of `bus` watts leaves, not below zero.
    pub fn compute_from(&self, bus: Watts) -> Watts {
        ((bus - self.housekeeping) * self.conversion_efficiency).max(Watts::ZERO)
    }
}
