//! What the machine can do, as calibration found it.

use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// Power range of the machine, and how late its sensor and its batches are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingRange {
    /// Power with everything open and nothing admitted.
    pub idle_w: Watts,
    /// Power with everything admitted.
    pub full_w: Watts,
    /// Dead time of the sensor: from a change of the power to the reading that shows it.
    pub sensor_lag_s: Seconds,
    /// How often the reading is renewed; zero if it is new at every look.
    pub update_period_s: Seconds,
    /// How long the longest batch runs: once admitted it is not recalled. Zero if power follows the budget at once.
    pub batch_s: Seconds,
}

impl OperatingRange {
    /// `power` held between idle and full power.
    pub fn clamp(&self, power: Watts) -> Watts {
        power.min(self.full_w).max(self.idle_w)
    }

    /// The power that a `share` of the way from idle to full power is.
    pub fn at_share(&self, share: f64) -> Watts {
        self.idle_w + (self.full_w - self.idle_w) * share
    }

    /// Whether the machine draws full power or idle power and nothing in between, since it is paced by batches.
    pub fn is_switching(&self) -> bool {
        self.batch_s.0 > 0.0 && self.full_w > self.idle_w
    }
}
