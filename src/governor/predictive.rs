//! `predictive`: the sustainable power of the orbit ahead, fed forward, corrected by feedback.
//!
//! | part | from | how often |
//! |---|---|---|
//! | forecast | scaled by what turns out ([`super::reality`]) | every tick |
//! | energy | the plan of the orbit ahead ([`super::plan`]) | every fortieth of an orbit, and at once when reality departs |
//! | sunlight | what the array gives now and will give when this decision has taken effect | every tick |
//! | heat | the radiator of now and its own equation ([`super::heat`]), limits lowered at the [`super::brink`] | every tick |
//! | link | results that wait ([`super::link`]) | every tick |
//! | correction | power drawn over power meant ([`super::trim`]), by the meter and by the heat it makes | every tick |
//!
//! The junction is a wattmeter, by `P = C_J dT_J/dt + (T_J - T_L)/R_JL`. It sees the error of a meter that reads low
//! ([`super::gauge`]); for what is left, the stricter of the two witnesses holds. Charge, temperatures and plan close
//! slower loops around both.

use super::brink::{Brink, stop};
use super::evidence::Measured;
use super::fall::{self, Fall};
use super::gauge::Gauge;
use super::heat::{Lately, doom, heat_cap, steady_cap};
use super::junction::Felt;
use super::ladder::{Ladder, Levels};
use super::link::link_cap;
use super::plan::{Ahead, Plan, carried};
use super::reality::{Departure, Reality};
use super::trim::{Delay, Trim};
use super::{LimitedBy, Observation, OperatingRange, Rule, Target, WorkCurve};
use crate::envelope::{Forecast, Limits, Temperatures, Thermal};
use crate::units::{Joules, Kelvin, Seconds, Watts};

/// A plan is kept for so long, in orbits, if nothing departs from it.
const PLAN_KEPT: f64 = 1.0 / 40.0;
/// Least and most share of the machine's range by which full power may be missed: rounding, and what no flight's work shows.
const HAIR: (f64, f64) = (1e-4, 5e-3);
/// The charge may differ from what the plan foresaw by this much, share of capacity.
const CHARGE_OFF: f64 = 5e-4;
/// Charge kept above the floor, beside what one decision can cost.
const CHARGE_MARGIN: f64 = 0.002;
/// A battery this near its upper end takes nothing more.
const FULL_WITHIN: f64 = 1e-6;
/// A change of the heat cap by less than this share of full power leaves what the orbit sustains as it is.
const SAME_POWER_SHARE: f64 = 0.01;
/// The next tick is foreseen to take at most so many times what the last one was foreseen to take.
const LATE_TIMES: f64 = 2.0;
/// Ticks longer than this share of the loop's time constant are too coarse to gauge a meter by the junction.
const SHARP_SHARE: f64 = 0.35;
/// Work of which nobody knew may draw this share of the machine's range: items that cost 40 % more, and a tenth beside it.
const WORST_SHARE: f64 = 1.5;
/// Further from its limit than this no node is stopped.
const FAR: Kelvin = Kelvin(1.0);
/// A meter shows no less than 1 of this: a gain that falls to 0.8 on a meter that is 5 % low (1.32), and a little.
const WORST_METER: f64 = 1.35;
/// A batch may have come to take so many times as long as calibration saw.
const LONGER: f64 = 2.0;
/// Share of full power, over one tick, that sampling may misjudge.
const SAMPLING_SHARE: f64 = 0.05;

/// The rule: what is believed of the sky and of the ticks, and who steers by it.
#[derive(Debug)]
pub(super) struct Predictive {
    reality: Reality,
    /// From one tick to the next, as far as can be foreseen: a tick that came late, after a suspend, foretells nothing.
    tick: Option<Seconds>,
    pilot: Pilot,
}

/// What steers, and what it carries from tick to tick.
#[derive(Debug)]
struct Pilot {
    curve: WorkCurve,
    plan: Option<Planned>,
    before: Option<Before>,
    metered: Trim,
    felt: Trim,
    gauge: Gauge,
    lately: Lately,
    brink: Brink,
    fall: Option<Fall>,
}

/// The plan in force, and the orbit it rests on.
#[derive(Clone, Copy, Debug)]
struct Planned {
    plan: Plan,
    /// The limit of heat that even idle power breaks.
    doom: Option<LimitedBy>,
    made: Seconds,
    /// The charge that it foresees, for the time of `seen`.
    soc: f64,
    seen: Seconds,
    sustained: Option<Levels>,
    /// The forecast and the power for which that was found.
    forecast: Seconds,
    most: Watts,
    /// What the plan rests on besides.
    basis: Basis,
}

/// What makes a plan void when it changes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Basis {
    departure: Departure,
    limit: Watts,
    full: Watts,
}

impl Basis {
    fn holds(&self, now: &Basis) -> bool {
        let moved = (self.full - now.full).0.abs() > SAME_POWER_SHARE * now.full.0;
        self.departure.is_near(&now.departure) && self.limit == now.limit && !moved
    }
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
        let (gauge, lately, brink) = (Gauge::default(), Lately::default(), Brink::default());
        let pilot = Pilot { curve, plan: None, before: None, metered, felt, gauge, lately, brink, fall: None };
        Predictive { reality: Reality::new(), tick: None, pilot }
    }
}

