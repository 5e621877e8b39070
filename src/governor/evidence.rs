//! What a reading is worth: believed, repeated, or as good as absent.
//!
//! A value that cannot be is absence, never a number: not finite, negative, from the future, zero while the idle machine
//! draws power, or over one and a half times full power, unless that lasts. A counter that stands still while it must
//! rise has nothing to say, and its age tells the rest. The counter goes before the momentary power: its difference
//! misses nothing between two looks.

use super::OperatingRange;
use crate::reading::{NoData, Reading};
use crate::units::{Joules, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// No machine draws more than this times its full power, even under work that it was not calibrated with...
const IMPLAUSIBLE_SHARE: f64 = 1.5;
/// ...unless so many readings in a row say so, and none of them more than this: that is what it has come to draw.
const PERSISTENT: u32 = 3;
const IMPOSSIBLE_SHARE: f64 = 4.0;
/// Momentary power stands for at most so many update periods.
const POWER_HOLDS_PERIODS: f64 = 3.0;

/// Why a reading was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is no newer than the last one.
    Old,
    /// It was taken later than now, or at no time at all.
    Future,
    /// The source itself says that there is none, and why.
    Absent(NoData),
    /// A power or an energy that is not a number, or not finite.
    NotFinite,
    /// A power or an energy below zero.
    Negative,
    /// No power, though the idle machine draws some.
    Zero,
    /// More than one and a half times full power, and not for long yet.
    TooHigh,
    /// The counter fell.
    CounterReset,
    /// The counter stands still, though the idle machine draws power.
    CounterStuck,
    /// A counter needs two looks, and this is the first.
    First,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent(cause) => return cause.fmt(f),
            Self::Old => "no new reading",
            Self::Future => "a reading of the future",
            Self::NotFinite => "a reading that is not finite",
            Self::Negative => "a reading below zero",
            Self::Zero => "zero watts from a machine that draws power",
            Self::TooHigh => "more than the machine can draw",
            Self::CounterReset => "the counter fell",
            Self::CounterStuck => "the counter stands still",
            Self::First => "the first look at a counter",
        }
        .fmt(f)
    }
}

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
    /// Readings in a row that were implausibly high.
    high: u32,
    /// When the last of them was taken.
    high_at: Option<Seconds>,
}

impl Witness {
    /// What `reading` adds to what is known, or why it adds nothing.
    pub(super) fn look(
        &mut self,
        now: Seconds,
        reading: &Reading,
        machine: &OperatingRange,
    ) -> Result<Measured, Refusal> {
        let taken_at = reading.taken_at;
        let slack = machine.update_period_s.max(Seconds(1e-3));
        if !taken_at.is_finite() || taken_at > now + slack {
            return Err(Refusal::Future);
        }
        if self.seen_at.is_some_and(|seen| taken_at <= seen) {
            return Err(Refusal::Old);
        }
        let measured = match self.count(taken_at, reading.energy, machine) {
            Ok(measured) => measured,
            Err(Refusal::CounterStuck) => return Err(Refusal::CounterStuck),
            Err(refusal) => {
                // Of two witnesses the counter says more about what is wrong, unless it is the one that is missing.
                let power = reading.power.map_err(|cause| match refusal {
                    Refusal::Absent(NoData::NotSupported) => Refusal::Absent(cause),
                    counter => counter,
                })?;
                self.plausible(taken_at, power, machine)?;
                let since = self.seen_at.map_or(Seconds::ZERO, |seen| taken_at - seen);
                // What power has stood for must not be counted again when the counter comes back.
                self.energy = self.energy.filter(|_| reading.energy.is_ok());
                let held = machine.update_period_s.max(now - taken_at) * POWER_HOLDS_PERIODS;
                Measured { power, span: since.min(held) }
            }
        };
        self.seen_at = Some(taken_at);
        Ok(measured)
    }

    /// When the last believed reading was taken.
    pub(super) fn seen_at(&self) -> Option<Seconds> {
        self.seen_at
    }

    /// The counter's own answer.
    fn count(
        &mut self,
        taken_at: Seconds,
        energy: Result<Joules, NoData>,
        machine: &OperatingRange,
    ) -> Result<Measured, Refusal> {
        let energy = energy.map_err(Refusal::Absent)?;
        possible(energy.0)?;
        let Some((then, before)) = self.energy else {
            self.energy = Some((taken_at, energy));
            return Err(Refusal::First);
        };
        let (span, risen) = (taken_at - then, energy - before);
        if risen.0 == 0.0 && machine.idle_w.0 > 0.0 {
            return Err(Refusal::CounterStuck);
        }
        self.energy = Some((taken_at, energy));
        if risen.0 < 0.0 {
            return Err(Refusal::CounterReset);
        }
        if span.0 <= 0.0 {
            return Err(Refusal::Old);
        }
        // A counter may hold one update more than its span.
        self.bear(taken_at, risen / (span + machine.update_period_s), machine)?;
        Ok(Measured { power: risen / span, span })
    }

    /// Whether the machine can draw `power`.
    fn plausible(&mut self, taken_at: Seconds, power: Watts, machine: &OperatingRange) -> Result<(), Refusal> {
        possible(power.0)?;
        if power.0 == 0.0 && machine.idle_w.0 > 0.0 {
            return Err(Refusal::Zero);
        }
        self.bear(taken_at, power, machine)
    }

