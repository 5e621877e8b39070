//! The energy account: readings become windows of energy that touch and never overlap.
//!
//! | reading | what follows |
//! |---|---|
//! | the counter rose | the window since the last one is counted |
//! | a power, and no counter | it stands for the time since the last one, at most for the time after which readings are stale |
//! | the counter fell, leapt, or is back after it was lost | the window is assumed: nobody knows what was drawn |
//! | anything else | nothing yet; the next counter reading covers the time |
//!
//! A reading shows what was drawn until the sensor's dead time before it was taken, so that is where its window ends. Two
//! readings that lie closer than the sensor is renewed show how ragged the renewals are and not the load: the second
//! waits. A value that cannot be is absence, never a number.

use super::OperatingRange;
use super::steps::Steps;
use crate::reading::{NoData, Reading, Refusal};
use crate::units::{Joules, Seconds, Watts};

/// No machine draws more than this times the most that is known of it...
const IMPLAUSIBLE_TIMES: f64 = 1.5;
/// ...unless so many readings in a row say so, and none of them more than this.
const PERSISTENT: u32 = 3;
const IMPOSSIBLE_TIMES: f64 = 4.0;
/// Readings closer than this share of the update period are one: renewals are told to within a quarter of it.
const RAGGED_SHARE: f64 = 0.7;
/// A reading may be stamped by this much later than now, beside one update period: rounding.
const STAMP_SLACK: Seconds = Seconds(1e-3);

/// What a reading adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Posted {
    /// So much was counted from `from` until `to`.
    Counted { energy: Joules, from: Seconds, to: Seconds },
    /// A mean power from `from` until `to`; before `from` nobody saw anything.
    Shown { power: Watts, from: Seconds, to: Seconds },
    /// Nobody knows what was drawn until `to`.
    Unknown { to: Seconds, cause: Refusal },
}

/// The account; all times on one clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    lag: Seconds,
    period: Seconds,
    /// An idle machine draws something, so a counter moves and a power is not zero.
    draws_at_rest: bool,
    /// A power stands for at most so long.
    holds: Seconds,
    /// When the counter last moved, and to what.
    counter: Option<(Seconds, Joules)>,
    /// When the last believed reading was taken.
    seen_at: Option<Seconds>,
    /// Why none has been believed since.
    refusal: Refusal,
    /// Why the counter's next reading does not say what was drawn before it.
    broken: Option<Refusal>,
    /// By what the counter rises, J.
    rises: Steps,
    /// The powers of a source without a counter, W.
    powers: Steps,
    /// Readings in a row that were implausibly high, and when the last of them was taken.
    high: u32,
    high_at: Option<Seconds>,
}

impl Account {
    /// For a machine of `range`; readings are stale after `holds`.
    pub(super) fn new(range: &OperatingRange, holds: Seconds) -> Account {
        Account {
            lag: range.sensor_lag_s,
            period: range.update_period_s,
            draws_at_rest: range.idle_w.0 > 0.0,
            holds,
            counter: None,
            seen_at: None,
            refusal: Refusal::Old,
            broken: None,
            rises: Steps::default(),
            powers: Steps::default(),
            high: 0,
            high_at: None,
        }
    }

    /// When the last believed reading was taken.
    pub(super) fn seen_at(&self) -> Option<Seconds> {
        self.seen_at
    }

    /// Energy by which the counter may lag behind for its steps; none until they have been seen.
    pub(super) fn step(&self) -> Option<Joules> {
        self.rises.step().map(Joules)
    }

    /// The steps in which a source without a counter shows its power; none until they have been seen.
    pub(super) fn power_step(&self) -> Option<Watts> {
        self.powers.step().map(Watts)
    }

    /// Whether the source shows a power that has to stand for the time since the last reading.
    pub(super) fn is_sampled(&self) -> bool {
        self.powers.last.is_some()
    }

    /// What was wrong with the readings since then; that there is none newer says the least.
    pub(super) fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// Takes a look at the source. `most` is the most that the machine is known to draw.
    ///
    /// # Errors
    /// Why the reading adds nothing; the time until it is left to a later one.
    pub(super) fn post(&mut self, now: Seconds, reading: &Reading, most: Watts) -> Result<Posted, Refusal> {
        let posted = self.judge(now, reading, most);
        match posted {
            Ok(Posted::Counted { .. } | Posted::Shown { .. }) => {
                self.seen_at = Some(reading.taken_at);
                self.refusal = Refusal::Old;
            }
            Ok(Posted::Unknown { cause, .. }) => self.refusal = cause,
            Err(Refusal::Old) => {}
            Err(refusal) => self.refusal = refusal,
        }
        posted
    }