impl Rule for Predictive {
    fn target(&mut self, observation: &Observation<'_>, measured: Option<Measured>) -> Target {
        let dt = observation.dt.max(Seconds::ZERO);
        let tick = self.tick.filter(|tick| tick.0 > 0.0).map_or(dt, |tick| dt.min(tick * LATE_TIMES));
        self.tick = Some(tick);
        let (forecast, departure) = self.reality.believe(observation.forecast, observation.state);
        self.pilot.steer(&Observation { forecast, dt: tick, ..*observation }, departure, measured)
    }

    fn fall(&self) -> Option<Fall> {
        self.pilot.fall
    }
}

impl Pilot {
    /// The target by the forecast as it is believed.
    fn steer(&mut self, observation: &Observation<'_>, departure: Departure, measured: Option<Measured>) -> Target {
        let (before, sensed) = (self.before, observation);
        let limits = &self.brink.lower(observation);
        let observation = &Observation { limits, ..*observation };
        let heat = heat_cap(observation, &self.lately);
        let energy = self.energy(observation, departure, heat.power);
        let target = energy.and(heat).and(link_cap(observation));
        let corrected = self.correct(target, observation, measured);
        corrected.and(stop(sensed, self.soon(before, sensed)))
    }

    /// The temperatures to stop by. A batch may begin at the end of this tick and is not recalled: those to which
    /// [`WORST_SHARE`] of full power would bring them until then. Power that follows the budget at once: those of now, or
    /// if more is drawn than was meant, those to which it would lead by a meter that shows 1 of [`WORST_METER`].
    fn soon(&self, before: Option<Before>, observation: &Observation<'_>) -> Temperatures {
        let Observation { state, machine, forecast, dt, .. } = *observation;
        let hot = state.temperatures;
        if machine.batch_s.0 > 0.0 {
            let (worst, span) = (machine.at_share(WORST_SHARE), dt + machine.batch_s);
            let far = stays_far(&forecast.thermal, hot, worst * span, span, observation.limits);
            return if far { hot } else { forecast.thermal.step(hot, worst, state.environment, span) };
        }
        let Some(before) = before.filter(|before| state.t > before.t) else { return hot };
        if !self.felt.is_strained(&delay(machine, dt)) {
            return hot;
        }
        let worst = (before.meant * WORST_METER).min(machine.full_w);
        forecast.thermal.step(hot, worst, state.environment, dt)
    }

