//! The two-level allocation: what is drawn at least, and what is drawn at most straight from the Sun.
//!
//! ```text
//! draw  = max(shade, min(sun, what the array leaves))     `shade` at least, if need be from the battery;
//!                                                         more than `shade` only straight from the Sun, up to `sun`
//! ```
//!
//! A stored joule comes back as `eta_c eta_d` joules, so the best use of one orbit's light under a concave rate of
//! work w has exactly this form, with `w'(sun) = eta_c eta_d w'(shade)` wherever both lie inside the machine's range
//! (Lagrange, one price for stored and one for direct energy). That is one number to find, the height of both levels on
//! a list of steps, dearest joule first. Where the size of the battery caps one level, its price says nothing about
//! the other: each is then raised alone as far as it goes.

use super::horizon::Horizon;
use super::work_curve::WorkCurve;
use crate::units::Watts;

/// Bisections: enough for 1e-5 of the machine's range.
const BISECTIONS: usize = 18;

/// A battery that caps the shade caps what is drawn in the last light before it too: the shade makes room by this share of the
/// machine's range while the sun is looked for.
const SPARED: f64 = 1e-3;

/// The two levels.
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

/// All steps from both levels at idle to both at full power, dearest joule first: how far each level rises.
#[derive(Clone, Debug)]
pub(super) struct Allocation {
    idle: Watts,
    full: Watts,
    steps: Vec<Levels>,
}

impl Allocation {
    /// Both levels as one: a constant load.
    pub(super) fn constant(idle: Watts, full: Watts) -> Allocation {
        Allocation { idle, full, steps: vec![Levels { shade: full - idle, sun: full - idle }] }
    }

    /// The best use of a joule first, with `round_trip` of a stored joule coming back.
    pub(super) fn worth(curve: &WorkCurve, round_trip: f64) -> Allocation {
        let mut priced = Vec::new();
        for segment in curve.segments() {
            priced.push((segment.slope, Levels { shade: Watts::ZERO, sun: segment.watts }));
            priced.push((segment.slope * round_trip, Levels { shade: segment.watts, sun: Watts::ZERO }));
        }
        // Stable, so that of two equal prices the direct joule is spent first.
        priced.sort_by(|a, b| b.0.total_cmp(&a.0));
        let steps = priced.into_iter().map(|(_, step)| step).collect();
        Allocation { idle: curve.idle(), full: curve.full(), steps }
    }

    /// Both levels at idle.
    pub(super) fn lowest(&self) -> Levels {
        self.levels(0.0)
    }

