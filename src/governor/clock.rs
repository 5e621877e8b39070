//! The guard's clock: the caller's, without its steps.
//!
//! A clock that is set, or that stood still over a suspend, moves by other than the spacecraft flew. What it moved
//! too far is taken off from then on, so that ages stay ages. Plans go by the spacecraft's own time and need none of
//! this. A reading may be stamped by the clock that stepped or by one that did not: it is read the way that puts it
//! nearer to now.

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

    /// `reading` on the same clock.
    pub(super) fn stamp(&self, reading: &Reading, now: Seconds) -> Reading {
        let (as_is, moved) = (reading.taken_at, reading.taken_at - self.offset);
        let nearer = (moved - now).0.abs() < (as_is - now).0.abs();
        Reading { taken_at: if nearer { moved } else { as_is }, ..*reading }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::NoData;

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
}
