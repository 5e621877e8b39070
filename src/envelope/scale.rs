//! How a 100 kW satellite becomes one of the size of the test machine.
//!
//! | multiplied by s | by s/k | unchanged |
//! |---|---|---|
//! | areas, powers, conductances, link rates | battery energy, heat capacities | temperatures, efficiencies, shares, work per joule |
//!
//! Thermal resistances divide by s; simulated time runs k times faster than the machine's clock.

use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// The two factors between the satellite of the profile and the one that is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// s: machine's rated power over the satellite's installed compute.
    pub power: f64,
    /// k: simulated seconds in one second of the machine's clock.
    pub time: f64,
}

impl Scale {
    /// The satellite at its own size and pace.
    pub const FULL: Scale = Scale { power: 1.0, time: 1.0 };

    /// A machine of `rated` watts stands for `installed` watts of compute, at time compression `k`.
    pub fn new(rated: Watts, installed: Watts, k: f64) -> Scale {
        Scale { power: rated / installed, time: k }
    }

    /// Simulated seconds that pass in `machine` seconds.
    pub fn simulated(&self, machine: Seconds) -> Seconds {
        machine * self.time
    }

    /// Machine seconds in which `simulated` seconds pass.
    pub fn machine(&self, simulated: Seconds) -> Seconds {
        simulated / self.time
    }
}
