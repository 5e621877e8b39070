//! The constraints: a rollout of the envelope from the worst state, and what it leaves.
//!
//! Until the next decision has taken effect (*reach*: a tick as late as is assumed, and a batch as long as is assumed)
//! nothing that was admitted is recalled. So the spacecraft is flown ahead from the worst state that the assumptions
//! allow now, under the most that they allow from now on, and then at idle power until the fast nodes have settled:
//!
//! ```text
//!   worst state ── on: idle + item_cost (full - idle) ──> ── idle power for three fast time constants ──>  within every limit?
//!                  (a power that follows its budget: that power)
//! ```
//!
//! | limit | holds if |
//! |---|---|
//! | junction, loop | neither node passes its limit on the way ([`super::rollout`]) |
//! | charge | idle power from then on keeps the floor during the orbit ahead |
//! | bus | array and battery can feed `peak_power` times full power all the way |
//!
//! Power that is drawn in the light costs the charge too: what it keeps from the battery. Nothing else keeps a distance from
//! a limit, beside what means hide: those of the forecast's samples and of the meter's windows.

use super::horizon::{Horizon, carried, resolution};
use super::light::least_array;
use super::rollout::{Rollout, Start};
use super::{LimitedBy, Observation, OperatingRange, Target};
use crate::envelope::{Limits, Thermal};
use crate::units::{Kelvin, Seconds, Watts};

/// What the constraints leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Room {
    /// The most mean power, for a power that follows its budget; and what holds it.
    pub(super) power: Target,
    /// For how long batches may run until the next decision has taken effect; none where that is all of the time.
    pub(super) on_time_max: Option<Seconds>,
    /// What holds that.
    pub(super) limited_by: Option<LimitedBy>,
}

/// How the machine can draw from now on, at its worst.
pub(super) struct Worst<'a> {
    observation: &'a Observation<'a>,
    /// Until the next decision has taken effect.
    pub(super) reach: Seconds,
    /// The network, with a radiator that gives as little as is assumed.
    pub(super) thermal: Thermal,
    environment: Watts,
    /// Least that the array gives within the reach.
    array: Watts,
}

/// Until the next decision has taken effect.
pub(super) fn reach(observation: &Observation<'_>) -> Seconds {
    let Observation { machine, assumptions, tick, .. } = *observation;
    tick * assumptions.tick_length + machine.batch_s * assumptions.batch_length
}

