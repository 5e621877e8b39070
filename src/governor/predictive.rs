//! `predictive`: model-predictive control over the orbit ahead.
//!
//! | part | from | how often |
//! |---|---|---|
//! | energy | the two-level allocation over the orbit ([`super::allocation`]) | every hundredth of an orbit, and at once when what it rests on changes |
//! | sunlight | what the array gives now, what the battery cannot take | every tick |
//! | constraints | a rollout from the worst state over the reach of a decision ([`super::constraints`]) | every tick |
//! | link | results that wait ([`super::link`]) | every tick |
//!
//! The budget is the least of these. There is no other margin: what the rollout keeps follows from the table of assumptions.

use super::allocation::{Allocation, Levels};
use super::constraints::{Worst, mean_cap, reach, steady_cap};
use super::horizon::{Horizon, carried, resolution};
use super::infeasible::infeasible;
use super::light::Light;
use super::link::link_cap;
use super::preview::{self, Preview};
use super::rollout::Rollout;
use super::{Answer, LimitedBy, Observation, Rule, Target, WorkCurve};
use crate::units::{Seconds, Watts};

/// A plan is kept for so long, in orbits, if nothing changes: a minute of a low orbit.
const PLAN_KEPT: f64 = 1.0 / 100.0;
/// The charge may differ from that of the plan's begin by this much, share of capacity.
const CHARGE_MOVED: f64 = 2e-3;
/// A plan this little under full power, share of the machine's range, is full power: what bisection leaves.
const BISECTED: f64 = 1e-4;
/// A battery this near its upper end takes nothing more: rounding.
const FULL_WITHIN: f64 = 1e-6;

/// The rule, and what it carries from tick to tick.
#[derive(Debug)]
pub(super) struct Predictive {
    curve: WorkCurve,
    plan: Option<Plan>,
    rollout: Option<Rollout>,
}

/// The plan in force, and what it rests on.
#[derive(Clone, Debug)]
struct Plan {
    levels: Levels,
    /// The limit that even idle power breaks.
    infeasible: Option<LimitedBy>,
    horizon: Horizon,
    made: Seconds,
    soc: f64,
    lit: bool,
    basis: Basis,
}

/// What makes a plan void when it changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Basis {
    forecast: Seconds,
    array: Watts,
    emission_w_per_k4: f64,
    limit: Watts,
    full: Watts,
}

impl Basis {
    fn of(observation: &Observation<'_>) -> Basis {
        let Observation { forecast, limits, machine, .. } = *observation;
        // Samples of one forecast are scaled alike, so one of them stands for all; the middle one is as good as any.
        let array = forecast.samples[forecast.samples.len() / 2].array + forecast.samples[0].array;
        Basis {
            forecast: forecast.start,
            array,
            emission_w_per_k4: forecast.thermal.emission_w_per_k4,
            limit: limits.compute,
            full: machine.full_w,
        }
    }

    /// Whether the light ahead is the same.
    fn is_in_light_of(&self, other: &Basis) -> bool {
        self.forecast == other.forecast && self.array == other.array
    }
}

impl Predictive {
    pub(super) fn new(curve: WorkCurve) -> Predictive {
        Predictive { curve, plan: None, rollout: None }
    }

    /// Plans anew where the plan in force is old or rests on something that has changed.
    fn renew(&mut self, observation: &Observation<'_>) {
        let Observation { forecast, state, .. } = *observation;
        let (basis, lit) = (Basis::of(observation), state.illumination > 0.0);
        let holds = self.plan.as_ref().is_some_and(|plan| {
            let age = state.t - plan.made;
            let young = age.0 >= 0.0 && age < forecast.period() * PLAN_KEPT;
            young && plan.basis == basis && plan.lit == lit && (state.soc - plan.soc).abs() < CHARGE_MOVED
        });
        if !holds {
            self.plan = Some(self.made(observation, basis, lit));
        }
    }

