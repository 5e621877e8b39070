//! The plan: two power levels for the orbit ahead that the battery can carry for ever.
//!
//! ```text
//! draw  = max(shade, min(sun, what the array gives))      `shade` at least, if need be from the battery;
//!                                                         more than `shade` only straight from the Sun, up to `sun`
//! ```
//!
//! A stored joule comes back as `eta_c eta_d` joules, so the best use of one orbit's light under a concave rate of
//! work w has exactly this form, with `w'(sun) = eta_c eta_d w'(shade)` wherever both lie inside the machine's range
//! (Lagrange, one price for stored and one for direct energy). That leaves one number to find: the *height* on a
//! ladder of steps, dearest joule first. It is found by bisection:
//!
//! * *sustainable*: over the periodic orbit the battery gains at least what it loses, and its deepest need fits
//!   between floor and full; `need(t)` is the least charge from which the orbit can be flown,
//!   `need(t) = max(floor, need(t + step) - gain(t))`, solved backwards around the orbit;
//! * *affordable*: from the charge of now, never under the floor during the orbit ahead and at its end no less than
//!   the need. So nothing is borrowed, unless the charge is above what the orbit ahead needs.

use super::OperatingRange;
use super::curve::WorkCurve;
use crate::envelope::Forecast;
use crate::units::{Seconds, Watts};

/// Bisections: enough for 1e-5 of the machine's range.
const BISECTIONS: usize = 18;
/// Charge that rounding may cost over an orbit, share of capacity.
const ROUNDING: f64 = 1e-12;

/// The two levels of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Levels {
    /// Drawn at least, if need be from the battery.
    pub(super) shade: Watts,
    /// Drawn at most, straight from the Sun.
    pub(super) sun: Watts,
}

impl Levels {
    /// The draw while the array leaves `direct` watts for the compute.
    pub(super) fn draw(&self, direct: Watts) -> Watts {
        direct.min(self.sun).max(self.shade)
    }
}

/// One step up: how far each level rises on it.
#[derive(Clone, Copy, Debug)]
struct Step {
    shade: Watts,
    sun: Watts,
}

/// All steps from both levels at idle to both at full power, dearest joule first.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    idle: Watts,
    steps: Vec<Step>,
}

impl Ladder {
    /// Both levels as one: a constant load.
    pub(super) fn constant(idle: Watts, full: Watts) -> Ladder {
        Ladder { idle, steps: vec![Step { shade: full - idle, sun: full - idle }] }
    }

    /// The best use of a joule first, with `round_trip` of a stored joule coming back.
    pub(super) fn worth(curve: &WorkCurve, round_trip: f64) -> Ladder {
        let mut priced = Vec::new();
        for segment in curve.segments() {
            priced.push((segment.slope, Step { shade: Watts::ZERO, sun: segment.watts }));
            priced.push((segment.slope * round_trip, Step { shade: segment.watts, sun: Watts::ZERO }));
        }
        // Stable, so that of two equal prices the direct joule is spent first.
        priced.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ladder { idle: curve.idle(), steps: priced.into_iter().map(|(_, step)| step).collect() }
    }

    fn top(&self) -> f64 {
        self.steps.len() as f64
    }

    fn levels(&self, height: f64) -> Levels {
        let mut levels = Levels { shade: self.idle, sun: self.idle };
        for (index, step) in self.steps.iter().enumerate() {
            let share = (height - index as f64).clamp(0.0, 1.0);
            levels.shade += step.shade * share;
            levels.sun += step.sun * share;
        }
        levels
    }
}

/// What one sample of the orbit gives.
#[derive(Clone, Copy, Debug)]
struct Sample {
    array: Watts,
    /// What the array leaves for the compute.
    direct: Watts,
    /// What the compute may draw: machine, heat and the battery's discharge limit.
    most: Watts,
}

