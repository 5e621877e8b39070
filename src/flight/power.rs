//! From readings to the power of one tick, when sensor and governor keep different time.
//!
//! A sensor that is renewed more slowly than the governor ticks shows the same energy twice. Until the next one the
//! last mean power is assumed; when it comes, the difference between what was counted and what was assumed is made
//! up for, and what a tick cannot make up for (power does not go below zero) is carried on, so that the spacecraft is
//! given exactly the energy that the source counted. An energy that stays the same for long says nothing: a machine
//! that is on draws something. Two looks within one update period show the raggedness of the updates, not the load, and
//! the second waits for the next.

use crate::reading::Reading;
use crate::units::{Joules, Seconds, Watts};

/// A reading older than this many update periods says nothing about now.
const STALE_PERIODS: f64 = 3.0;

/// Two readings closer than this share of an update period show how ragged the updates are; those of a sensor that tells
/// its renewals to within a quarter of the period are further apart.
const RAGGED: f64 = 0.7;

/// Power from the energies of consecutive readings.
#[derive(Clone, Debug)]
pub(super) struct MeasuredPower {
    last: Reading,
    mean: Option<Watts>,
    /// What the mean power would have drawn since the last reading.
    expected: Joules,
    /// Given since the last reading.
    assumed: Joules,
    /// Given beyond what was counted until then.
    ahead: Joules,
    update_period: Seconds,
    stale_after: Seconds,
}

impl MeasuredPower {
    /// From the first reading on; `tick` is the shortest time in which staleness can be told.
    pub(super) fn new(first: Reading, update_period: Seconds, tick: Seconds) -> MeasuredPower {
        MeasuredPower {
            last: first,
            mean: None,
            expected: Joules::ZERO,
            assumed: Joules::ZERO,
            ahead: Joules::ZERO,
            update_period,
            stale_after: update_period.max(tick) * STALE_PERIODS,
        }
    }

    /// The power to count for the `dt` that ends `now`; none where nothing is known.
    pub(super) fn turn(&mut self, reading: &Reading, now: Seconds, dt: Seconds) -> Option<Watts> {
        let Ok(energy) = reading.energy else {
            self.restart(*reading);
            return None;
        };
        let span = reading.taken_at - self.last.taken_at;
        let ragged = span < self.update_period * RAGGED && self.mean.is_some();
        if reading.energy == self.last.energy || span.0 <= 0.0 || ragged {
            let mean = self.mean.filter(|_| self.last.age(now) <= self.stale_after)?;
            self.expected += mean * dt;
            let given = (self.expected - self.ahead - self.assumed).max(Joules::ZERO);
            self.assumed += given;
            return (dt > Seconds::ZERO).then(|| given / dt);
        }
        let Ok(before) = self.last.energy else {
            self.restart(*reading);
            return None;
        };
        let counted = energy - before;
        let owed = counted - self.assumed - self.ahead;
        self.restart(*reading);
        self.mean = Some(counted / span);
        self.ahead = (-owed).max(Joules::ZERO);
        (dt > Seconds::ZERO).then(|| (owed / dt).max(Watts::ZERO))
    }

