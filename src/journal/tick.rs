//! One tick of the control loop.
//!
//! ```text
//!   departure ───────────── confirmed_s ───────────── flight_s
//!        energy windows: counted       │   predicted from what the machine does
//!   soc, junction_k, ... hold here ────┘   predicted.soc, ... hold here ─────┘
//! ```

use crate::governor::{LimitedBy, Regime};
use crate::reading::Refusal;
use crate::units::{Joules, Kelvin, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// What was counted, what it did to the spacecraft, and what the governor made of it.
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
    /// Flight time up to which the energy has been counted: the end of the last energy window.
    pub confirmed_s: Seconds,
    /// Confirmed charge, share of capacity; it and the next three hold at `confirmed_s`.
    pub soc: f64,
    /// Confirmed junction.
    pub junction_k: Kelvin,
    /// Confirmed loop.
    pub loop_k: Kelvin,
    /// Confirmed radiator.
    pub radiator_k: Kelvin,
    /// What the governor steered by.
    pub predicted: Predicted,
    /// Mean power of the latest energy window that was counted; none where nothing has been counted yet.
    pub power_w: Option<Watts>,
    /// Mean power since the last tick, by what the machine was seen to do.
    pub expected_w: Watts,
    /// Why the last reading was not believed; none where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_reading: Option<Refusal>,
    /// Budget until the next tick.
    pub budget_w: Watts,
    /// What was granted since the last tick and could not be drawn by the batch that ran.
    pub unused_j: Joules,
    /// What held work back since the last tick; none where the machine ran free.
    pub limited_by: Option<LimitedBy>,
    /// How far the governor believed the readings.
    pub regime: Regime,
    /// The workload that was due.
    pub workload: usize,
}

/// The spacecraft at the time of the tick: the confirmed one, moved on by what is expected to have been drawn since.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Charge, share of capacity.
    pub soc: f64,
    /// Junction.
    pub junction_k: Kelvin,
    /// Loop.
    pub loop_k: Kelvin,
    /// Radiator.
    pub radiator_k: Kelvin,
}
