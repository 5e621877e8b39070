//! What a flight asked of the battery.

use crate::units::Seconds;
use std::collections::VecDeque;

/// Cycles and depth, from consecutive charges.
#[derive(Clone, Debug)]
pub(super) struct Discharge {
    period: Seconds,
    last: f64,
    /// Time and charge of the last period, highest first; what a later and higher charge outdoes is gone.
    crests: VecDeque<(Seconds, f64)>,
    /// Taken out, in full capacities.
    pub(super) cycles: f64,
    /// Largest fall inside one period, share of capacity.
    pub(super) depth: f64,
}

impl Discharge {
    pub(super) fn new(period: Seconds, soc: f64) -> Discharge {
        let crests = VecDeque::from([(Seconds::ZERO, soc)]);
        Discharge { period, last: soc, crests, cycles: 0.0, depth: 0.0 }
    }

    /// The charge at `now` is `soc`.
    pub(super) fn add(&mut self, now: Seconds, soc: f64) {
        self.cycles += (self.last - soc).max(0.0);
        self.last = soc;
        while self.crests.back().is_some_and(|(_, crest)| *crest <= soc) {
            self.crests.pop_back();
        }
        self.crests.push_back((now, soc));
        while self.crests.front().is_some_and(|(at, _)| *at < now - self.period) {
            self.crests.pop_front();
        }
        self.depth = self.depth.max(self.crests.front().map_or(0.0, |(_, crest)| crest - soc));
    }
}
