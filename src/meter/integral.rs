//! Energy from powers: the trapezoid between looks that lie close enough, and a counted gap where they do not.
//!
//! `E += (P₀ + P₁) / 2 · dt` while `dt` is at most [`GAP_PERIODS`] update periods. A longer silence is a gap: nobody saw
//! what was drawn, so no energy is invented for it. Its length is kept, and `rated power · gap` bounds what it can hide.
//! A mean over an interval is its power times its length, and an interval without one is a gap.

use crate::reading::{Coverage, Scatter};
use crate::units::{Joules, Seconds, Watts};

/// Two looks further apart than this many update periods have a gap between them. One late look is the scheduler's
/// doing; at five the powers at both ends say nothing about the middle.
pub const GAP_PERIODS: f64 = 5.0;

/// After this share of a period the same value is a new one: looks come once a period at the slowest, give or take what a
/// busy machine adds.
const PERIOD_SHARE: f64 = 0.9;

/// A power under watch.
#[derive(Clone, Copy, Debug)]
pub struct PowerIntegral {
    longest_step: Seconds,
    last: Option<(Seconds, Watts)>,
    /// The end of the last interval.
    interval_end: Option<Seconds>,
    /// A look has been lost since the last one.
    has_lost: bool,
    total: Joules,
    gaps: u64,
    gap_s: Seconds,
    update_period: Seconds,
    /// The last power that went into the scatter, and when.
    sample: Option<(Seconds, Watts)>,
    scatter: Scatter,
}

impl PowerIntegral {
    /// Nothing seen yet, of a sensor that renews its power every `update_period`.
    pub fn new(update_period: Seconds) -> PowerIntegral {
        PowerIntegral {
            longest_step: update_period * GAP_PERIODS,
            last: None,
            interval_end: None,
            has_lost: false,
            total: Joules::ZERO,
            gaps: 0,
            gap_s: Seconds::ZERO,
            update_period,
            sample: None,
            scatter: Scatter::default(),
        }
    }

    /// Takes the power seen at `at`; it is finite and not negative. A look that does not advance the clock is ignored. Whether
    /// it was a new value of the sensor: one that differs, or the same one a period later.
    pub fn advance(&mut self, at: Seconds, power: Watts) -> bool {
        if !at.is_finite() {
            return false;
        }
        if let Some((since, before)) = self.last {
            let dt = at - since;
            if dt.0 <= 0.0 {
                return false;
            }
            if dt.0 <= self.longest_step.0 && !self.has_lost {
                self.total += (before + power) * 0.5 * dt;
                let is_long = dt > self.update_period * 2.0;
                self.scatter.bridged += if is_long { dt.0 * dt.0 } else { 0.0 };
            } else {
                self.gap(dt);
            }
        }
        self.has_lost = false;
        self.last = Some((at, power));
        self.sample(at, power)
    }

    /// A look was lost: what lies between the last one and the next is a gap, however short.
    pub fn lose(&mut self) {
        self.has_lost = self.last.is_some();
    }

    /// Takes the interval that ended at `at`, where the one before ended, with its mean power if that is known.
    pub fn advance_by_mean(&mut self, at: Seconds, mean: Option<Watts>) {
        if let Some(since) = self.interval_end {
            let dt = (at - since).max(Seconds::ZERO);
            match mean {
                Some(power) => self.total += power * dt,
                None => self.gap(dt),
            }
        }
        self.interval_end = Some(at);
    }

    fn gap(&mut self, length: Seconds) {
        self.gaps += 1;
        self.gap_s += length;
    }

    /// One for each update: a power that differs, or the same one a period later, or nearly: a look is as often a little
    /// early as a little late.
    fn sample(&mut self, at: Seconds, power: Watts) -> bool {
        let is_early = |since: Seconds| at - since < self.update_period * PERIOD_SHARE;
        if self.sample.is_some_and(|(since, last)| last == power && is_early(since)) {
            return false;
        }
        let change = self.sample.map_or(0.0, |(_, last)| (power - last).0);
        self.scatter.count += 1;
        self.scatter.sum += power.0;
        self.scatter.square += power.0 * power.0;
        self.scatter.change += change * change;
        self.sample = Some((at, power));
        true
    }

    /// Writes gaps and scatter into what is told of the source.
    pub fn tell(&self, coverage: &mut Coverage) {
        (coverage.gaps, coverage.gap_s) = (self.gaps, self.gap_s);
        coverage.scatter = self.scatter;
    }

    /// Energy since the first look, without what the gaps hid.
    pub fn total(&self) -> Joules {
        self.total
    }

    /// Number and length of the gaps that have ended.
    pub fn gaps(&self) -> (u64, Seconds) {
        (self.gaps, self.gap_s)
    }

    /// The power at the last look.
    pub fn last_power(&self) -> Option<Watts> {
        self.last.map(|(_, power)| power)
    }
}
