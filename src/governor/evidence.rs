//! What a reading is worth: believed, repeated, or as good as absent.
//!
//! A value that cannot be is absence, never a number: not finite, negative, from the future, over one and a half
//! times full power, or zero while the idle machine draws power. A counter that stands still while it must rise has
//! nothing to say, and its age tells the rest. The counter goes before the momentary power: its difference misses
//! nothing between two looks.

use super::OperatingRange;
use crate::reading::Reading;
use crate::units::{Joules, Seconds, Watts};

/// No machine draws more than this times its full power, even under work that it was not calibrated with.
pub(super) const IMPLAUSIBLE_SHARE: f64 = 1.5;
/// Momentary power stands for at most so many update periods.
const POWER_HOLDS_PERIODS: f64 = 3.0;

/// Power between two believed readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    /// Mean over the span.
    pub(super) power: Watts,
    /// The time between them.
    pub(super) span: Seconds,
}

/// Remembers the last believed reading.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Witness {
    seen_at: Option<Seconds>,
    /// When the counter last moved, and to what.
    energy: Option<(Seconds, Joules)>,
}

impl Witness {
    /// What `reading` adds to what is known; nothing if it is old, absent or impossible.
    pub(super) fn look(&mut self, now: Seconds, reading: &Reading, machine: &OperatingRange) -> Option<Measured> {
        let taken_at = reading.taken_at;
        let slack = machine.update_period_s.max(Seconds(1e-3));
        if !taken_at.is_finite() || taken_at > now + slack || self.seen_at.is_some_and(|seen| taken_at <= seen) {
            return None;
        }
        let measured = match self.count(taken_at, reading.energy.ok(), machine) {
            Counted::Rose(measured) => measured,
            Counted::Still => return None,
            Counted::Nothing => {
                let power = reading.power.ok().filter(|&power| plausible(power, machine))?;
                let since = self.seen_at.map_or(Seconds::ZERO, |seen| taken_at - seen);
                // What power has stood for must not be counted again when the counter comes back.
                self.energy = self.energy.filter(|_| reading.energy.is_ok());
                let held = machine.update_period_s.max(now - taken_at) * POWER_HOLDS_PERIODS;
                Measured { power, span: since.min(held) }
            }
        };
        self.seen_at = Some(taken_at);
        Some(measured)
    }

    /// When the last believed reading was taken.
    pub(super) fn seen_at(&self) -> Option<Seconds> {
        self.seen_at
    }

    fn count(&mut self, taken_at: Seconds, energy: Option<Joules>, machine: &OperatingRange) -> Counted {
        let Some(energy) = energy.filter(|energy| energy.is_finite() && energy.0 >= 0.0) else {
            return Counted::Nothing;
        };
        let Some((then, before)) = self.energy else {
            self.energy = Some((taken_at, energy));
            return Counted::Nothing;
        };
        let (span, risen) = (taken_at - then, energy - before);
        if risen.0 == 0.0 && machine.idle_w.0 > 0.0 {
            return Counted::Still;
        }
        self.energy = Some((taken_at, energy));
        let most = machine.full_w * IMPLAUSIBLE_SHARE * (span + machine.update_period_s);
        if span.0 <= 0.0 || risen.0 < 0.0 || risen > most {
            return Counted::Nothing;
        }
        Counted::Rose(Measured { power: risen / span, span })
    }
}

/// What the counter says.
enum Counted {
    Rose(Measured),
    /// It has not moved, though the machine draws power: nothing new yet, or it is stuck.
    Still,
    Nothing,
}

/// Whether the machine can draw `power`.
pub(super) fn plausible(power: Watts, machine: &OperatingRange) -> bool {
    let dead = power.0 == 0.0 && machine.idle_w.0 > 0.0;
    power.is_finite() && power.0 >= 0.0 && !dead && power <= machine.full_w * IMPLAUSIBLE_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::NoData;

    const MACHINE: OperatingRange = OperatingRange {
        idle_w: Watts(3.0),
        full_w: Watts(12.0),
        sensor_lag_s: Seconds(0.1),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(0.1),
    };

    fn power(t: f64, watts: f64) -> Reading {
        Reading { taken_at: Seconds(t), energy: Err(NoData::NotSupported), power: Ok(Watts(watts)) }
    }

    fn counter(t: f64, joules: f64) -> Reading {
        Reading { taken_at: Seconds(t), energy: Ok(Joules(joules)), power: Err(NoData::NotSupported) }
    }

    #[test]
    fn the_counter_difference_is_the_mean_power() {
        let mut witness = Witness::default();
        witness.look(Seconds(1.0), &counter(1.0, 100.0), &MACHINE);
        let measured = witness.look(Seconds(1.5), &counter(1.5, 104.0), &MACHINE).expect("the counter rose");
        assert!((measured.power.0 - 8.0).abs() < 1e-12, "4 J in half a second, not {}", measured.power);
    }

    #[test]
    fn impossible_values_are_absence() {
        for watts in [f64::NAN, f64::INFINITY, -1.0, 0.0, 18.1] {
            let mut witness = Witness::default();
            assert_eq!(witness.look(Seconds(1.0), &power(1.0, watts), &MACHINE), None, "{watts} W cannot be");
            assert_eq!(witness.seen_at(), None, "{watts} W leaves no trace");
        }
        let from_the_future = Witness::default().look(Seconds(1.0), &power(2.0, 5.0), &MACHINE);
        assert_eq!(from_the_future, None, "a reading of the future");
    }

    #[test]
    fn a_counter_that_falls_or_leaps_gives_no_power_and_is_picked_up_again() {
        for leap in [0.0, 1e6] {
            let mut witness = Witness::default();
            witness.look(Seconds(1.0), &counter(1.0, 100.0), &MACHINE);
            assert_eq!(witness.look(Seconds(2.0), &counter(2.0, leap), &MACHINE), None, "from 100 J to {leap} J");
            let after = witness.look(Seconds(3.0), &counter(3.0, leap + 6.0), &MACHINE).expect("it counts again");
            assert!((after.power.0 - 6.0).abs() < 1e-9, "{} after the reset", after.power);
        }
    }

    #[test]
    fn a_counter_that_stands_still_says_nothing_until_it_moves() {
        let mut witness = Witness::default();
        witness.look(Seconds(0.0), &counter(0.0, 50.0), &MACHINE);
        witness.look(Seconds(0.1), &counter(0.1, 51.0), &MACHINE);
        for tick in 2..10 {
            let t = 0.1 * f64::from(tick);
            assert_eq!(witness.look(Seconds(t), &counter(t, 51.0), &MACHINE), None, "an idle machine draws power");
            assert_eq!(witness.seen_at(), Some(Seconds(0.1)), "and the last reading grows old");
        }
        let moved = witness.look(Seconds(1.0), &counter(1.0, 60.0), &MACHINE).expect("it rose");
        assert!((moved.power.0 - 10.0).abs() < 1e-9, "9 J since it last moved, 0.9 s ago: {}", moved.power);
    }

    #[test]
    fn the_same_reading_is_news_only_once() {
        let mut witness = Witness::default();
        assert!(witness.look(Seconds(1.0), &power(1.0, 5.0), &MACHINE).is_some(), "first look");
        assert_eq!(witness.look(Seconds(1.1), &power(1.0, 5.0), &MACHINE), None, "second look at the same");
    }
}
