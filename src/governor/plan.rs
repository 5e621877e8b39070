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

use super::curve::WorkCurve;
use crate::envelope::Forecast;
use crate::units::{Seconds, Watts};

/// Bisections: enough for 1e-7 of the machine's range.
const BISECTIONS: usize = 24;
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

/// The orbit ahead, ready to be planned.
#[derive(Clone, Debug)]
pub(super) struct Ahead<'a> {
    forecast: &'a Forecast,
    samples: Vec<Sample>,
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
    /// The least charge from which the sustainable orbit can be flown from here.
    pub(super) need: f64,
}

impl<'a> Ahead<'a> {
    /// The orbit from machine time `now` on. The compute draws at most `most`; the charge keeps `floor`.
    pub(super) fn new(forecast: &'a Forecast, now: Seconds, most: Watts, floor: f64) -> Ahead<'a> {
        let battery = &forecast.battery;
        let sample = |index: usize| {
            let array = forecast.at(now + forecast.step * (index as f64 + 0.5)).array;
            let carried = forecast.compute_from(array + battery.discharge_max);
            Sample { array, direct: forecast.compute_from(array), most: most.min(carried) }
        };
        Ahead { forecast, samples: (0..forecast.samples.len()).map(sample).collect(), floor }
    }

    /// Change of charge over one sample.
    fn gain(&self, sample: &Sample, levels: &Levels) -> f64 {
        let battery = &self.forecast.battery;
        let surplus = sample.array - self.forecast.bus_load(levels.draw(sample.direct).min(sample.most));
        let cells = if surplus > Watts::ZERO {
            surplus.min(battery.charge_max) * battery.charge_efficiency
        } else {
            surplus / battery.discharge_efficiency
        };
        cells * self.forecast.step / battery.capacity
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
        net >= -ROUNDING && worst <= self.forecast.battery.soc_max + ROUNDING
    }

    /// Whether a charge of `soc` lasts over the orbit at `levels` and ends with at least `end`.
    fn affords(&self, levels: &Levels, soc: f64, end: f64) -> bool {
        let mut charge = soc;
        for sample in &self.samples {
            let gain = self.gain(sample, levels);
            charge = (charge + gain).min(self.forecast.battery.soc_max);
            if gain < 0.0 && charge < self.floor - ROUNDING {
                return false;
            }
        }
        charge >= end.min(self.forecast.battery.soc_max) - ROUNDING
    }

    /// The highest levels that the periodic orbit sustains; none if not even idle does.
    pub(super) fn sustainable(&self, ladder: &Ladder) -> Option<Levels> {
        highest(ladder, |levels| self.sustains(levels))
    }

    /// The highest levels from a charge of `soc`.
    pub(super) fn solve(&self, ladder: &Ladder, soc: f64) -> Plan {
        let sustained = self.sustainable(ladder);
        let need = sustained.map_or(self.floor, |levels| self.needs(&levels).1);
        let found = highest(ladder, |levels| self.affords(levels, soc, need));
        let idle = ladder.levels(0.0);
        let hopeless = found.is_none() && !self.affords(&idle, soc, 0.0);
        Plan { levels: found.unwrap_or(idle), hopeless, need }
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
