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
//! | junction, loop | neither node passes its limit on the way |
//! | charge | idle power from then on keeps the floor until the battery is charged again |
//! | bus | array and battery can feed `peak_power` times full power all the way |
//!
//! The longest time that may be on is found by bisection. Nothing else keeps a distance from a limit, beside what means hide: those of the forecast's
//! samples and of the meter's windows.
//!
//! Most ticks need no rollout. The network is cooperative (each node warms its neighbours), so a start that is warmer in every
//! node stays so. Let `d` be the most by which junction or loop stand over their settled values above the radiator, and
//! `c >= 0` the pace at which the radiator warms. All three nodes settled, raised by `d` and rising at `c` are warmer at
//! the start and warm no slower than the network would, so nothing rises over `settled + d + c t` within `t`.

use super::allocation::bisect;
use super::horizon::{carried, resolution};
use super::{LimitedBy, Observation, OperatingRange, Target};
use crate::envelope::{Forecast, Limits, Temperatures, Thermal};
use crate::units::{Kelvin, Seconds, Watts};

/// After so many fast time constants at idle power the nodes have settled.
const SETTLED_CONSTANTS: f64 = 3.0;
/// Points at which settling nodes are looked at; the first ones lie close together, for that is where a loop is hottest.
const SETTLING_POINTS: u32 = 12;
/// Bisections: to 0.4 % of the reach, or of the machine's range.
const BISECTIONS: usize = 8;

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
struct Worst<'a> {
    observation: &'a Observation<'a>,
    /// Until the next decision has taken effect.
    reach: Seconds,
    /// The network, with a radiator that gives as little as is assumed.
    thermal: Thermal,
    environment: Watts,
    /// Least that the array gives within the reach.
    array: Watts,
    /// The deepest that idle power can take the charge down during an orbit.
    idle_depth: f64,
}

/// Until the next decision has taken effect.
pub(super) fn reach(observation: &Observation<'_>) -> Seconds {
    let Observation { machine, assumptions, tick, .. } = *observation;
    tick * assumptions.tick_length + machine.batch_s * assumptions.batch_length
}

/// What the constraints leave from now on, where idle power takes the charge down by at most `idle_depth` during an orbit.
pub(super) fn room(observation: &Observation<'_>, idle_depth: f64) -> Room {
    let worst = Worst::new(observation, idle_depth);
    if observation.machine.is_switching() { worst.of_batches() } else { worst.of_power() }
}

