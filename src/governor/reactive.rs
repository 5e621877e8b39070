//! `reactive`: acts on what is, not on what comes.
//!
//! Heat as in Linux's power allocator (`drivers/thermal/gov_power_allocator.c`), once for the junction and once for
//! the loop, with `e = T_set - T`:
//!
//! ```text
//! P = P_sus + k e + k_i sum(e dt)      k = k_po = P_sus/(T_set - T_on) above the set point, k_pu = 2 k_po below;
//!                                      the integral only runs above it (cutoff 0)
//! ```
//!
//! Charge by a proportional-integral loop on its distance from the middle of the window, reset time one orbit.

use super::link::link_cap;
use super::{Answer, LimitedBy, Observation, Rule, Target};
use crate::units::{Kelvin, Watts};

/// Set point below the limit, and where control begins below the set point, K.
const SET_BELOW: Kelvin = Kelvin(3.0);
const CONTROL_RANGE: Kelvin = Kelvin(15.0);
/// Reset time of the heat integral in fast time constants of the network.
const HEAT_RESET: f64 = 5.0;
/// Set point of the charge, share of the window.
const CHARGE_SET: f64 = 0.6;
/// Share of the machine's range for a whole window of charge.
const CHARGE_GAIN: f64 = 2.0;

#[derive(Debug)]
pub(super) struct Reactive {
    junction: Watts,
    coolant: Watts,
    /// Share of the range that the charge integral holds.
    charge: f64,
}

impl Reactive {
    pub(super) fn new() -> Reactive {
        Reactive { junction: Watts::ZERO, coolant: Watts::ZERO, charge: 1.0 }
    }

    fn by_charge(&mut self, observation: &Observation<'_>) -> Target {
        let Observation { forecast, limits, machine, state, tick: dt, .. } = *observation;
        let window = forecast.battery.soc_max - limits.soc_min;
        let error = (state.soc - limits.soc_min) / window - CHARGE_SET;
        let proportional = CHARGE_GAIN * error;
        let integral = self.charge + CHARGE_GAIN * error * (dt / forecast.period());
        // Clamped so that the sum stays within the range: no windup at either end.
        self.charge = integral.clamp(-proportional, (1.0 - proportional).max(-proportional));
        Target::at(machine.at_share(self.charge + proportional), LimitedBy::Charge)
    }
}

/// One power allocator: the power for a node at `now` under `limit`, given what it sustains at the set point.
fn allocate(sum: &mut Watts, limit: Kelvin, now: Kelvin, sustained: Watts, share: f64) -> Watts {
    let error = (limit - SET_BELOW - now).0;
    let over = sustained.max(Watts::ZERO) / CONTROL_RANGE.0;
    if error < 0.0 {
        *sum += over * (error * share);
        *sum = sum.max(-sustained.max(Watts::ZERO));
    } else {
        // Below the set point the debt is forgotten as fast as it was made.
        *sum = (*sum + over * (error * share)).min(Watts::ZERO);
    }
    sustained + over * error * if error < 0.0 { 1.0 } else { 2.0 } + *sum
}

impl Rule for Reactive {
    fn answer(&mut self, observation: &Observation<'_>) -> Answer {
        let Observation { forecast, limits, state, tick: dt, .. } = *observation;
        let (thermal, hot) = (&forecast.thermal, &state.temperatures);
        let constant = thermal.junction_to_loop_k_per_w * thermal.junction_j_per_k;
        let share = (dt.0 / (HEAT_RESET * constant)).min(1.0);
        let junction = thermal.heat_at_junction(limits.junction - SET_BELOW, state.environment);
        let coolant = thermal.heat_at_loop(limits.coolant - SET_BELOW, state.environment);
        let junction = allocate(&mut self.junction, limits.junction, hot.junction, junction, share);
        let coolant = allocate(&mut self.coolant, limits.coolant, hot.coolant, coolant, share);
        self.by_charge(observation)
            .and(Target::at(junction, LimitedBy::Junction))
            .and(Target::at(coolant, LimitedBy::Loop))
            .and(link_cap(observation))
            .into()
    }
}
