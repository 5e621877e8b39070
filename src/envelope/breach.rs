//! Breaches: when, how long and how deep a limit was broken.
//!
//! A pure accumulator over consecutive states. Times are simulated seconds, energies joules of the scaled spacecraft.
//! Only rounding is forgiven: [`KELVIN_TOLERANCE`], [`CHARGE_TOLERANCE`] and, for the bus, [`ENERGY_TOLERANCE`].

use super::{Limits, State};
use crate::units::{Joules, Kelvin, Seconds};
use serde::{Deserialize, Serialize};

/// A node may stand this far over its limit, K: what rounding leaves of a steady state held exactly at it.
pub const KELVIN_TOLERANCE: f64 = 1e-6;
/// The charge may stand this far under its floor, share of capacity.
pub const CHARGE_TOLERANCE: f64 = 1e-9;
/// Unserved energy of a step that counts as none, share of the battery's capacity.
pub const ENERGY_TOLERANCE: f64 = 1e-12;

/// A node above its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverTemperature {
    /// How long.
    pub time_s: Seconds,
    /// Excess over the limit, integrated over that time, K s.
    pub excess_k_s: f64,
    /// Largest excess.
    pub deepest_k: Kelvin,
}

/// The charge below its floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnderCharge {
    /// How long.
    pub time_s: Seconds,
    /// Energy that was taken out from below the floor.
    pub energy_j: Joules,
    /// Largest shortfall, share of capacity.
    pub deepest_share: f64,
}

/// Demand at the bus that neither array nor battery met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Brownout {
    /// How long.
    pub time_s: Seconds,
    /// How much.
    pub energy_j: Joules,
}

/// All breaches since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breaches {
    /// Junction over its limit.
    pub junction: OverTemperature,
    /// Coolant loop over its limit.
    #[serde(rename = "loop")]
    pub coolant: OverTemperature,
    /// Charge under its floor.
    pub charge: UnderCharge,
    /// Bus not served.
    pub bus: Brownout,
}

impl Breaches {
    /// Whether any limit was broken.
    pub fn any(&self) -> bool {
        let times = [self.junction.time_s, self.coolant.time_s, self.charge.time_s, self.bus.time_s];
        times.iter().any(|time| time.0 > 0.0)
    }

    /// Counts the step from `before` to `after`, in which `unserved` joules were missing at the bus of a spacecraft
    /// with a battery of `capacity`. A limit counts as broken for the step when it is at its end.
    pub fn record(&mut self, limits: &Limits, capacity: Joules, before: &State, after: &State, unserved: Joules) {
        let dt = after.simulated - before.simulated;
        let (was, is) = (&before.temperatures, &after.temperatures);
        self.junction.record(limits.junction, was.junction, is.junction, dt);
        self.coolant.record(limits.coolant, was.coolant, is.coolant, dt);
        self.charge.record(limits.soc_min, before.soc, after.soc, capacity, dt);
        if unserved > capacity * ENERGY_TOLERANCE {
            self.bus.time_s += dt;
            self.bus.energy_j += unserved;
        }
    }
}

impl OverTemperature {
    fn record(&mut self, limit: Kelvin, was: Kelvin, is: Kelvin, dt: Seconds) {
        let excess = is - limit;
        if excess.0 > KELVIN_TOLERANCE {
            let mean = 0.5 * (excess + (was - limit).max(Kelvin::ZERO)).0;
            self.time_s += dt;
            self.excess_k_s += mean * dt.0;
            self.deepest_k = self.deepest_k.max(excess);
        }
    }
}

impl UnderCharge {
    fn record(&mut self, floor: f64, was: f64, is: f64, capacity: Joules, dt: Seconds) {
        let shortfall = floor - is;
        if shortfall > CHARGE_TOLERANCE {
            self.time_s += dt;
            self.energy_j += capacity * (was.min(floor) - is).max(0.0);
            self.deepest_share = self.deepest_share.max(shortfall);
        }
    }
}