impl<'a> Worst<'a> {
    fn new(observation: &'a Observation<'a>, idle_depth: f64) -> Worst<'a> {
        let Observation { forecast, worst, assumptions, .. } = *observation;
        let reach = reach(observation);
        // What is drawn within the reach may seem to be drawn a window sooner or later. A sample is a mean; the one after the
        // last shows a shadow that begins inside it.
        let (from, window) = (worst.t - observation.window(), observation.window());
        let samples = ((reach + window * 2.0) / forecast.step).ceil().min(forecast.samples.len() as f64) as u32 + 1;
        let ahead = (0..=samples).map(|index| forecast.at(from + forecast.step * f64::from(index)));
        let (mut array, mut environment) = (worst.array, worst.environment);
        for sample in ahead {
            array = array.min(sample.array);
            environment = environment.max(sample.environment);
        }
        let left = 1.0 - assumptions.forecast_share;
        let thermal = Thermal { emission_w_per_k4: forecast.thermal.emission_w_per_k4 * left, ..forecast.thermal };
        Worst { observation, reach, thermal, environment, array: array * left, idle_depth }
    }

    /// What a meter that shows too little makes of a power.
    fn meter(&self) -> f64 {
        let Observation { has_own_sensors, assumptions, .. } = *self.observation;
        if has_own_sensors { 1.0 / (1.0 - assumptions.meter_share) } else { 1.0 }
    }

    /// A machine of batches: for how long of the reach they may run.
    fn of_batches(&self) -> Room {
        let Observation { machine, assumptions, forecast, power_step, .. } = *self.observation;
        let above = machine.full_w - machine.idle_w;
        let on = machine.idle_w + above * (assumptions.item_cost * self.meter()) + power_step;
        let peak = machine.full_w * (assumptions.peak_power * self.meter()) + power_step;
        let whole = Room { power: Target::FREE, on_time_max: None, limited_by: None };
        let held = |time: Seconds, limited_by| Room { on_time_max: Some(time), limited_by: Some(limited_by), ..whole };
        if carried(forecast, machine, peak, self.array) < peak {
            return held(Seconds::ZERO, LimitedBy::Bus);
        }
        let by_charge = self.charge_time(on);
        let (by_heat, limited_by) = self.heat_time(on);
        match (by_charge < by_heat.min(self.reach), by_heat < self.reach) {
            (true, _) => held(by_charge, LimitedBy::Charge),
            (_, true) => held(by_heat, limited_by),
            _ => whole,
        }
    }

    /// A power that follows its budget: the most of it.
    fn of_power(&self) -> Room {
        let Observation { machine, forecast, assumptions, .. } = *self.observation;
        // What it may draw beyond its budget.
        let power_step = self.observation.power_step + machine.full_w * (assumptions.peak_power - 1.0);
        let bus = (carried(forecast, machine, machine.full_w, self.array) - power_step) / self.meter();
        let mut power =
            if bus < machine.full_w { Target::at(bus.max(machine.idle_w), LimitedBy::Bus) } else { Target::FREE };
        let most = power.power.min(machine.full_w);
        let charge = self.charge_power();
        if charge < most {
            power = power.and(Target::at(charge, LimitedBy::Charge));
        }
        let most = power.power.min(machine.full_w);
        if let Some(limited_by) = self.breaks(self.reach, most * self.meter() + power_step, self.reach) {
            let holds = |power: Watts| self.breaks(self.reach, power * self.meter() + power_step, self.reach).is_none();
            let heat = bisect(machine.idle_w.0, most.0, BISECTIONS, |power| holds(Watts(power)));
            power = power.and(Target::at(Watts(heat), limited_by));
        }
        Room { power, on_time_max: None, limited_by: None }
    }

    /// Lowest charge that idle power from the worst state on leads to until the battery is charged again, over the floor: what
    /// may be taken out; at least `asked` of it is looked for. Negative where idle itself breaks the floor.
    fn charge_left(&self, asked: f64) -> f64 {
        let Observation { forecast, machine, worst, limits, .. } = *self.observation;
        let floor = limits.soc_min + resolution(self.observation);
        let far = worst.soc - self.idle_depth - floor;
        if far >= asked {
            return far;
        }
        lowest(forecast, machine.idle_w, worst.t, worst.soc).min(worst.soc) - floor
    }

    /// Charge that `power` takes out in a second beyond what idle power does.
    fn charge_rate(&self, power: Watts) -> f64 {
        let Observation { forecast, machine, .. } = *self.observation;
        let battery = &forecast.battery;
        let deficit = |power: Watts| (forecast.bus_load(power) - self.array).max(Watts::ZERO);
        let beyond = (deficit(power) - deficit(machine.idle_w)).max(Watts::ZERO);
        beyond.0 / (battery.discharge_efficiency * battery.capacity.0)
    }

    fn charge_time(&self, on: Watts) -> Seconds {
        let rate = self.charge_rate(on);
        if rate <= 0.0 {
            return Seconds(f64::INFINITY);
        }
        Seconds((self.charge_left(rate * self.reach.0) / rate).max(0.0))
    }

    fn charge_power(&self) -> Watts {
        let Observation { machine, forecast, .. } = *self.observation;
        let rate = self.charge_rate(machine.full_w * self.meter()) * self.reach.0;
        if rate <= 0.0 {
            return Watts(f64::INFINITY);
        }
        let left = self.charge_left(rate);
        if left >= rate {
            return Watts(f64::INFINITY);
        }
        // What the array alone can feed takes nothing out.
        let light = forecast.compute_from(self.array).max(machine.idle_w);
        machine.idle_w.max(light.min(machine.full_w))
            + (machine.full_w - light).max(Watts::ZERO) * (left / rate).clamp(0.0, 1.0)
    }

    fn heat_time(&self, on: Watts) -> (Seconds, LimitedBy) {
        match self.breaks(self.reach, on, self.reach) {
            None => (Seconds(f64::INFINITY), LimitedBy::Junction),
            Some(limited_by) => {
                let holds = |time: f64| self.breaks(Seconds(time), on, self.reach).is_none();
                (Seconds(bisect(0.0, self.reach.0, BISECTIONS, holds)), limited_by)
            }
        }
    }

    /// The limit that is broken by `power` for `time` of the reach and idle power afterwards.
    fn breaks(&self, time: Seconds, power: Watts, reach: Seconds) -> Option<LimitedBy> {
        let Observation { machine, worst, limits, .. } = *self.observation;
        let (thermal, from) = (&self.thermal, worst.temperatures);
        let settling = settling_time(thermal);
        if stays_below(thermal, from, power, self.environment, limits, reach + settling) {
            return None;
        }
        let hot = if time.0 > 0.0 { thermal.step(from, power, self.environment, time) } else { from };
        if hot.junction > limits.junction {
            return Some(LimitedBy::Junction);
        }
        settles(thermal, hot, (machine.idle_w * self.meter(), self.environment), limits, settling)
    }
}

