//! The battery: a store with losses, rate limits and a charge window.
//!
//! ```text
//! surplus >= 0:  charged = min(surplus, C-rate, room / (eta_c dt)) dt     stored + eta_c charged     rest shunted
//! surplus <  0:  given   = min(deficit, C-rate, stored eta_d / dt) dt     stored - given / eta_d     rest unserved
//! ```
//!
//! Room ends at `soc_max`. Discharge ends at an empty battery, not at `soc_min`: the floor is a rule that a governor
//! keeps, not a switch that the battery has.

use super::Scale;
use crate::profile;
use crate::units::{JOULES_PER_WATT_HOUR, Joules, Seconds, Watts};

/// A battery, already scaled. Pure parameters; the charge itself stands in [`super::State`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Battery {
    /// Energy when full.
    pub capacity: Joules,
    /// Share of the bus energy that reaches the cells.
    pub charge_efficiency: f64,
    /// Share of the cells' energy that reaches the bus.
    pub discharge_efficiency: f64,
    /// Most charging power, at the bus.
    pub charge_max: Watts,
    /// Most discharging power, at the bus.
    pub discharge_max: Watts,
    /// The floor a governor must keep, share of capacity. Physics ends at zero, not here.
    pub soc_min: f64,
    /// Where charging ends, share of capacity.
    pub soc_max: f64,
}

/// Where the energy of one step went, at the bus unless said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BatteryFlow {
    /// Taken from the bus to charge.
    pub charged: Joules,
    /// Given to the bus.
    pub discharged: Joules,
    /// Surplus that neither load nor battery took.
    pub shunted: Joules,
    /// Demand that neither array nor battery could meet: the bus browns out by this much.
    pub unserved: Joules,
    /// Heat of charging and discharging, inside the battery.
    pub lost: Joules,
}

impl Battery {
    /// The battery of `profile`, scaled: energy by s/k, powers by s.
    pub fn scaled(profile: &profile::Battery, scale: Scale) -> Battery {
        let rated = Watts(profile.capacity_wh * scale.power);
        Battery {
            capacity: Joules(profile.capacity_wh * JOULES_PER_WATT_HOUR * scale.power / scale.time),
            charge_efficiency: profile.charge_efficiency,
            discharge_efficiency: profile.discharge_efficiency,
            charge_max: rated * profile.charge_rate_max_c,
            discharge_max: rated * profile.discharge_rate_max_c,
            soc_min: profile.soc_min,
            soc_max: profile.soc_max,
        }
    }

    /// The charge after `dt` with `surplus` watts at the bus (array less load; negative discharges), and where the energy went.
    pub fn step(&self, soc: f64, surplus: Watts, dt: Seconds) -> (f64, BatteryFlow) {
        let mut flow = BatteryFlow::default();
        if surplus >= Watts::ZERO {
            let offered = surplus * dt;
            let room = self.capacity * ((self.soc_max - soc).max(0.0) / self.charge_efficiency);
            flow.charged = offered.min(self.charge_max * dt).min(room);
            flow.shunted = offered - flow.charged;
            flow.lost = flow.charged * (1.0 - self.charge_efficiency);
            (soc + flow.charged * self.charge_efficiency / self.capacity, flow)
        } else {
            let asked = -surplus * dt;
            let held = self.capacity * (soc.max(0.0) * self.discharge_efficiency);
            flow.discharged = asked.min(self.discharge_max * dt).min(held);
            flow.unserved = asked - flow.discharged;
            flow.lost = flow.discharged * (1.0 / self.discharge_efficiency - 1.0);
            ((soc - flow.discharged / self.discharge_efficiency / self.capacity).max(0.0), flow)
        }
    }
}