    /// The plan, made anew when it is old or wrong; what the orbit sustains, once a forecast.
    fn plan(
        &mut self,
        observation: &Observation<'_>,
        departure: Departure,
        floor: f64,
        heat: Watts,
    ) -> (Plan, Option<LimitedBy>) {
        let Observation { forecast, limits, machine, state, .. } = *observation;
        let basis = Basis { departure, limit: limits.compute, full: machine.full_w };
        if let Some(planned) = self.plan {
            let age = state.t - planned.made;
            let young = age.0 >= 0.0 && age < forecast.period() * PLAN_KEPT && planned.forecast == forecast.start;
            if young && (state.soc - planned.soc).abs() < CHARGE_OFF && planned.basis.holds(&basis) {
                return (planned.plan, planned.doom);
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
            let known = planned.forecast == forecast.start && planned.basis.holds(&basis);
            known && moved < SAME_POWER_SHARE * machine.full_w.0
        };
        let (sustained, for_most) = match self.plan.filter(same) {
            Some(planned) => (planned.sustained, planned.most),
            None => (ahead.sustainable(&ladder), most),
        };
        let plan = ahead.solve(&ladder, sustained, state.soc);
        let doom = doom(observation);
        let (made, soc, forecast) = (state.t, state.soc, forecast.start);
        self.plan = Some(Planned { plan, doom, made, soc, seen: made, sustained, forecast, most: for_most, basis });
        (plan, doom)
    }

    /// Brings the charge that the plan foresees to now.
    fn foresee(&mut self, observation: &Observation<'_>) {
        let Observation { forecast, state, machine, .. } = *observation;
        let Some(planned) = &mut self.plan else { return };
        let span = (state.t - planned.seen).max(Seconds::ZERO);
        let array = forecast.at(planned.seen + span * 0.5).array;
        let drawn = planned.plan.levels.draw(forecast.compute_from(array)).min(planned.most);
        let surplus = array - forecast.bus_load(machine.clamp(drawn));
        planned.soc = forecast.battery.step(planned.soc, surplus, span).0;
        planned.seen = state.t;
    }

    /// What charge and sunlight allow.
    fn energy(&mut self, observation: &Observation<'_>, departure: Departure, heat: Watts) -> Target {
        let Observation { forecast, limits, machine, state, .. } = *observation;
        self.foresee(observation);
        let floor = limits.soc_min + CHARGE_MARGIN + one_decision(observation);
        let (plan, doom) = self.plan(observation, departure, floor, heat);
        self.fall = None;
        if let Some(limited_by) = doom {
            return Target { power: Watts::ZERO, limited_by };
        }
        // What lies under the floor is made up first.
        if plan.hopeless || state.soc < limits.soc_min {
            return Target { power: Watts::ZERO, limited_by: LimitedBy::Charge };
        }
        // The battery bridges what a tick misjudges; only what it must carry is taken at its worst.
        let array = state.array.min(forecast.at(state.t + observation.dt.max(Seconds::ZERO) * 0.5).array);
        let battery = &forecast.battery;
        // Sunlight that the battery cannot take is free.
        let taken = if state.soc >= battery.soc_max - FULL_WITHIN { Watts::ZERO } else { battery.charge_max };
        let by_light = |array| plan.levels.draw(forecast.compute_from(array)).max(forecast.compute_from(array - taken));
        let drawn = by_light(array);
        // Smooth power is the meter's: what it may show too little must be carried too.
        let uncertain = if machine.batch_s.0 > 0.0 { 0.0 } else { self.gauge.uncertainty() };
        let held = carried(forecast, machine, least_array(observation)) * (1.0 - uncertain);
        let by_plan = match drawn < machine.full_w - hair(observation) {
            true => Target { power: drawn, limited_by: LimitedBy::Energy },
            false => Target { power: drawn.max(machine.full_w), limited_by: LimitedBy::Machine },
        };
        if machine.batch_s.0 > 0.0 {
            let level =
                |array| by_light(array).min(carried(forecast, machine, array)).min(machine.full_w).max(machine.idle_w);
            let reach = observation.dt + machine.batch_s * LONGER;
            self.fall = fall::foreseen(forecast, level, (state.t, level(state.array)), reach);
        }
        by_plan.and(Target { power: held.max(machine.idle_w), limited_by: LimitedBy::Charge })
    }

    /// Takes in what was drawn since the last tick, and corrects `target`.
    fn correct(&mut self, target: Target, observation: &Observation<'_>, measured: Option<Measured>) -> Target {
        let Observation { forecast, machine, state, .. } = *observation;
        let delay = delay(machine, observation.dt);
        let meant = target.power.min(observation.limits.compute).max(machine.idle_w);
        // Before either sum of the gauge moves on, so that they cover the same time.
        let gain = self.gauge.gain();
        let sharp = observation.dt < loop_constant(forecast) * SHARP_SHARE;
        if let Some(before) = self.before {
            let span = state.t - before.t;
            // Over a gap the heat of the junction says nothing about the power in between.
            if span.0 > 0.0 && span < forecast.period() / 50.0 {
                let felt = Felt::between(&forecast.thermal, before.hot, state.temperatures, span).power;
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
        let beyond = (target.power - machine.full_w).max(Watts::ZERO);
        let corrected = target.power.min(machine.full_w) * gain + trim;
        // What the envelope bears beyond full power is not for a meter or a machine that has been found wanting.
        let corrected = if trim < Watts::ZERO || gain < 1.0 { corrected } else { corrected + beyond };
        // Below idle there is nothing to correct; what lies there is the envelope's own answer.
        Target { power: corrected.max(machine.idle_w.min(target.power)), ..target }
    }
}

/// Whether `heat` into the junction over `span` leaves it and the loop far from their limits even if all of it stayed
/// where it came to: a cheap answer for most ticks.
fn stays_far(thermal: &Thermal, hot: Temperatures, heat: Joules, span: Seconds, limits: &Limits) -> bool {
    let warmest = hot.junction.max(hot.coolant).max(hot.radiator);
    let junction = warmest + Kelvin(heat.0 / thermal.junction_j_per_k);
    let carried = (junction - hot.coolant).0 / thermal.junction_to_loop_k_per_w * span.0;
    let coolant = hot.coolant.max(hot.radiator) + Kelvin(carried / thermal.loop_j_per_k);
    junction < limits.junction - FAR && coolant < limits.coolant - FAR
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

/// A plan this little under full power is full power: what one batch more makes of it while it is kept.
fn hair(observation: &Observation<'_>) -> Watts {
    let Observation { forecast, machine, .. } = *observation;
    let share = machine.batch_s / (forecast.period() * PLAN_KEPT);
    (machine.full_w - machine.idle_w) * share.clamp(HAIR.0, HAIR.1)
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
    // A change shows after the sensor's dead time, or half its period if that is longer, and acts half a tick later.
    let shown = machine.sensor_lag_s.max(machine.update_period_s / 2.0) + dt / 2.0;
    let theta = shown + machine.batch_s;
    let swing = (machine.full_w - machine.idle_w) * machine.batch_s + super::pacer::burst(machine);
    Delay { theta, slack: swing + machine.full_w * dt * SAMPLING_SHARE, full: machine.full_w }
}

/// Time constant of the loop between junction and radiator.
fn loop_constant(forecast: &Forecast) -> Seconds {
    let thermal = &forecast.thermal;
    Seconds(thermal.loop_j_per_k / (thermal.loop_to_radiator_w_per_k + 1.0 / thermal.junction_to_loop_k_per_w))
}