/// The limit that is passed while `hot` settles at idle power.
fn settles(
    thermal: &Thermal,
    hot: Temperatures,
    (idle, environment): (Watts, Watts),
    limits: &Limits,
    settling: Seconds,
) -> Option<LimitedBy> {
    if hot.coolant > limits.coolant {
        return Some(LimitedBy::Loop);
    }
    // No node rises over the warmest of all unless idle power alone does that.
    if hot.junction <= limits.coolant && idle.0 * thermal.junction_to_loop_k_per_w <= (limits.coolant - hot.junction).0
    {
        return None;
    }
    let mut now = hot;
    for point in 0..SETTLING_POINTS {
        // Squares: 1, 3, 5, ... parts from one to the next.
        let parts = f64::from(2 * point + 1) / f64::from(SETTLING_POINTS * SETTLING_POINTS);
        now = thermal.step(now, idle, environment, settling * parts);
        if now.coolant > limits.coolant {
            return Some(LimitedBy::Loop);
        }
        if now.junction > limits.junction {
            return Some(LimitedBy::Junction);
        }
    }
    None
}

/// Three time constants of junction and loop.
fn settling_time(thermal: &Thermal) -> Seconds {
    let constant = thermal.junction_to_loop_k_per_w * thermal.junction_j_per_k
        + thermal.loop_j_per_k / thermal.loop_to_radiator_w_per_k;
    Seconds(constant * SETTLED_CONSTANTS)
}

/// Whether `power` for `time` can be seen to keep both limits: see the module's second half.
fn stays_below(
    thermal: &Thermal,
    from: Temperatures,
    power: Watts,
    environment: Watts,
    limits: &Limits,
    time: Seconds,
) -> bool {
    let coolant = from.radiator + Kelvin(power.0 / thermal.loop_to_radiator_w_per_k);
    let junction = coolant + Kelvin(power.0 * thermal.junction_to_loop_k_per_w);
    let over = (from.junction - junction).max(from.coolant - coolant).max(Kelvin::ZERO);
    let square = from.radiator.0 * from.radiator.0;
    let emitted = Watts(thermal.emission_w_per_k4 * square * square);
    let pace = (power + environment - emitted).max(Watts::ZERO).0 / thermal.radiator_j_per_k;
    let rise = over + Kelvin(pace * time.0);
    junction + rise <= limits.junction && coolant + rise <= limits.coolant
}

/// The lowest charge that `idle` power leads to from `soc` at machine time `now`, within an orbit.
pub(super) fn lowest(forecast: &Forecast, idle: Watts, now: Seconds, soc: f64) -> f64 {
    let load = forecast.bus_load(idle);
    let battery = &forecast.battery;
    let (mut charge, mut least) = (soc, soc);
    for (dt, sample) in forecast.ahead(now) {
        charge = battery.step(charge, sample.array - load, dt).0;
        least = least.min(charge);
    }
    least
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

/// Which limit idle power alone breaks during the orbit ahead, as far as it can be foreseen, where it takes the charge down to
/// `idle_lowest`.
pub(super) fn infeasible(observation: &Observation<'_>, idle_lowest: f64) -> Option<LimitedBy> {
    let Observation { forecast, machine, limits, .. } = *observation;
    if idle_lowest < limits.soc_min {
        return Some(LimitedBy::Charge);
    }
    let given = |sample: &crate::envelope::Outlook| sample.array + forecast.battery.discharge_max;
    if forecast.samples.iter().any(|sample| given(sample) < forecast.bus_load(machine.idle_w)) {
        return Some(LimitedBy::Bus);
    }
    heat_infeasible(observation)
}

fn heat_infeasible(observation: &Observation<'_>) -> Option<LimitedBy> {
    let Observation { forecast, machine, state, limits, .. } = *observation;
    let thermal = &forecast.thermal;
    let over = |hot: &Temperatures| match (hot.junction > limits.junction, hot.coolant > limits.coolant) {
        (true, _) => Some(LimitedBy::Junction),
        (_, true) => Some(LimitedBy::Loop),
        _ => None,
    };
    let most = forecast.samples.iter().fold(Watts::ZERO, |most, sample| most.max(sample.environment));
    // Where even the worst of the sky would settle below both limits there is nothing to foresee.
    over(&thermal.steady(machine.idle_w, most))?;
    let mut hot = state.temperatures;
    forecast.ahead(state.t).find_map(|(dt, sample)| {
        hot = thermal.step(hot, machine.idle_w, sample.environment, dt);
        over(&hot)
    })
}

#[cfg(test)]
mod tests;
