//! The governor: decides, once a tick, how many watts the compute may draw until the next one.
//!
//! Pure: time is an argument, and the action is applied by the caller. A governor sees the spacecraft's state, its
//! forecast and a power reading that may be late, wrong or missing; it is judged on the true power.
//!
//! | policy | in the words of the field |
//! |---|---|
//! | `off` | no governor: full power, whatever happens |
//! | `static` | one cap, safe in every season |
//! | `threshold` | hysteresis on charge and temperature |
//! | `reactive` | proportional-integral on the temperatures and the charge |
//! | `predictive` | the sustainable power of the orbit ahead, fed forward, corrected by feedback (the default) |

use crate::envelope::{Forecast, Limits, State};
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// What the machine can do, found by calibration before the flight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingRange {
    /// Power with the context open and nothing admitted.
    pub idle_w: Watts,
    /// Power with everything admitted.
    pub full_w: Watts,
    /// Dead time from a change of the budget to the reading that shows it.
    pub sensor_lag_s: Seconds,
    /// How often the reading is renewed.
    pub update_period_s: Seconds,
}

/// Everything a governor may know at one tick.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The machine's clock.
    pub now: Seconds,
    /// Since the last tick.
    pub dt: Seconds,
    /// The spacecraft now.
    pub state: &'a State,
    /// What must hold.
    pub limits: &'a Limits,
    /// The orbit ahead.
    pub forecast: &'a Forecast,
    /// The latest reading, perhaps an old one.
    pub reading: &'a Reading,
    /// What the machine can do.
    pub machine: &'a OperatingRange,
}

/// What binds the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// Nothing: the machine may run at full power.
    Machine,
    /// The energy of the orbit.
    Energy,
    /// The charge floor.
    Charge,
    /// The junction limit.
    Junction,
    /// The loop limit.
    Loop,
    /// Results that the link cannot carry.
    Downlink,
    /// A reading too old to steer by.
    Stale,
}

/// The decision of one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The most that the compute may draw, idle power included.
    pub budget: Watts,
    /// Why not more.
    pub limited_by: LimitedBy,
}

/// A policy.
pub trait Governor {
    /// The budget until the next tick.
    fn tick(&mut self, observation: &Observation<'_>) -> Decision;
}