    fn made(&self, observation: &Observation<'_>, basis: Basis, lit: bool) -> Plan {
        let Observation { forecast, limits, machine, state, assumptions, .. } = *observation;
        let battery = &forecast.battery;
        let count = forecast.samples.len() as f64;
        let environment = forecast.samples.iter().fold(Watts::ZERO, |sum, sample| sum + sample.environment) / count;
        let heat = steady_cap(&forecast.thermal, limits, machine, environment).power;
        let most = machine.clamp(heat.min(limits.compute));
        let full = if machine.is_switching() { machine.full_w * assumptions.peak_power } else { machine.full_w };
        let floor = limits.soc_min + resolution(observation);
        let known = self.plan.as_ref().filter(|plan| plan.basis.is_in_light_of(&basis));
        let light = known.map_or_else(|| Light::new(forecast), |plan| plan.horizon.light.clone());
        let horizon = Horizon::new(light, forecast, machine, state.t, (most, full), floor);
        let allocation = Allocation::worth(&self.curve, battery.charge_efficiency * battery.discharge_efficiency);
        let (sustained, idle) = (horizon.sustainable(&allocation), horizon.idle(state.t));
        Plan {
            levels: horizon.solve(&allocation, sustained, state.soc),
            infeasible: infeasible(observation, idle.full.min(state.soc + idle.change)),
            horizon,
            made: state.t,
            soc: state.soc,
            lit,
            basis,
        }
    }
}

impl Rule for Predictive {
    fn answer(&mut self, observation: &Observation<'_>) -> Answer {
        self.renew(observation);
        let Some(plan) = &self.plan else { return Target::at(observation.machine.idle_w, LimitedBy::Energy).into() };
        let worst = Worst::new(observation);
        let radiator = observation.worst.temperatures.radiator;
        let rollout = Rollout::renewed(&mut self.rollout, &worst.thermal, worst.reach, radiator);
        let room = worst.room(&plan.horizon, rollout);
        let mut target = plan.energy(observation).and(room.power).and(link_cap(observation));
        if observation.machine.is_switching() {
            target = target.and(mean_cap(observation));
            if let Some(limited_by) = room.limited_by.filter(|_| room.on_time_max.is_some_and(|most| most.0 <= 0.0)) {
                target = target.and(Target::at(observation.machine.idle_w, limited_by));
            }
        }
        let preview = plan.preview(observation);
        Answer { target, on_time_max: room.on_time_max, infeasible: plan.infeasible, preview }
    }
}

impl Plan {
    /// What charge and sunlight allow.
    fn energy(&self, observation: &Observation<'_>) -> Target {
        let Observation { forecast, machine, state, limits, tick, .. } = *observation;
        // What lies under the floor is made up first.
        if state.soc < limits.soc_min {
            return Target::at(machine.idle_w, LimitedBy::Charge);
        }
        // Light that is going counts as what it will be when the tick is over; the battery bridges what is left.
        let array = state.array.min(forecast.at(state.t + tick * 0.5).array);
        let drawn = self.by_light(observation, array);
        match drawn < machine.full_w - (machine.full_w - machine.idle_w) * BISECTED {
            true => Target::at(drawn, LimitedBy::Energy),
            false => Target::FREE,
        }
    }

    /// The plan's draw while the array gives `array`: sunlight that the battery cannot take is free.
    fn by_light(&self, observation: &Observation<'_>, array: Watts) -> Watts {
        let Observation { forecast, machine, state, .. } = *observation;
        let is_full = state.soc >= forecast.battery.soc_max - FULL_WITHIN;
        let planned = self.levels.draw(forecast.compute_from(array));
        planned.max(self.horizon.free(array, is_full, machine.full_w))
    }

    fn preview(&self, observation: &Observation<'_>) -> Option<Preview> {
        let Observation { forecast, machine, state, assumptions, .. } = *observation;
        if !machine.is_switching() {
            return None;
        }
        let peak = machine.full_w * assumptions.peak_power;
        let level =
            |array| machine.clamp(self.by_light(observation, array).min(carried(forecast, machine, peak, array)));
        preview::foreseen(forecast, level, (state.t, level(state.array)), reach(observation))
    }
}
