//! `predictive`: the sustainable power of the orbit ahead, fed forward, corrected by feedback.
//!
//! | part | from | how often |
//! |---|---|---|
//! | energy | the plan of the orbit ahead ([`super::plan`]) | every four forecast samples |
//! | sunlight | what the array gives now and will give when this decision has taken effect | every tick |
//! | heat | the radiator of now and its own equation ([`super::heat`]) | every tick |
//! | link | results that wait ([`super::link`]) | every tick |
//! | correction | power drawn over power meant ([`super::trim`]), by the meter and by the heat it makes | every tick |
//!
//! The junction is a wattmeter, by `P = C_J dT_J/dt + (T_J - T_L)/R_JL`. It sees the error of a meter that reads low
//! ([`super::gauge`]); for what is left, the stricter of the two witnesses holds. Charge, temperatures and plan close
//! slower loops around both.

use super::evidence::Measured;
use super::gauge::Gauge;
use super::heat::{Lately, heat_cap, steady_cap};
use super::ladder::{Ladder, Levels};
use super::link::link_cap;
use super::plan::{Ahead, Plan, carried};
use super::trim::{Delay, Trim};
use super::{LimitedBy, Observation, OperatingRange, Rule, Target, WorkCurve};
use crate::envelope::{Forecast, Temperatures};
use crate::units::{Seconds, Watts};

/// Forecast samples from one plan to the next.
const PLAN_SAMPLES: f64 = 4.0;
/// Charge kept above the floor, beside what one decision can cost.
const CHARGE_MARGIN: f64 = 0.002;
/// A battery this near its upper end takes nothing more.
const FULL_WITHIN: f64 = 1e-6;
/// A change of the heat cap by less than this share of full power leaves what the orbit sustains as it is.
const SAME_POWER_SHARE: f64 = 0.01;
/// Ticks longer than this share of the loop's time constant are too coarse to gauge a meter by the junction.
const SHARP_SHARE: f64 = 0.35;
/// Share of full power, over one tick, that sampling may misjudge.
const SAMPLING_SHARE: f64 = 0.05;

/// The rule and what it carries from tick to tick.
#[derive(Debug)]
pub(super) struct Predictive {
    curve: WorkCurve,
    plan: Option<Planned>,
    before: Option<Before>,
    metered: Trim,
    felt: Trim,
    gauge: Gauge,
    lately: Lately,
}

/// The plan in force, and the orbit it rests on.
#[derive(Clone, Copy, Debug)]
struct Planned {
    plan: Plan,
    made: Seconds,
    sustained: Option<Levels>,
    /// The forecast and the power for which that was found.
    forecast: Seconds,
    most: Watts,
}

/// The last tick.
#[derive(Clone, Copy, Debug)]
struct Before {
    t: Seconds,
    hot: Temperatures,
    meant: Watts,
}

impl Predictive {
    pub(super) fn new(curve: WorkCurve) -> Predictive {
        let (metered, felt) = (Trim::default(), Trim::default());
        let (gauge, lately) = (Gauge::default(), Lately::default());
        Predictive { curve, plan: None, before: None, metered, felt, gauge, lately }
    }

    /// The plan, made anew every [`PLAN_SAMPLES`]; what the orbit sustains, once a forecast.
    fn plan(&mut self, observation: &Observation<'_>, floor: f64, heat: Watts) -> Plan {
        let Observation { forecast, limits, machine, state, .. } = *observation;
        if let Some(planned) = self.plan {
            let age = state.t - planned.made;
            if age.0 >= 0.0 && age < forecast.step * PLAN_SAMPLES {
                return planned.plan;
            }
        }
        let battery = &forecast.battery;
        let count = forecast.samples.len() as f64;
        let environment = forecast.samples.iter().fold(Watts::ZERO, |sum, sample| sum + sample.environment) / count;
        let settled = steady_cap(&forecast.thermal, limits, machine, environment).power;
        let most = machine.clamp(heat.max(settled).min(limits.compute));
        let ladder = Ladder::worth(&self.curve, battery.charge_efficiency * battery.discharge_efficiency);
        let ahead = Ahead::new(forecast, machine, state.t, most, floor);
        let same = |planned: &Planned| {
            let moved = (planned.most - most).0.abs();
            planned.forecast == forecast.start && moved < SAME_POWER_SHARE * machine.full_w.0
        };
        let (sustained, for_most) = match self.plan.filter(same) {
            Some(planned) => (planned.sustained, planned.most),
            None => (ahead.sustainable(&ladder), most),
        };
        let plan = ahead.solve(&ladder, sustained, state.soc);
        self.plan = Some(Planned { plan, made: state.t, sustained, forecast: forecast.start, most: for_most });
        plan
    }

