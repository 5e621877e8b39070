//! The ladder: how two power levels rise from idle to full power, dearest joule first.
//!
//! ```text
//! draw  = max(shade, min(sun, what the array gives))      `shade` at least, if need be from the battery;
//!                                                         more than `shade` only straight from the Sun, up to `sun`
//! ```
//!
//! A stored joule comes back as `eta_c eta_d` joules, so the best use of one orbit's light under a concave rate of
//! work w has exactly this form, with `w'(sun) = eta_c eta_d w'(shade)` wherever both lie inside the machine's range
//! (Lagrange, one price for stored and one for direct energy). That leaves one number to find, the height on the
//! ladder, by bisection.

use super::curve::WorkCurve;
use crate::units::Watts;

/// Bisections: enough for 1e-5 of the machine's range.
const BISECTIONS: usize = 18;

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

    /// The highest levels for which `holds`, which must not hold above a height where it fails.
    pub(super) fn highest(&self, holds: impl Fn(&Levels) -> bool) -> Option<Levels> {
        let (mut low, mut high) = (0.0, self.steps.len() as f64);
        if holds(&self.levels(high)) {
            return Some(self.levels(high));
        }
        if !holds(&self.levels(low)) {
            return None;
        }
        for _ in 0..BISECTIONS {
            let middle = 0.5 * (low + high);
            if holds(&self.levels(middle)) {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(self.levels(low))
    }

    /// Both levels at idle.
    pub(super) fn lowest(&self) -> Levels {
        self.levels(0.0)
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