/// What array and battery together can feed. A machine of batches draws full power or idle: if they cannot feed full
/// power, none may run.
pub(super) fn carried(forecast: &Forecast, machine: &OperatingRange, array: Watts) -> Watts {
    let carried = forecast.compute_from(array + forecast.battery.discharge_max);
    if carried < machine.full_w && machine.batch_s.0 > 0.0 { machine.idle_w } else { carried }
}

/// The orbit ahead, ready to be planned.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    samples: Vec<Sample>,
    housekeeping: Watts,
    /// Watts at the bus per watt of compute.
    bus_per_compute: f64,
    charge_max: Watts,
    /// Change of charge over one sample per watt at the bus, in and out.
    gain_per_watt: f64,
    loss_per_watt: f64,
    soc_max: f64,
    /// The charge to keep, margin included.
    floor: f64,
}

/// What a plan found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// The levels to run at.
    pub(super) levels: Levels,
    /// Whether even idle power takes the charge under the floor.
    pub(super) hopeless: bool,
}

impl Ahead {
    /// The orbit from machine time `now` on. The compute of `machine` draws at most `most`; the charge keeps `floor`.
    pub(super) fn new(forecast: &Forecast, machine: &OperatingRange, now: Seconds, most: Watts, floor: f64) -> Ahead {
        let battery = &forecast.battery;
        let sample = |index: usize| {
            let array = forecast.at(now + forecast.step * (index as f64 + 0.5)).array;
            Sample { array, direct: forecast.compute_from(array), most: most.min(carried(forecast, machine, array)) }
        };
        let per_watt = forecast.step.0 / battery.capacity.0;
        Ahead {
            samples: (0..forecast.samples.len()).map(sample).collect(),
            housekeeping: forecast.housekeeping,
            bus_per_compute: 1.0 / forecast.conversion_efficiency,
            charge_max: battery.charge_max,
            gain_per_watt: per_watt * battery.charge_efficiency,
            loss_per_watt: per_watt / battery.discharge_efficiency,
            soc_max: battery.soc_max,
            floor,
        }
    }

    /// Change of charge over one sample.
    fn gain(&self, sample: &Sample, levels: &Levels) -> f64 {
        let drawn = levels.draw(sample.direct).min(sample.most) * self.bus_per_compute + self.housekeeping;
        let surplus = sample.array - drawn;
        if surplus > Watts::ZERO {
            surplus.min(self.charge_max).0 * self.gain_per_watt
        } else {
            surplus.0 * self.loss_per_watt
        }
    }

    /// Change of charge over one orbit in a battery without ends, and the needs now and at worst.
    fn needs(&self, levels: &Levels) -> (f64, f64, f64) {
        let (mut net, mut need, mut worst) = (0.0, self.floor, self.floor);
        // The first turn finds where the orbit joins itself, the second the needs.
        for turn in 0..2 {
            for sample in self.samples.iter().rev() {
                let gain = self.gain(sample, levels);
                need = (need - gain).max(self.floor);
                worst = worst.max(need);
                net += if turn == 0 { gain } else { 0.0 };
            }
        }
        (net, need, worst)
    }

    fn sustains(&self, levels: &Levels) -> bool {
        let (net, _, worst) = self.needs(levels);
        net >= -ROUNDING && worst <= self.soc_max + ROUNDING
    }

    /// Whether a charge of `soc` lasts over the orbit at `levels` and ends with at least `end`.
    fn affords(&self, levels: &Levels, soc: f64, end: f64) -> bool {
        let mut charge = soc;
        for sample in &self.samples {
            let gain = self.gain(sample, levels);
            charge = (charge + gain).min(self.soc_max);
            if gain < 0.0 && charge < self.floor - ROUNDING {
                return false;
            }
        }
        charge >= end.min(self.soc_max) - ROUNDING
    }

    /// The highest levels that the periodic orbit sustains; none if not even idle does.
    pub(super) fn sustainable(&self, ladder: &Ladder) -> Option<Levels> {
        highest(ladder, |levels| self.sustains(levels))
    }