    /// What charge and sunlight allow.
    fn energy(&mut self, observation: &Observation<'_>, heat: Watts) -> Target {
        let Observation { forecast, limits, machine, state, .. } = *observation;
        let floor = limits.soc_min + CHARGE_MARGIN + one_decision(observation);
        let plan = self.plan(observation, floor, heat);
        if plan.hopeless {
            return Target { power: Watts::ZERO, limited_by: LimitedBy::Charge };
        }
        // The battery bridges what a tick misjudges; only what it must carry is taken at its worst.
        let array = state.array.min(forecast.at(state.t + observation.dt.max(Seconds::ZERO) * 0.5).array);
        let direct = forecast.compute_from(array);
        let battery = &forecast.battery;
        // Sunlight that the battery cannot take is free.
        let taken = if state.soc >= battery.soc_max - FULL_WITHIN { Watts::ZERO } else { battery.charge_max };
        let free = forecast.compute_from(array - taken);
        let drawn = plan.levels.draw(direct).max(free);
        let carried = carried(forecast, machine, least_array(observation)).max(machine.idle_w);
        let by_plan = Target { power: drawn, limited_by: LimitedBy::Energy };
        by_plan.and(Target { power: carried, limited_by: LimitedBy::Charge })
    }

    /// Takes in what was drawn since the last tick, and corrects `target`.
    fn correct(&mut self, target: Target, observation: &Observation<'_>, measured: Option<Measured>) -> Target {
        let Observation { forecast, machine, state, .. } = *observation;
        let delay = delay(machine, observation.dt);
        let meant = machine.clamp(target.power);
        // Before either sum of the gauge moves on, so that they cover the same time.
        let gain = self.gauge.gain();
        let sharp = observation.dt < loop_constant(forecast) * SHARP_SHARE;
        if let Some(before) = self.before {
            let span = state.t - before.t;
            // Over a gap the heat of the junction says nothing about the power in between.
            if span.0 > 0.0 && span < forecast.period() / 50.0 {
                let felt = power_felt(forecast, before.hot, state.temperatures, span);
                self.felt.learn(felt, before.meant, span, &delay);
                if sharp {
                    self.gauge.feel(felt, span, machine);
                }
            }
            if let Some(measured) = measured {
                // What the meter shows of the power that is meant.
                self.metered.learn(measured.power, before.meant * gain, measured.span, &delay);
                if sharp {
                    self.gauge.measure(measured.power, measured.span);
                }
            }
        }
        self.lately.remember(meant, observation);
        self.before = Some(Before { t: state.t, hot: state.temperatures, meant });
        let trim = self.felt.correction(&delay).min(self.metered.correction(&delay));
        // The pacer holds what the meter shows.
        let corrected = target.power.min(machine.full_w) * gain + trim;
        // Below idle there is nothing to correct; what lies there is the envelope's own answer.
        Target { power: corrected.max(machine.idle_w.min(target.power)), ..target }
    }
}

impl Rule for Predictive {
    fn target(&mut self, observation: &Observation<'_>, measured: Option<Measured>) -> Target {
        let heat = heat_cap(observation, &self.lately);
        let energy = self.energy(observation, heat.power);
        let target = energy.and(heat).and(link_cap(observation));
        self.correct(target, observation, measured)
    }
}

/// The least that the array gives between now and when this decision has taken effect.
fn least_array(observation: &Observation<'_>) -> Watts {
    let Observation { forecast, machine, state, dt, .. } = *observation;
    let soon = state.t + dt.max(Seconds::ZERO);
    let late = soon + machine.sensor_lag_s + machine.batch_s;
    // A sample is a mean; the one after the next shows a shadow that begins inside it.
    let ahead = [soon, late, late + forecast.step].map(|t| forecast.at(t).array);
    ahead.into_iter().fold(state.array, Watts::min)
}

/// The charge that a wrong decision can cost until it is put right.
fn one_decision(observation: &Observation<'_>) -> f64 {
    let Observation { forecast, machine, dt, .. } = *observation;
    let battery = &forecast.battery;
    let reach = dt.max(Seconds::ZERO) + machine.sensor_lag_s + machine.batch_s;
    let drawn = forecast.bus_load(machine.full_w) * reach;
    drawn / battery.capacity / battery.discharge_efficiency
}

/// Delays and slack of the correction.
fn delay(machine: &OperatingRange, dt: Seconds) -> Delay {
    let theta = machine.sensor_lag_s + (machine.update_period_s + dt) / 2.0 + machine.batch_s;
    let swing = (machine.full_w - machine.idle_w) * machine.batch_s + super::pacer::burst(machine);
    Delay { theta, slack: swing + machine.full_w * dt * SAMPLING_SHARE, full: machine.full_w }
}

/// Time constant of the loop between junction and radiator.
fn loop_constant(forecast: &Forecast) -> Seconds {
    let thermal = &forecast.thermal;
    Seconds(thermal.loop_j_per_k / (thermal.loop_to_radiator_w_per_k + 1.0 / thermal.junction_to_loop_k_per_w))
}

/// Power into the junction over `span`, by what it did to the temperatures: exact for constant power and a loop whose
/// temperature moves evenly.
fn power_felt(forecast: &Forecast, before: Temperatures, after: Temperatures, span: Seconds) -> Watts {
    let thermal = &forecast.thermal;
    let (resistance, capacity) = (thermal.junction_to_loop_k_per_w, thermal.junction_j_per_k);
    let kept = (-span.0 / (resistance * capacity)).exp();
    let (first, last) = (before.junction - before.coolant, after.junction - after.coolant);
    let settled = (last - first * kept) / (1.0 - kept);
    let carried = capacity * (after.coolant - before.coolant).0 / span.0;
    Watts(settled.0 / resistance + carried)
}