impl<'a> Worst<'a> {
    pub(super) fn new(observation: &'a Observation<'a>) -> Worst<'a> {
        let Observation { forecast, worst, assumptions, .. } = *observation;
        let reach = reach(observation);
        // What is drawn within the reach may seem to be drawn a window sooner or later. A sample is a mean; the one after the
        // last shows a shadow that begins inside it.
        let (from, window) = (worst.t - observation.window(), observation.window());
        let count = forecast.samples.len();
        let ahead = ((reach + window * 2.0) / forecast.step).ceil().min(count as f64) as usize + 1;
        let (first, _) = forecast.place(from);
        let sample = |index: usize| &forecast.samples[(first + index) % count];
        let (mut array, mut environment) = (worst.array, worst.environment);
        for index in count..=count + ahead {
            let arrays = [index - 1, index, index + 1].map(|index| sample(index).array);
            array = array.min(least_array(arrays));
            environment = environment.max(sample(index).environment);
        }
        let left = 1.0 - assumptions.forecast_share;
        let thermal = Thermal { emission_w_per_k4: forecast.thermal.emission_w_per_k4 * left, ..forecast.thermal };
        Worst { observation, reach, thermal, environment, array: array * left }
    }

    /// What the constraints leave from now on, over an orbit as in `horizon`.
    pub(super) fn room(&self, horizon: &Horizon, rollout: &Rollout) -> Room {
        match self.observation.machine.is_switching() {
            true => self.of_batches(horizon, rollout),
            false => self.of_power(horizon, rollout),
        }
    }

    /// What a meter that shows too little makes of a power.
    fn meter(&self) -> f64 {
        let Observation { has_own_sensors, assumptions, .. } = *self.observation;
        if has_own_sensors { 1.0 / (1.0 - assumptions.meter_share) } else { 1.0 }
    }

    fn start(&self) -> Start {
        let Observation { machine, worst, held, .. } = *self.observation;
        let idle = machine.idle_w * self.meter();
        Start { from: worst.temperatures, idle, environment: self.environment, held }
    }

    /// A machine of batches: for how long of the reach they may run.
    fn of_batches(&self, horizon: &Horizon, rollout: &Rollout) -> Room {
        let Observation { machine, assumptions, forecast, limits, power_step, .. } = *self.observation;
        let above = machine.full_w - machine.idle_w;
        let on = machine.idle_w + above * (assumptions.item_cost * self.meter()) + power_step;
        let peak = machine.full_w * (assumptions.peak_power * self.meter()) + power_step;
        let held = |time: Seconds, limited_by| Room {
            power: Target::FREE,
            on_time_max: Some(time),
            limited_by: Some(limited_by),
        };
        if carried(forecast, machine, peak, self.array) < peak {
            return held(Seconds::ZERO, LimitedBy::Bus);
        }
        match (rollout.longest(&self.start(), on, limits), self.charge_time(horizon, on)) {
            (Some((time, _)), Some(by_charge)) if by_charge < time => held(by_charge, LimitedBy::Charge),
            (Some((time, limited_by)), _) => held(time, limited_by),
            (None, Some(by_charge)) => held(by_charge, LimitedBy::Charge),
            (None, None) => Room { power: Target::FREE, on_time_max: None, limited_by: None },
        }
    }

    /// A power that follows its budget: the most of it.
    fn of_power(&self, horizon: &Horizon, rollout: &Rollout) -> Room {
        let Observation { machine, forecast, assumptions, limits, .. } = *self.observation;
        // What it may draw beyond its budget.
        let power_step = self.observation.power_step + machine.full_w * (assumptions.peak_power - 1.0);
        let budget = |power: Watts| (power - power_step) / self.meter();
        let mut power = Target::FREE;
        let mut limit = |least: Watts, limited_by| {
            if least < machine.full_w {
                power = power.and(Target::at(least.max(machine.idle_w), limited_by));
            }
        };
        limit(budget(carried(forecast, machine, machine.full_w, self.array)), LimitedBy::Bus);
        let most = machine.full_w * self.meter() + power_step;
        if let Some(highest) = self.charge_power(horizon, most) {
            limit(budget(highest), LimitedBy::Charge);
        }
        if let Some((highest, limited_by)) = rollout.highest_power(&self.start(), most, limits) {
            limit(budget(highest), limited_by);
        }
        Room { power, on_time_max: None, limited_by: None }
    }

    /// Charge over the floor now, and what of it the orbit behind the reach takes at idle power.
    fn charge_left(&self, horizon: &Horizon) -> (f64, f64) {
        let Observation { worst, limits, .. } = *self.observation;
        let floor = limits.soc_min + resolution(self.observation);
        (worst.soc - floor, -horizon.idle(worst.t + self.reach).change)
    }

    /// For how long of the reach `on` may be drawn, idle power for the rest of it; none where that is all of it. The charge
    /// keeps the floor meanwhile and in the orbit behind it; what idle power does is always allowed.
    fn charge_time(&self, horizon: &Horizon, on: Watts) -> Option<Seconds> {
        let Observation { machine, worst, forecast, .. } = *self.observation;
        let [gain, idle_gain] = [on, machine.idle_w].map(|power| horizon.gain_at(self.array, power));
        let (left, behind) = self.charge_left(horizon);
        let lost_in = |left: f64, rate: f64| if rate > 0.0 { left.max(0.0) / rate } else { f64::INFINITY };
        // A battery that is full takes no more, however long idle power lasts.
        let full = (forecast.battery.soc_max - worst.soc).max(0.0);
        let time = lost_in(left + idle_gain * self.reach.0 - behind, idle_gain - gain)
            .min(lost_in(left, -gain))
            .min(lost_in(left + full - behind, -gain));
        (time < self.reach.0).then_some(Seconds(time))
    }

    /// The highest power that may be drawn over the whole reach, so that the charge keeps the floor in the orbit behind it; none
    /// where `full` may. What idle power does is always allowed.
    fn charge_power(&self, horizon: &Horizon, full: Watts) -> Option<Watts> {
        let (left, behind) = self.charge_left(horizon);
        let idle_gain = horizon.gain_at(self.array, self.observation.machine.idle_w);
        let least = ((behind - left) / self.reach.0).min(idle_gain);
        (horizon.gain_at(self.array, full) < least).then(|| horizon.draw_at(self.array, least))
    }
}

