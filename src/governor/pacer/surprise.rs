//! Surprise: items that have come to cost more than anyone knew, seen before the learned costs follow.
//!
//! | witness | beyond doubt |
//! |---|---|
//! | readings | the sum of what they show over what batches can have made (Page, Biometrika 41, 1954) exceeds what is unknown of when a batch shows |
//! | the junction's heat ([`Felt`]) | over one tick that held enough work, at once: it is neither late nor the meter's |
//!
//! What "can have made" is judged by the most that is known: full power of the calibration, or more where more was learned.

use super::super::OperatingRange;
use crate::units::{Joules, Seconds, Watts};

/// Readings that show this many times the energy of such batches, beside so many seconds of it and a share of the dead
/// time.
const SURPRISE: f64 = 1.1;
const SURPRISE_S: f64 = 0.02;
const SURPRISE_LAG: f64 = 0.25;
/// For the junction less is enough (chosen: half as much, for it is no meter); it must have felt work for this share of a
/// tick.
const FELT_SURPRISE: f64 = 1.05;
const FELT_SHARE: f64 = 0.25;
/// For how long the power is remembered.
const SURPRISED_S: f64 = 4.0;
/// No surprise goes beyond so many times what was known.
const MOST_TIMES: f64 = 2.0;

/// What was seen of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surprise {
    /// The most above idle, and when.
    most: Option<(Watts, Seconds)>,
    /// Drawn above idle, and run, since readings show more than batches can have made.
    excess: (Joules, Seconds),
}

impl Surprise {
    /// The most above idle that was seen of late; zero where nothing surprised.
    pub(super) fn most(&self) -> Watts {
        self.most.map_or(Watts::ZERO, |(power, _)| power)
    }

    /// Readings showed `above_idle` for `busy` time of batches that draw at most `known` above idle.
    pub(super) fn read(
        &mut self,
        now: Seconds,
        above_idle: Joules,
        busy: Seconds,
        known: Watts,
        machine: &OperatingRange,
    ) {
        self.forget(now);
        let (drawn, ran) = (self.excess.0 + above_idle, self.excess.1 + busy);
        let excess = drawn - known * (ran * SURPRISE);
        self.excess = if excess > Joules::ZERO { (drawn, ran) } else { (Joules::ZERO, Seconds::ZERO) };
        // The later the sensor, the less is known of when a batch shows.
        let unknown = Seconds(SURPRISE_S) + machine.sensor_lag_s * SURPRISE_LAG;
        if excess > known * unknown {
            self.excess = (Joules::ZERO, Seconds::ZERO);
            self.remember(now, drawn / ran.max(unknown), known);
        }
    }

    /// The junction felt `above_idle` in a tick of which work was the share `busy`. What it draws while it
    /// runs, and whether that is a surprise; none where there was too little work.
    pub(super) fn feel(&mut self, now: Seconds, above_idle: Watts, busy: f64, known: Watts) -> Option<(Watts, bool)> {
        self.forget(now);
        if busy < FELT_SHARE {
            return None;
        }
        let power = (above_idle / busy).min(known * MOST_TIMES);
        let surprise = power > known * FELT_SURPRISE;
        if surprise {
            self.remember(now, power, known);
        }
        Some((power, surprise))
    }

    fn remember(&mut self, now: Seconds, power: Watts, known: Watts) {
        self.most = Some((power.min(known * MOST_TIMES).max(self.most()), now));
    }

    fn forget(&mut self, now: Seconds) {
        self.most = self.most.filter(|(_, when)| (now - *when).0.abs() < SURPRISED_S);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Watts = Watts(9.0);
    const MACHINE: OperatingRange = OperatingRange {
        idle_w: Watts(3.0),
        full_w: Watts(12.0),
        sensor_lag_s: Seconds(0.1),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(0.1),
    };

    #[test]
    fn readings_surprise_once_their_sum_is_beyond_doubt() {
        let mut surprise = Surprise::default();
        let mut read = |now: f64, watts: f64| {
            surprise.read(Seconds(now), Watts(watts) * Seconds(0.05), Seconds(0.05), KNOWN, &MACHINE);
            surprise.most().0
        };
        let sound: Vec<f64> = (0..20).map(|n| read(0.1 * f64::from(n), 9.5)).collect();
        assert!(sound.iter().all(|most| *most == 0.0), "5 % over what is known is the meter's: {sound:?}");
        let jumped: Vec<f64> = (20..25).map(|n| read(0.1 * f64::from(n), 14.4)).collect();
        assert_eq!(jumped[0], 0.0, "one reading may be a batch that shows early");
        assert!((jumped[4] - 14.4).abs() < 0.5, "60 % more, not {jumped:?}");
        assert_eq!(read(10.0, 9.0), 0.0, "and it is forgotten");
    }

    #[test]
    fn heat_surprises_at_once_where_there_was_work_enough() {
        let mut surprise = Surprise::default();
        assert_eq!(surprise.feel(Seconds(1.0), Watts(3.0), 0.2, KNOWN), None, "a fifth of a tick says little");
        assert_eq!(surprise.feel(Seconds(1.1), Watts(4.6), 0.5, KNOWN), Some((Watts(9.2), false)), "no surprise");
        assert_eq!(surprise.feel(Seconds(1.2), Watts(6.0), 0.5, KNOWN), Some((Watts(12.0), true)), "a third more");
        assert_eq!(surprise.most(), Watts(12.0), "remembered");
    }
}
