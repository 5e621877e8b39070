//! The plan: what the battery can carry over the orbit ahead, for ever.
//!
//! Of the two power levels of a [`Ladder`] the highest are taken that are
//!
//! * *sustainable*: over the periodic orbit the battery gains at least what it loses, and its deepest need fits
//!   between floor and full; `need(t)` is the least charge from which the orbit can be flown,
//!   `need(t) = max(floor, need(t + step) - gain(t))`, solved backwards around the orbit;
//! * *affordable*: from the charge of now, never under the floor during the orbit ahead and at its end no less than
//!   the need. So nothing is borrowed, unless the charge is above what the orbit ahead needs.
//!
//! A machine of batches draws full power or idle, so its battery charges and discharges around every mean, at a loss and
//! up to its charging limit each time; its change of charge is that of the mix, not that of the mean.

use super::OperatingRange;
use super::ladder::{Ladder, Levels};
use crate::envelope::Forecast;
use crate::units::{Seconds, Watts};

/// Charge that rounding may cost over an orbit, share of capacity.
const ROUNDING: f64 = 1e-12;

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
    if carried < machine.full_w && whole(machine) { machine.idle_w } else { carried }
}

/// Whether the machine draws full power or idle, and nothing in between.
fn whole(machine: &OperatingRange) -> bool {
    machine.batch_s.0 > 0.0 && machine.full_w > machine.idle_w
}

/// The orbit ahead, ready to be planned.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    samples: Vec<Sample>,
    housekeeping: Watts,
    /// Idle and full power of a machine that draws nothing in between.
    batches: Option<(Watts, Watts)>,
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
            batches: whole(machine).then_some((machine.idle_w, machine.full_w)),
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
        let drawn = levels.draw(sample.direct).min(sample.most);
        match self.batches {
            None => self.gain_at(sample, drawn),
            Some((idle, full)) => {
                let share = (drawn - idle) / (full - idle);
                self.gain_at(sample, full) * share + self.gain_at(sample, idle) * (1.0 - share)
            }
        }
    }

    /// Change of charge over one sample under a steady draw.
    fn gain_at(&self, sample: &Sample, drawn: Watts) -> f64 {
        let surplus = sample.array - (drawn * self.bus_per_compute + self.housekeeping);
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
        ladder.highest(|levels| self.sustains(levels))
    }

    /// The highest levels that are both sustained and, from a charge of `soc`, never under the floor.
    pub(super) fn sustainable_from(&self, ladder: &Ladder, soc: f64) -> Option<Levels> {
        ladder.highest(|levels| self.sustains(levels) && self.affords(levels, soc, soc.min(self.needs(levels).1)))
    }

    /// The highest levels from a charge of `soc`, when the orbit sustains `sustained`.
    pub(super) fn solve(&self, ladder: &Ladder, sustained: Option<Levels>, soc: f64) -> Plan {
        let need = sustained.map_or(self.floor, |levels| self.needs(&levels).1);
        let found = ladder.highest(|levels| self.affords(levels, soc, need));
        let idle = ladder.lowest();
        let hopeless = found.is_none() && !self.affords(&idle, soc, 0.0);
        Plan { levels: found.unwrap_or(idle), hopeless }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WorkCurve;
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
        let levels =
            Ahead::new(&small, &MACHINE, Seconds(0.0), Watts(90.0), 0.2).sustainable(&ladder).expect("sustained");
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
    fn switching_costs_charge_that_the_mean_does_not_show() {
        let forecast = forecast(200.0);
        let constant = Ladder::constant(Watts(0.0), Watts(150.0));
        let at = |batch_s: f64| {
            let machine = OperatingRange { full_w: Watts(150.0), batch_s: Seconds(batch_s), ..MACHINE };
            let ahead = Ahead::new(&forecast, &machine, Seconds(0.0), Watts(150.0), 0.2);
            ahead.sustainable(&constant).expect("idle is sustained").shade
        };
        assert!(at(0.1) < at(0.0) * 0.99, "{} in batches, {} smoothly", at(0.1), at(0.0));
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