    /// The highest levels that are both sustained and, from a charge of `soc`, never under the floor.
    pub(super) fn sustainable_from(&self, ladder: &Ladder, soc: f64) -> Option<Levels> {
        highest(ladder, |levels| self.sustains(levels) && self.affords(levels, soc, soc.min(self.needs(levels).1)))
    }

    /// The highest levels from a charge of `soc`, when the orbit sustains `sustained`.
    pub(super) fn solve(&self, ladder: &Ladder, sustained: Option<Levels>, soc: f64) -> Plan {
        let need = sustained.map_or(self.floor, |levels| self.needs(&levels).1);
        let found = highest(ladder, |levels| self.affords(levels, soc, need));
        let idle = ladder.levels(0.0);
        let hopeless = found.is_none() && !self.affords(&idle, soc, 0.0);
        Plan { levels: found.unwrap_or(idle), hopeless }
    }
}

/// The highest levels for which `holds`, which must not hold above a height where it fails.
fn highest(ladder: &Ladder, holds: impl Fn(&Levels) -> bool) -> Option<Levels> {
    let (mut low, mut high) = (0.0, ladder.top());
    if holds(&ladder.levels(high)) {
        return Some(ladder.levels(high));
    }
    if !holds(&ladder.levels(low)) {
        return None;
    }
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if holds(&ladder.levels(middle)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(ladder.levels(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Battery, Outlook, Thermal};
    use crate::units::Joules;

    const DARK: usize = 20;
    const SAMPLES: usize = 100;
    const ARRAY: Watts = Watts(113.0);

    /// A hundred minutes: eighty in the sun, then twenty in the shade. 200 Wh, 0.96 each way.
    fn forecast(capacity_wh: f64) -> Forecast {
        let sample = |index: usize| {
            let illumination = if index < SAMPLES - DARK { 1.0 } else { 0.0 };
            Outlook { illumination, array: ARRAY * illumination, environment: Watts(10.0) }
        };
        Forecast {
            start: Seconds::ZERO,
            step: Seconds(60.0),
            samples: (0..SAMPLES).map(sample).collect(),
            housekeeping: Watts::ZERO,
            conversion_efficiency: 1.0,
            battery: Battery {
                capacity: Joules(capacity_wh * 3600.0),
                charge_efficiency: 0.96,
                discharge_efficiency: 0.96,
                charge_max: Watts(100.0),
                discharge_max: Watts(200.0),
                soc_min: 0.2,
                soc_max: 1.0,
            },
            thermal: Thermal {
                emission_w_per_k4: 1e-8,
                junction_to_loop_k_per_w: 0.1,
                loop_to_radiator_w_per_k: 20.0,
                junction_j_per_k: 100.0,
                loop_j_per_k: 400.0,
                radiator_j_per_k: 1000.0,
            },
        }
    }

    const MACHINE: OperatingRange = OperatingRange {
        idle_w: Watts(0.0),
        full_w: Watts(110.0),
        sensor_lag_s: Seconds(0.1),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(0.0),
    };

    fn ahead(forecast: &Forecast, minute: f64) -> Ahead {
        Ahead::new(forecast, &MACHINE, Seconds(minute * 60.0), Watts(110.0), 0.2)
    }

    #[test]
    fn a_constant_load_is_that_of_the_closed_form() {
        let forecast = forecast(200.0);
        let constant = Ladder::constant(Watts(0.0), Watts(110.0));
        let found = ahead(&forecast, 0.0).sustainable(&constant).expect("idle is sustained").shade.0;
        let dark = DARK as f64 / SAMPLES as f64;
        let closed = ARRAY.0 * (1.0 - dark) / ((1.0 - dark) + dark / (0.96 * 0.96));
        assert!((found / closed - 1.0).abs() < 1e-4, "{found} W, closed form {closed} W");
    }

    #[test]
    fn a_machine_of_proportional_work_follows_the_sun() {
        let forecast = forecast(200.0);
        let ladder = Ladder::worth(&WorkCurve::linear(Watts(0.0), Watts(110.0)), 0.96 * 0.96);
        let levels = ahead(&forecast, 0.0).sustainable(&ladder).expect("idle is sustained");
        let spare = (113.0 - 110.0) * 0.8 * 0.96 * 0.96 / 0.2;
        assert!((levels.sun.0 - 110.0).abs() < 1e-9, "full power in the sun, not {}", levels.sun);
        assert!((levels.shade.0 - spare).abs() < 0.01, "{} in the shade, not {spare} W", levels.shade);
    }

    #[test]
    fn a_machine_that_tires_is_run_evenly() {
        let curve = WorkCurve::new(Watts(0.0), &[(Watts(80.0), 0.95), (Watts(110.0), 1.0)]).expect("a curve");
        let levels = ahead(&forecast(200.0), 0.0).sustainable(&Ladder::worth(&curve, 0.92)).expect("sustained");
        assert!((levels.shade.0 - 80.0).abs() < 1e-6, "the cheap watts in the shade first: {}", levels.shade);
        assert!(levels.sun > Watts(80.0) && levels.sun < Watts(110.0), "the rest in the sun: {}", levels.sun);
    }

    #[test]
    fn a_small_battery_limits_the_shade_and_not_the_sun() {
        let small = forecast(10.0);
        let ladder = Ladder::worth(&WorkCurve::linear(Watts(0.0), Watts(90.0)), 0.92);
        let levels = Ahead::new(&small, &MACHINE, Seconds(0.0), Watts(90.0), 0.2).sustainable(&ladder).expect("sustained");
        let stored = 10.0 * 0.8 * 0.96 / (20.0 / 60.0);
        assert_eq!(levels.sun, Watts(90.0), "full power in the sun");
        assert!((levels.shade.0 - stored).abs() < 0.01, "{} in the shade, not {stored} W", levels.shade);
    }

    #[test]
    fn batches_that_the_battery_cannot_feed_wait_for_the_sun() {
        let mut weak = forecast(200.0);
        weak.battery.discharge_max = Watts(50.0);
        let whole = OperatingRange { batch_s: Seconds(0.1), ..MACHINE };
        assert_eq!(carried(&weak, &MACHINE, Watts::ZERO), Watts(50.0), "a smooth machine is throttled");
        assert_eq!(carried(&weak, &whole, Watts::ZERO), Watts(0.0), "a whole batch would brown the bus out");
        assert_eq!(carried(&weak, &whole, ARRAY), Watts(163.0), "in the sun it would not");
    }

    #[test]
    fn charge_above_the_need_is_spent_and_below_it_is_made_up() {
        let forecast = forecast(200.0);
        let ladder = Ladder::worth(&WorkCurve::linear(Watts(0.0), Watts(110.0)), 0.96 * 0.96);
        let before_the_shade = ahead(&forecast, (SAMPLES - DARK) as f64);
        let sustained = before_the_shade.sustainable(&ladder);
        let at = |soc: f64| before_the_shade.solve(&ladder, sustained, soc).levels.shade.0;
        let level = sustained.expect("idle is sustained").shade.0;
        let need = before_the_shade.needs(&sustained.expect("idle is sustained")).1;
        assert!((at(need) / level - 1.0).abs() < 1e-3, "{} W at the need, sustained {level} W", at(need));
        assert!(at(1.0) > at(need) && at(need - 0.01) < at(need), "more with more charge, less with less");
    }

    #[test]
    fn an_orbit_that_not_even_idle_survives_is_hopeless() {
        let forecast = forecast(10.0);
        let ladder = Ladder::worth(&WorkCurve::linear(Watts(60.0), Watts(90.0)), 0.92);
        let ahead = ahead(&forecast, 0.0);
        assert_eq!(ahead.sustainable(&ladder), None, "20 Wh in the shade from 8 Wh");
        assert!(ahead.solve(&ladder, None, 1.0).hopeless, "and it is said");
    }
}
