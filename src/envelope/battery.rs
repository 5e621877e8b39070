//! The battery: a store with losses, rate limits and a charge window.

use crate::units::{Joules, Seconds, Watts};

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
    /// The charge after `dt` with `surplus` watts at the bus (array less load; negative discharges), and where the energy went.
    pub fn step(&self, soc: f64, surplus: Watts, dt: Seconds) -> (f64, BatteryFlow) {
        todo!("{soc} {surplus} {dt}")
    }
}
