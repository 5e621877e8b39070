//! The energy ledger of a spacecraft: every joule since the start, at the bus.
//!
//! ```text
//! array + unserved = compute + conversion + housekeeping + charge loss + discharge loss + shunt + stored
//! ```

use super::{Battery, BatteryFlow};
use crate::units::Joules;
use serde::{Deserialize, Serialize};

/// Sums since the start, in joules of the scaled spacecraft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// What the array could give.
    pub array_j: Joules,
    /// What the load asked for and neither array nor battery could give.
    pub unserved_j: Joules,
    /// What the compute drew, all of it heat in the junction.
    pub compute_j: Joules,
    /// Lost between bus and compute.
    pub conversion_j: Joules,
    /// Drawn by the satellite itself.
    pub housekeeping_j: Joules,
    /// Lost in charging.
    pub charge_loss_j: Joules,
    /// Lost in discharging.
    pub discharge_loss_j: Joules,
    /// What the array could give and nothing took.
    pub shunt_j: Joules,
    /// Change of the energy in the battery.
    pub stored_j: Joules,
}

impl Ledger {
    /// Adds what the battery did.
    pub(super) fn add_flow(&mut self, battery: &Battery, flow: &BatteryFlow, stored: Joules) {
        self.unserved_j += flow.unserved;
        self.charge_loss_j += flow.charged * (1.0 - battery.charge_efficiency);
        self.discharge_loss_j += flow.discharged * (1.0 / battery.discharge_efficiency - 1.0);
        self.shunt_j += flow.shunted;
        self.stored_j += stored;
    }

    /// What came in.
    pub fn sources(&self) -> Joules {
        self.array_j + self.unserved_j
    }

    /// What went out or was kept.
    pub fn uses(&self) -> Joules {
        let load = self.compute_j + self.conversion_j + self.housekeeping_j;
        let losses = self.charge_loss_j + self.discharge_loss_j + self.shunt_j;
        load + losses + self.stored_j
    }
}