    fn judge(&mut self, now: Seconds, reading: &Reading, most: Watts) -> Result<Posted, Refusal> {
        let taken_at = reading.taken_at;
        if !taken_at.is_finite() || taken_at > now + self.period.max(STAMP_SLACK) {
            return Err(Refusal::Future);
        }
        let last = self.counter.map(|(at, _)| at).or(self.seen_at);
        if last.is_some_and(|last| taken_at <= last || taken_at - last < self.period * RAGGED_SHARE) {
            return Err(Refusal::Old);
        }
        match reading.energy {
            Ok(energy) => self.count(taken_at, energy, most),
            Err(NoData::NotSupported) => self.show(taken_at, reading.power, most),
            Err(cause) => {
                if !keeps_count(cause) {
                    self.counter = None;
                    self.broken = Some(Refusal::Absent(cause));
                }
                Err(Refusal::Absent(cause))
            }
        }
    }

    /// A counter's reading.
    fn count(&mut self, taken_at: Seconds, energy: Joules, most: Watts) -> Result<Posted, Refusal> {
        possible(energy.0)?;
        let to = taken_at - self.lag;
        let Some((then, before)) = self.counter else {
            self.counter = Some((taken_at, energy));
            return match self.broken.take() {
                Some(cause) => Ok(Posted::Unknown { to, cause }),
                None => Err(Refusal::First),
            };
        };
        let (span, risen) = (taken_at - then, energy - before);
        if risen.0 == 0.0 && self.draws_at_rest {
            return Err(Refusal::CounterStuck);
        }
        self.counter = Some((taken_at, energy));
        if risen.0 < 0.0 {
            return Ok(Posted::Unknown { to, cause: Refusal::CounterReset });
        }
        self.rises.see(risen.0);
        // A counter may hold one update more than its span.
        match self.bear(taken_at, risen / (span + self.period), most) {
            Ok(()) => Ok(Posted::Counted { energy: risen, from: then - self.lag, to }),
            Err(cause) => Ok(Posted::Unknown { to, cause }),
        }
    }

    /// A power without a counter.
    fn show(&mut self, taken_at: Seconds, power: Result<Watts, NoData>, most: Watts) -> Result<Posted, Refusal> {
        let power = power.map_err(Refusal::Absent)?;
        possible(power.0)?;
        if power.0 == 0.0 && self.draws_at_rest {
            return Err(Refusal::Zero);
        }
        self.bear(taken_at, power, most)?;
        self.powers.see(power.0);
        let since = self.seen_at.unwrap_or(taken_at).max(taken_at - self.holds);
        Ok(Posted::Shown { power, from: since - self.lag, to: taken_at - self.lag })
    }

    /// Refuses what is implausibly high until it has shown itself to last.
    fn bear(&mut self, taken_at: Seconds, power: Watts, most: Watts) -> Result<(), Refusal> {
        if power <= most * IMPLAUSIBLE_TIMES {
            self.high = 0;
            return Ok(());
        }
        // The same reading seen again confirms nothing.
        if self.high_at.replace(taken_at) != Some(taken_at) {
            self.high += 1;
        }
        let lasts = self.high >= PERSISTENT && power <= most * IMPOSSIBLE_TIMES;
        if lasts { Ok(()) } else { Err(Refusal::TooHigh) }
    }
}