    /// The highest levels for which `holds`, which must not hold above levels where it fails; none where idle fails.
    pub(super) fn highest(&self, holds: impl Fn(&Levels) -> bool) -> Option<Levels> {
        let height = highest(0.0, self.steps.len() as f64, |height| holds(&self.levels(height)))?;
        let levels = self.levels(height);
        if height >= self.steps.len() as f64 {
            return Some(levels);
        }
        let sun_over = |shade: Watts| {
            let with_sun = |share: f64| Levels { sun: levels.sun + (self.full - levels.sun) * share, shade };
            highest(0.0, 1.0, |share| holds(&with_sun(share))).map_or(levels, with_sun)
        };
        let spared = (self.full - self.idle) * SPARED;
        let (kept, lower) = (sun_over(levels.shade), sun_over((levels.shade - spared).max(self.idle)));
        // What the shade spares in energy is worth less than itself; so much more is no matter of energy.
        let levels = if lower.sun - kept.sun > spared * 10.0 { lower } else { kept };
        let with_shade = |share: f64| Levels { shade: levels.shade + (levels.sun - levels.shade) * share, ..levels };
        Some(highest(0.0, 1.0, |share| holds(&with_shade(share))).map_or(levels, with_shade))
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

/// The highest number between two for which `holds`, which must not hold above one where it fails.
fn highest(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> Option<f64> {
    if holds(high) {
        return Some(high);
    }
    if !holds(low) {
        return None;
    }
    Some(bisect(low, high, BISECTIONS, holds))
}

/// The highest number between two for which `holds`, in so many halvings; the lower one if none does.
pub(super) fn bisect(mut low: f64, mut high: f64, halvings: usize, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..halvings {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

impl Horizon {
    /// The highest levels that the periodic orbit sustains; none if not even idle does.
    pub(super) fn sustainable(&self, allocation: &Allocation) -> Option<Levels> {
        allocation.highest(|levels| self.sustains(levels))
    }

    /// The highest levels that are both sustained and, from a charge of `soc`, never under the floor.
    pub(super) fn sustainable_from(&self, allocation: &Allocation, soc: f64) -> Option<Levels> {
        let idle = self.charges(&allocation.lowest(), soc);
        allocation
            .highest(|levels| self.sustains(levels) && self.affords(levels, soc, &idle, soc.min(self.need(levels))))
    }

    /// The highest levels from a charge of `soc`, when the orbit sustains `sustained`: the charge keeps the floor and ends with
    /// what the sustained levels need. Where idle itself keeps less, no less than idle does; an orbit that not even idle
    /// sustains spends nothing of what is stored.
    pub(super) fn solve(&self, allocation: &Allocation, sustained: Option<Levels>, soc: f64) -> Levels {
        let lowest = allocation.lowest();
        let idle = self.charges(&lowest, soc);
        let idle_end = idle.last().copied().unwrap_or(soc);
        let end = sustained.map_or(idle_end, |levels| self.need(&levels).min(idle_end));
        allocation.highest(|levels| self.affords(levels, soc, &idle, end)).unwrap_or(lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::OperatingRange;
    use super::super::horizon::carried;
    use super::super::light::Light;
    use super::*;
    use crate::envelope::{Battery, Forecast, Outlook, Thermal};
    use crate::units::{Joules, Seconds};

    const DARK: usize = 20;
    const SAMPLES: usize = 100;
    const ARRAY: Watts = Watts(113.0);

    /// A hundred minutes: eighty in the sun, then twenty in the shade. 0.96 each way.
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

    fn ahead(forecast: &Forecast, minute: f64) -> Horizon {
        let full = (MACHINE.full_w, MACHINE.full_w);
        Horizon::new(Light::new(forecast), forecast, &MACHINE, Seconds(minute * 60.0), full, 0.2)
    }

    fn linear(full: f64) -> Allocation {
        Allocation::worth(&WorkCurve::linear(Watts(0.0), Watts(full)), 0.96 * 0.96)
    }

    #[test]
    fn a_constant_load_is_that_of_the_closed_form() {
        let constant = Allocation::constant(Watts(0.0), Watts(110.0));
        let found = ahead(&forecast(200.0), 0.0).sustainable(&constant).expect("idle is sustained").shade.0;
        let dark = DARK as f64 / SAMPLES as f64;
        let closed = ARRAY.0 * (1.0 - dark) / ((1.0 - dark) + dark / (0.96 * 0.96));
        assert!((found / closed - 1.0).abs() < 1e-4, "{found} W, closed form {closed} W");
    }

    #[test]
    fn a_machine_of_proportional_work_follows_the_sun() {
        let levels = ahead(&forecast(200.0), 0.0).sustainable(&linear(110.0)).expect("idle is sustained");
        let spare = (113.0 - 110.0) * 0.8 * 0.96 * 0.96 / 0.2;
        assert!((levels.sun.0 - 110.0).abs() < 1e-9, "full power in the sun, not {}", levels.sun);
        assert!((levels.shade.0 - spare).abs() < 0.01, "{} in the shade, not {spare} W", levels.shade);
    }

    #[test]
    fn a_machine_that_tires_is_run_evenly() {
        let curve = WorkCurve::new(Watts(0.0), &[(Watts(80.0), 0.95), (Watts(110.0), 1.0)]).expect("a curve");
        let levels = ahead(&forecast(200.0), 0.0).sustainable(&Allocation::worth(&curve, 0.92)).expect("sustained");
        // Bisected to 1e-5 of the machine's range.
        assert!((levels.shade.0 - 80.0).abs() < 1e-5 * 110.0, "the cheap watts in the shade first: {}", levels.shade);
        assert!(levels.sun > Watts(80.0) && levels.sun < Watts(110.0), "the rest in the sun: {}", levels.sun);
    }

    #[test]
    fn a_small_battery_limits_the_shade_and_not_the_sun() {
        let curve = WorkCurve::new(Watts(0.0), &[(Watts(60.0), 0.9), (Watts(90.0), 1.0)]).expect("a curve");
        for allocation in [linear(90.0), Allocation::worth(&curve, 0.92)] {
            let levels = ahead(&forecast(10.0), 0.0).sustainable(&allocation).expect("sustained");
            let stored = 10.0 * 0.8 * 0.96 / (20.0 / 60.0);
            assert_eq!(levels.sun, Watts(90.0), "full power in the sun");
            assert!((levels.shade.0 - stored).abs() < 0.01, "{} in the shade, not {stored} W", levels.shade);
        }
    }

    #[test]
    fn batches_that_the_battery_cannot_feed_wait_for_the_sun() {
        let mut weak = forecast(200.0);
        weak.battery.discharge_max = Watts(50.0);
        let switching = OperatingRange { batch_s: Seconds(0.1), ..MACHINE };
        let feeds = |machine: &OperatingRange, array| carried(&weak, machine, machine.full_w, array);
        assert_eq!(feeds(&MACHINE, Watts::ZERO), Watts(50.0), "a smooth machine is throttled");
        assert_eq!(feeds(&switching, Watts::ZERO), Watts(0.0), "a whole batch would brown the bus out");
        assert_eq!(feeds(&switching, ARRAY), Watts(163.0), "in the sun it would not");
    }

    #[test]
    fn switching_costs_charge_that_the_mean_does_not_show() {
        let forecast = forecast(200.0);
        let constant = Allocation::constant(Watts(0.0), Watts(150.0));
        let at = |batch_s: f64| {
            let machine = OperatingRange { full_w: Watts(150.0), batch_s: Seconds(batch_s), ..MACHINE };
            let ahead = Horizon::new(
                Light::new(&forecast),
                &forecast,
                &machine,
                Seconds(0.0),
                (Watts(150.0), Watts(150.0)),
                0.2,
            );
            ahead.sustainable(&constant).expect("idle is sustained").shade
        };
        assert!(at(0.1) < at(0.0) * 0.99, "{} in batches, {} smoothly", at(0.1), at(0.0));
    }

    #[test]
    fn charge_above_the_need_is_spent_and_below_it_is_made_up() {
        let forecast = forecast(200.0);
        let allocation = linear(110.0);
        let before_the_shade = ahead(&forecast, (SAMPLES - DARK) as f64);
        let sustained = before_the_shade.sustainable(&allocation);
        let at = |soc: f64| before_the_shade.solve(&allocation, sustained, soc).shade.0;
        let level = sustained.expect("idle is sustained").shade.0;
        let need = before_the_shade.need(&sustained.expect("idle is sustained"));
        assert!((at(need) / level - 1.0).abs() < 1e-3, "{} W at the need, sustained {level} W", at(need));
        assert!(at(1.0) > at(need) && at(need - 0.01) < at(need), "more with more charge, less with less");
    }

    #[test]
    fn an_orbit_that_not_even_idle_survives_spends_only_light_that_is_left_over() {
        let forecast = forecast(10.0);
        let allocation = Allocation::worth(&WorkCurve::linear(Watts(60.0), Watts(90.0)), 0.92);
        let machine = OperatingRange { idle_w: Watts(60.0), full_w: Watts(90.0), ..MACHINE };
        let ahead =
            Horizon::new(Light::new(&forecast), &forecast, &machine, Seconds(0.0), (Watts(90.0), Watts(90.0)), 0.2);
        assert_eq!(ahead.sustainable(&allocation), None, "20 Wh in the shade from 8 Wh");
        let levels = ahead.solve(&allocation, None, 0.9);
        assert_eq!(levels.shade, Watts(60.0), "nothing more in the shade than idle draws");
        assert_eq!(levels.sun, Watts(90.0), "the battery is full before the shade comes in any case");
    }
}
