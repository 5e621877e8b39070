//! One turn of the flight's ring.

use crate::governor::{LimitedBy, Regime};
use crate::reading::NoData;
use crate::units::{Joules, Kelvin, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// One turn of the ring: what was read, what it did to the spacecraft, what the governor made of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Since departure, machine clock.
    pub flight_s: Seconds,
    /// Simulated time since the ascending node.
    pub simulated_s: Seconds,
    /// Visible share of the Sun's disc.
    pub illumination: f64,
    /// What the array could give.
    pub array_w: Watts,
    /// Mean power since the last tick, as measured; none where there was no reading.
    pub power_w: Option<Watts>,
    /// Why there was no reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_data: Option<NoData>,
    /// Power that heated and drained the spacecraft: the measured, or the full power where there was no reading.
    pub load_w: Watts,
    /// Budget until the next tick.
    pub budget_w: Watts,
    /// What was granted since the last tick and could not be drawn by the batch that ran.
    #[serde(default)]
    pub unused_j: Joules,
    /// What binds it.
    pub limited_by: LimitedBy,
    /// How far the governor believed the reading.
    pub regime: Regime,
    /// Charge, share of capacity.
    pub soc: f64,
    /// Junction.
    pub junction_k: Kelvin,
    /// Loop.
    pub loop_k: Kelvin,
    /// Radiator.
    pub radiator_k: Kelvin,
    /// The workload whose turn it was.
    pub workload: usize,
}

impl Tick {
    /// Whether the budget until the next tick is less than what the machine is known to draw.
    pub fn budget_binds(&self) -> bool {
        self.limited_by != LimitedBy::Machine
    }
}