    /// Refuses what is implausibly high until it has shown itself to last.
    fn bear(&mut self, taken_at: Seconds, power: Watts, machine: &OperatingRange) -> Result<(), Refusal> {
        if power <= machine.full_w * IMPLAUSIBLE_SHARE {
            self.high = 0;
            return Ok(());
        }
        // The same reading seen again confirms nothing.
        if self.high_at.replace(taken_at) != Some(taken_at) {
            self.high += 1;
        }
        if self.high >= PERSISTENT && power <= machine.full_w * IMPOSSIBLE_SHARE {
            Ok(())
        } else {
            Err(Refusal::TooHigh)
        }
    }
}

/// Whether a power or an energy can be.
fn possible(value: f64) -> Result<(), Refusal> {
    if !value.is_finite() {
        Err(Refusal::NotFinite)
    } else if value < 0.0 {
        Err(Refusal::Negative)
    } else {
        Ok(())
    }
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
        assert!(witness.look(Seconds(1.0), &counter(1.0, 100.0), &MACHINE).is_err(), "one look is no power");
        let measured = witness.look(Seconds(1.5), &counter(1.5, 104.0), &MACHINE).expect("the counter rose");
        assert!((measured.power.0 - 8.0).abs() < 1e-12, "4 J in half a second, not {}", measured.power);
    }

    #[test]
    fn impossible_values_are_absence() {
        let wrong = [
            (f64::NAN, Refusal::NotFinite),
            (f64::INFINITY, Refusal::NotFinite),
            (-1.0, Refusal::Negative),
            (0.0, Refusal::Zero),
            (18.1, Refusal::TooHigh),
        ];
        for (watts, refusal) in wrong {
            let mut witness = Witness::default();
            assert_eq!(witness.look(Seconds(1.0), &power(1.0, watts), &MACHINE), Err(refusal), "{watts} W cannot be");
            assert_eq!(witness.seen_at(), None, "{watts} W leaves no trace");
        }
        let from_the_future = Witness::default().look(Seconds(1.0), &power(2.0, 5.0), &MACHINE);
        assert_eq!(from_the_future, Err(Refusal::Future), "a reading of the future");
        let silent = Reading::absent(Seconds(1.0), NoData::Timeout);
        let absent = Witness::default().look(Seconds(1.0), &silent, &MACHINE);
        assert_eq!(absent, Err(Refusal::Absent(NoData::Timeout)), "and what the source itself says");
    }

    #[test]
    fn a_load_that_has_more_than_doubled_is_believed_once_it_lasts_and_a_senseless_one_never() {
        for (watts, believed) in [(30.0, true), (90.0, false)] {
            for counts in [false, true] {
                let mut witness = Witness::default();
                let mut look = |n: i32| {
                    let t = f64::from(n) * 0.5;
                    let reading = if counts { counter(t, watts * t) } else { power(t, watts) };
                    witness.look(Seconds(t), &reading, &MACHINE)
                };
                let looks: Vec<_> = (1..=5).map(&mut look).collect();
                let first = usize::from(counts);
                assert!(looks[first..first + 2].iter().all(|look| *look == Err(Refusal::TooHigh)), "{looks:?}");
                assert_eq!(looks[first + 2].is_ok(), believed, "{watts} W for the third time: {looks:?}");
            }
        }
    }

    #[test]
    fn a_counter_that_falls_or_leaps_gives_no_power_and_is_picked_up_again() {
        for (leap, refusal) in [(0.0, Refusal::CounterReset), (1e6, Refusal::TooHigh)] {
            let mut witness = Witness::default();
            let first = witness.look(Seconds(1.0), &counter(1.0, 100.0), &MACHINE);
            assert_eq!(first, Err(Refusal::First), "one look at a counter is no power");
            assert_eq!(
                witness.look(Seconds(2.0), &counter(2.0, leap), &MACHINE),
                Err(refusal),
                "from 100 J to {leap} J"
            );
            let after = witness.look(Seconds(3.0), &counter(3.0, leap + 6.0), &MACHINE).expect("it counts again");
            assert!((after.power.0 - 6.0).abs() < 1e-9, "{} after the reset", after.power);
        }
    }

    #[test]
    fn a_counter_that_stands_still_says_nothing_until_it_moves() {
        let mut witness = Witness::default();
        let first = [(0.0, 50.0), (0.1, 51.0)].map(|(t, e)| witness.look(Seconds(t), &counter(t, e), &MACHINE).is_ok());
        assert_eq!(first, [false, true], "two looks are a power");
        for tick in 2..10 {
            let t = 0.1 * f64::from(tick);
            let still = witness.look(Seconds(t), &counter(t, 51.0), &MACHINE);
            assert_eq!(still, Err(Refusal::CounterStuck), "an idle machine draws power");
            assert_eq!(witness.seen_at(), Some(Seconds(0.1)), "and the last reading grows old");
        }
        let moved = witness.look(Seconds(1.0), &counter(1.0, 60.0), &MACHINE).expect("it rose");
        assert!((moved.power.0 - 10.0).abs() < 1e-9, "9 J since it last moved, 0.9 s ago: {}", moved.power);
    }

    #[test]
    fn the_same_reading_is_news_only_once() {
        let mut witness = Witness::default();
        assert!(witness.look(Seconds(1.0), &power(1.0, 5.0), &MACHINE).is_ok(), "first look");
        let again = witness.look(Seconds(1.1), &power(1.0, 5.0), &MACHINE);
        assert_eq!(again, Err(Refusal::Old), "second look at the same");
    }
}