    fn restart(&mut self, reading: Reading) {
        let (mean, none) = (None, Joules::ZERO);
        *self = MeasuredPower { last: reading, mean, expected: none, assumed: none, ahead: none, ..*self };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::NoData;

    fn reading(taken_at: f64, energy: f64) -> Reading {
        Reading { taken_at: Seconds(taken_at), energy: Ok(Joules(energy)), power: Err(NoData::NotSupported) }
    }

    #[test]
    fn a_sensor_slower_than_the_tick_loses_no_energy() {
        let tick = Seconds(0.05);
        let mut power = MeasuredPower::new(reading(0.0, 0.0), Seconds(0.1), tick);
        let mut given = Joules::ZERO;
        for step in 1..=40_u32 {
            let now = f64::from(step) * 0.05;
            // Renewed every second tick; the load doubles half way.
            let taken_at = f64::from(step / 2) * 0.1;
            let energy = if taken_at <= 1.0 { 10.0 * taken_at } else { 10.0 + 20.0 * (taken_at - 1.0) };
            if let Some(watts) = power.turn(&reading(taken_at, energy), Seconds(now), tick) {
                given += watts * tick;
            }
        }
        assert!((given.0 - 30.0).abs() < 1e-9, "30 J were counted, {given} given");
    }

    #[test]
    fn a_steep_fall_of_power_is_paid_back() {
        let tick = Seconds(0.05);
        let mut power = MeasuredPower::new(reading(0.0, 0.0), Seconds(0.1), tick);
        let mut given = Joules::ZERO;
        for step in 1..=120_u32 {
            let taken_at = f64::from(step / 2) * 0.1;
            let energy = if taken_at <= 1.0 { 50.0 * taken_at } else { 50.0 + (taken_at - 1.0) };
            let now = Seconds(f64::from(step) * 0.05);
            given += power.turn(&reading(taken_at, energy), now, tick).unwrap_or(Watts::ZERO) * tick;
        }
        assert!((given.0 - 55.0).abs() < 1e-9, "55 J were counted, {given} given");
    }

    #[test]
    fn a_counter_that_is_stuck_becomes_unknown_although_it_is_looked_at() {
        let mut power = MeasuredPower::new(reading(0.0, 0.0), Seconds(0.1), Seconds(0.1));
        assert!(power.turn(&reading(0.1, 1.0), Seconds(0.1), Seconds(0.1)).is_some(), "it moves");
        assert!(power.turn(&reading(0.2, 1.0), Seconds(0.2), Seconds(0.1)).is_some(), "it rests");
        assert_eq!(power.turn(&reading(0.6, 1.0), Seconds(0.6), Seconds(0.1)), None, "it is stuck, and not at 0 W");
    }

    #[test]
    fn a_reading_that_stays_old_becomes_unknown() {
        let mut power = MeasuredPower::new(reading(0.0, 0.0), Seconds(0.1), Seconds(0.1));
        assert_eq!(power.turn(&reading(0.1, 1.0), Seconds(0.1), Seconds(0.1)), Some(Watts(10.0)), "fresh");
        assert!(power.turn(&reading(0.1, 1.0), Seconds(0.3), Seconds(0.1)).is_some(), "two periods old");
        assert_eq!(power.turn(&reading(0.1, 1.0), Seconds(0.5), Seconds(0.1)), None, "four periods old");
    }

    #[test]
    fn a_look_within_one_update_period_of_the_last_shows_no_leap_of_power() {
        let mut power = MeasuredPower::new(reading(0.0, 0.0), Seconds(0.1), Seconds(0.1));
        assert_eq!(power.turn(&reading(0.1, 1.0), Seconds(0.1), Seconds(0.1)), Some(Watts(10.0)), "10 W");
        let ragged = power.turn(&reading(0.101, 1.1), Seconds(0.101), Seconds(0.001)).expect("the mean holds");
        assert!((ragged.0 - 10.0).abs() < 1e-9, "{ragged}, and not the 100 W of one millisecond");
        let next = power.turn(&reading(0.2, 2.0), Seconds(0.2), Seconds(0.099)).expect("a whole period");
        assert!((next.0 * 0.099 - 0.99).abs() < 1e-9, "what was counted is given in the end: {next}");
    }

    #[test]
    fn a_gap_ends_the_count_and_the_next_reading_begins_it_anew() {
        let mut power = MeasuredPower::new(reading(0.0, 0.0), Seconds(0.1), Seconds(0.1));
        let lost = Reading::absent(Seconds(0.1), NoData::Lost);
        assert_eq!(power.turn(&lost, Seconds(0.1), Seconds(0.1)), None, "lost");
        assert_eq!(power.turn(&reading(0.2, 50.0), Seconds(0.2), Seconds(0.1)), None, "the first after a gap");
        assert_eq!(power.turn(&reading(0.3, 51.0), Seconds(0.3), Seconds(0.1)), Some(Watts(10.0)), "and then a mean");
    }
}