/// Whether a counter that comes back after `cause` has gone on counting.
fn keeps_count(cause: NoData) -> bool {
    !matches!(cause, NoData::CounterReset | NoData::Lost | NoData::Off | NoData::Suspended | NoData::Ended)
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

    const RANGE: OperatingRange = OperatingRange {
        idle_w: Watts(3.0),
        full_w: Watts(12.0),
        sensor_lag_s: Seconds(0.1),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(0.1),
    };

    fn account() -> Account {
        Account::new(&RANGE, Seconds(0.4))
    }

    fn power(t: f64, watts: f64) -> Reading {
        Reading { taken_at: Seconds(t), energy: Err(NoData::NotSupported), power: Ok(Watts(watts)) }
    }

    fn counter(t: f64, joules: f64) -> Reading {
        Reading { taken_at: Seconds(t), energy: Ok(Joules(joules)), power: Err(NoData::NotSupported) }
    }

    fn post(account: &mut Account, reading: Reading) -> Result<Posted, Refusal> {
        account.post(reading.taken_at, &reading, RANGE.full_w)
    }

    #[test]
    fn what_a_counter_rose_by_was_drawn_until_a_lag_before() {
        let mut account = account();
        assert_eq!(post(&mut account, counter(1.0, 100.0)), Err(Refusal::First), "one look is no energy");
        let counted = Posted::Counted { energy: Joules(4.0), from: Seconds(0.9), to: Seconds(1.4) };
        assert_eq!(post(&mut account, counter(1.5, 104.0)), Ok(counted), "half a second, shown a tenth late");
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
            let mut account = account();
            assert_eq!(post(&mut account, power(1.0, watts)), Err(refusal), "{watts} W cannot be");
            assert_eq!((account.seen_at(), account.refusal()), (None, refusal), "{watts} W leaves its cause alone");
        }
        let early = account().post(Seconds(1.0), &power(2.0, 5.0), RANGE.full_w);
        assert_eq!(early, Err(Refusal::Future), "a reading of the future");
        let silent = post(&mut account(), Reading::absent(Seconds(1.0), NoData::Timeout));
        assert_eq!(silent, Err(Refusal::Absent(NoData::Timeout)), "and what the source itself says");
    }

    #[test]
    fn a_load_that_has_doubled_is_believed_once_it_lasts_and_a_senseless_one_never() {
        for (watts, believed) in [(30.0, true), (90.0, false)] {
            let mut account = account();
            let mut look = |n: i32| post(&mut account, power(f64::from(n) * 0.5, watts));
            let looks: Vec<_> = (1..=5).map(&mut look).collect();
            assert!(looks[..2].iter().all(|look| *look == Err(Refusal::TooHigh)), "{looks:?}");
            assert_eq!(looks[2].is_ok(), believed, "{watts} W for the third time: {looks:?}");
        }
    }

    #[test]
    fn a_counter_that_falls_or_leaps_leaves_its_window_unknown_and_is_picked_up_again() {
        for (leap, cause) in [(0.0, Refusal::CounterReset), (1e6, Refusal::TooHigh)] {
            let mut account = account();
            assert_eq!(post(&mut account, counter(1.0, 100.0)), Err(Refusal::First), "the first look");
            let unknown = Posted::Unknown { to: Seconds(1.9), cause };
            assert_eq!(post(&mut account, counter(2.0, leap)), Ok(unknown), "from 100 J to {leap} J");
            let counted = Posted::Counted { energy: Joules(6.0), from: Seconds(1.9), to: Seconds(2.9) };
            assert_eq!(post(&mut account, counter(3.0, leap + 6.0)), Ok(counted), "after it");
        }
    }

    #[test]
    fn a_counter_that_was_silent_has_counted_all_the_same_and_one_that_was_lost_has_not() {
        let cases = [
            (NoData::Timeout, Posted::Counted { energy: Joules(9.0), from: Seconds(0.9), to: Seconds(2.9) }),
            (NoData::Lost, Posted::Unknown { to: Seconds(2.9), cause: Refusal::Absent(NoData::Lost) }),
        ];
        for (cause, expected) in cases {
            let mut account = account();
            assert_eq!(post(&mut account, counter(1.0, 100.0)), Err(Refusal::First), "the first look");
            let gone = post(&mut account, Reading::absent(Seconds(2.0), cause));
            assert_eq!(gone, Err(Refusal::Absent(cause)), "{cause}");
            assert_eq!(post(&mut account, counter(3.0, 109.0)), Ok(expected), "back after `{cause}`");
        }
    }

    #[test]
    fn a_counter_that_stands_still_says_nothing_until_it_moves() {
        let mut account = account();
        assert_eq!(post(&mut account, counter(0.0, 50.0)), Err(Refusal::First), "the first look");
        assert!(post(&mut account, counter(0.1, 51.0)).is_ok(), "it moves");
        for tick in 2..10 {
            let still = post(&mut account, counter(0.1 * f64::from(tick), 51.0));
            assert_eq!(still, Err(Refusal::CounterStuck), "an idle machine draws power");
            assert_eq!(account.seen_at(), Some(Seconds(0.1)), "and the last reading grows old");
        }
        let counted = Posted::Counted { energy: Joules(9.0), from: Seconds(0.0), to: Seconds(0.9) };
        assert_eq!(post(&mut account, counter(1.0, 60.0)), Ok(counted), "since it last moved");
    }

    #[test]
    fn a_look_within_one_update_is_left_to_the_next() {
        let mut account = account();
        assert_eq!(post(&mut account, counter(0.0, 0.0)), Err(Refusal::First), "the first look");
        assert!(post(&mut account, counter(0.1, 1.0)).is_ok(), "10 W");
        assert_eq!(post(&mut account, counter(0.101, 1.1)), Err(Refusal::Old), "and not 100 W for a millisecond");
        let counted = Posted::Counted { energy: Joules(1.0), from: Seconds(0.0), to: Seconds(0.1) };
        assert_eq!(post(&mut account, counter(0.2, 2.0)), Ok(counted), "a whole period");
    }

    #[test]
    fn a_power_stands_for_no_longer_than_until_readings_are_stale() {
        let mut account = account();
        assert!(post(&mut account, power(1.0, 5.0)).is_ok(), "the first");
        let shown = Posted::Shown { power: Watts(6.0), from: Seconds(8.5), to: Seconds(8.9) };
        let back = post(&mut account, power(9.0, 6.0));
        match back {
            Ok(Posted::Shown { power, from, to }) => {
                let near = (from - Seconds(8.5)).0.abs() < 1e-9 && (to - Seconds(8.9)).0.abs() < 1e-9;
                assert!(near && power == Watts(6.0), "{back:?}, not {shown:?}");
            }
            other => panic!("{other:?}, not {shown:?}"),
        }
    }
}
