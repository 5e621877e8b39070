//! Freshness: how far the readings can be believed at a moment, and from when on they are stale.

use super::{Assumption, Estimator};
use crate::reading::Refusal;
use crate::units::Seconds;

/// How far the readings can be believed now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Freshness {
    /// Since the last believed reading was taken, or since departure.
    pub age: Seconds,
    /// Readings are stale from this age on.
    pub stale_after: Seconds,
    /// A reading has been believed since the last call.
    pub is_fresh: bool,
    /// What was wrong with the last one.
    pub refusal: Refusal,
}

impl Freshness {
    /// A reading of this moment.
    pub const FRESH: Freshness =
        Freshness { age: Seconds::ZERO, stale_after: Seconds(1.0), is_fresh: true, refusal: Refusal::Old };
}

impl Estimator {
    /// How far the readings can be believed at `now`. Asking takes the news.
    pub fn freshness(&mut self, now: Seconds) -> Freshness {
        let period = self.period();
        let age = now - self.account.seen_at().unwrap_or(Seconds::ZERO);
        let stale_after = period * self.assumptions.silence + self.range.sensor_lag_s;
        let periods = (age - self.range.sensor_lag_s) / period;
        self.watch.see(Assumption::Silence, periods, now - age + stale_after);
        let is_fresh = std::mem::take(&mut self.fresh);
        Freshness { age, stale_after, is_fresh, refusal: self.account.refusal() }
    }

    /// After so long the meter has shown what was drawn now, or readings are stale.
    pub fn shown_after(&self) -> Seconds {
        self.range.sensor_lag_s * 2.0 + self.period() * self.assumptions.silence
    }

    /// What was wrong with the last reading; none where it was believed.
    pub fn refusal(&self) -> Option<Refusal> {
        Some(self.account.refusal()).filter(|refusal| *refusal != Refusal::Old)
    }
}
