//! The guard's clock: the caller's, without its steps.
//!
//! A clock that is set, or that stood still over a suspend, moves by other than the spacecraft flew. What it moved
//! too far is taken off from then on, so that ages stay ages. Plans go by the spacecraft's own time and need none of
//! this. A reading may be stamped by the clock that stepped or by one that did not: it is read the way that puts it
//! nearer to now when it is first seen, and keeps that time.

use crate::reading::Reading;
use crate::units::Seconds;

/// A clock may be off by this much, and by as much again as was flown, before that is a step: ticks are not exact.
const STEP_S: Seconds = Seconds(2.0);

/// What was stepped over so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    offset: Seconds,
    /// The caller's clock and the spacecraft's time at the last tick.
    last: Option<(Seconds, Seconds)>,
    /// The stamp of the last reading that said something, and the time that it was read as.
    seen: Option<(Seconds, Seconds)>,
}

impl Clock {
    /// `now` of the caller, when the spacecraft is at `flown`, without the steps. Both must be finite.
    pub(super) fn steady(&mut self, now: Seconds, flown: Seconds) -> Seconds {
        if let Some((then, from)) = self.last {
            let (elapsed, flew) = (now - then, (flown - from).max(Seconds::ZERO));
            let off = elapsed - flew;
            if off.0.abs() > (STEP_S + flew).0 {
                self.offset += off;
            }
        }
        self.last = Some((now, flown));
        now - self.offset
    }

    /// `reading` on the same clock. One that was seen before keeps its time: a source that stopped grows old, although its
    /// stamp, read the other way, comes near to now again when as much has passed as the clock was set back.
    pub(super) fn stamp(&mut self, reading: &Reading, now: Seconds) -> Reading {
        let (as_is, moved) = (reading.taken_at, reading.taken_at - self.offset);
        let seen = self.seen.filter(|(stamp, _)| *stamp == as_is).map(|(_, taken_at)| taken_at);
        let nearer = if (moved - now).0.abs() < (as_is - now).0.abs() { moved } else { as_is };
        let taken_at = seen.unwrap_or(nearer);
        // A source that does not answer stamps its silence, and may come back with what it said before.
        if reading.energy.is_ok() || reading.power.is_ok() {
            self.seen = Some((as_is, taken_at));
        }
        Reading { taken_at, ..*reading }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::NoData;
    use crate::units::Watts;

    #[test]
    fn an_hour_that_was_not_flown_is_taken_off() {
        for hour in [3600.0, -3600.0] {
            let mut clock = Clock::default();
            let before: Vec<f64> =
                (0..5).map(|s| clock.steady(Seconds(f64::from(s)), Seconds(f64::from(s))).0).collect();
            assert_eq!(before, [0.0, 1.0, 2.0, 3.0, 4.0], "nothing to correct");
            let after = clock.steady(Seconds(5.0 + hour), Seconds(5.0));
            assert_eq!(after, Seconds(5.0), "a step of {hour} s");
            assert_eq!(clock.steady(Seconds(6.0 + hour), Seconds(6.0)), Seconds(6.0), "and it stays off");
            for taken_at in [5.9, 5.9 + hour] {
                let reading = clock.stamp(&Reading::absent(Seconds(taken_at), NoData::NotYet), Seconds(6.0));
                assert!((reading.taken_at.0 - 5.9).abs() < 1e-9, "stamped {taken_at} s, taken {}", reading.taken_at);
            }
        }
    }

    #[test]
    fn a_late_tick_is_not_a_step() {
        let mut clock = Clock::default();
        for (now, flown) in [(0.0, 0.0), (1.5, 0.5), (2.0, 2.0), (602.0, 602.0)] {
            assert_eq!(clock.steady(Seconds(now), Seconds(flown)), Seconds(now), "{flown} s flown by {now} s");
        }
    }

    #[test]
    fn a_source_that_stopped_before_the_clock_was_set_back_never_looks_fresh_again() {
        for silences in [false, true] {
            let mut clock = Clock::default();
            let stopped = Reading { power: Ok(Watts(90.0)), ..Reading::absent(Seconds(5.0), NoData::NotSupported) };
            for s in 0..=10 {
                clock.steady(Seconds(f64::from(s)), Seconds(f64::from(s)));
            }
            assert_eq!(clock.stamp(&stopped, Seconds(10.0)).taken_at, Seconds(5.0), "five seconds old");
            for s in 11..=4000 {
                // Set back by an hour after ten seconds.
                let now = clock.steady(Seconds(f64::from(s) - 3600.0), Seconds(f64::from(s)));
                let is_silent = silences && s % 2 == 0;
                let silence = Reading::absent(now - Seconds(3600.0), NoData::Timeout);
                let reading = clock.stamp(if is_silent { &silence } else { &stopped }, now);
                let expected = if is_silent { now } else { Seconds(5.0) };
                assert!((reading.taken_at - expected).0.abs() < 1e-6, "at {now}: taken at {}", reading.taken_at);
            }
        }
    }
}