/// How a machine of batches swings a node around its mean: one batch of the worst power lifts a node of time constant tau
/// by `r (worst - P)(1 - exp(-t_on/tau))`. The mean power at which junction and loop, settled over the radiator of now, stay
/// below their limits by that and by how far the worst state lies over the expected one.
pub(super) fn mean_cap(observation: &Observation<'_>) -> Target {
    let Observation { forecast, machine, assumptions, state, worst, limits, .. } = *observation;
    let thermal = &forecast.thermal;
    let on = machine.idle_w + (machine.full_w - machine.idle_w) * assumptions.item_cost;
    let mut cap = Target::FREE;
    for node in nodes(thermal, limits, machine.batch_s * assumptions.batch_length) {
        let (worse, limited_by) = match node.limited_by {
            LimitedBy::Loop => (worst.temperatures.coolant - state.temperatures.coolant, LimitedBy::Loop),
            other => (worst.temperatures.junction - state.temperatures.junction, other),
        };
        let radiator = state.temperatures.radiator;
        let room = (node.limit - worse.max(Kelvin::ZERO) - radiator).0 - node.swing_k_per_w * on.0;
        // The swing vanishes at the worst power, so the slope stays positive.
        let power = Watts(room / (node.k_per_w - node.swing_k_per_w));
        cap = cap.and(Target::at(power, limited_by));
    }
    cap
}

/// How one node answers to power, in the settled state over the radiator.
struct Node {
    limit: Kelvin,
    /// Kelvin over the radiator per watt.
    k_per_w: f64,
    /// Swing of a batch per watt over the mean.
    swing_k_per_w: f64,
    limited_by: LimitedBy,
}

/// Both fast nodes of a network under batches of `batch` seconds.
fn nodes(thermal: &Thermal, limits: &Limits, batch: Seconds) -> [Node; 2] {
    let (to_loop, to_radiator) = (thermal.junction_to_loop_k_per_w, 1.0 / thermal.loop_to_radiator_w_per_k);
    let rise = |constant: f64| 1.0 - (-batch.0 / constant).exp();
    let coolant_swing = to_radiator * rise(to_radiator * thermal.loop_j_per_k);
    let junction_swing = to_loop * rise(to_loop * thermal.junction_j_per_k) + coolant_swing;
    [
        Node {
            limit: limits.junction,
            k_per_w: to_loop + to_radiator,
            swing_k_per_w: junction_swing,
            limited_by: LimitedBy::Junction,
        },
        Node { limit: limits.coolant, k_per_w: to_radiator, swing_k_per_w: coolant_swing, limited_by: LimitedBy::Loop },
    ]
}

/// The constant power that settles below both limits under `environment`, batches included.
pub(super) fn steady_cap(thermal: &Thermal, limits: &Limits, machine: &OperatingRange, environment: Watts) -> Target {
    let mut cap = Target::FREE;
    for node in nodes(thermal, limits, machine.batch_s) {
        let settled = |reserve: f64| match node.limited_by {
            LimitedBy::Loop => thermal.heat_at_loop(node.limit - Kelvin(reserve), environment),
            _ => thermal.heat_at_junction(node.limit - Kelvin(reserve), environment),
        };
        let swing = |power: Watts| node.swing_k_per_w * (machine.full_w - power).max(Watts::ZERO).0;
        // More power, less swing: from the largest swing on, the powers climb to the cap and never pass it.
        let mut power = settled(swing(Watts::ZERO));
        for _ in 0..8 {
            power = settled(swing(power.max(Watts::ZERO)));
        }
        cap = cap.and(Target::at(power, node.limited_by));
    }
    cap
}

#[cfg(test)]
pub(super) mod tests;
