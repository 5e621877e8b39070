//! Energy from powers: the trapezoid between looks that lie close enough, and a counted gap where they do not.
//!
//! `E += (P₀ + P₁) / 2 · dt` while `dt` is at most [`GAP_PERIODS`] update periods. A longer silence is a gap: nobody saw
//! what was drawn, so no energy is invented for it. Its length is kept, and `rated power · gap` bounds what it can hide.

use crate::units::{Joules, Seconds, Watts};

/// Two looks further apart than this many update periods have a gap between them. One late look is the scheduler's
/// doing; at five the powers at both ends say nothing about the middle.
pub const GAP_PERIODS: f64 = 5.0;

/// A power under watch.
#[derive(Clone, Copy, Debug)]
pub struct PowerIntegral {
    longest_step: Seconds,
    last: Option<(Seconds, Watts)>,
    total: Joules,
    gaps: u64,
    gap_s: Seconds,
}

impl PowerIntegral {
    /// Nothing seen yet, of a sensor that renews its power every `update_period`.
    pub fn new(update_period: Seconds) -> PowerIntegral {
        PowerIntegral {
            longest_step: update_period * GAP_PERIODS,
            last: None,
            total: Joules::ZERO,
            gaps: 0,
            gap_s: Seconds::ZERO,
        }
    }

    /// Takes the power seen at `at`; it is finite and not negative. A look that does not advance the clock is ignored.
    pub fn advance(&mut self, at: Seconds, power: Watts) {
        if !at.is_finite() {
            return;
        }
        if let Some((since, before)) = self.last {
            let dt = at - since;
            if dt.0 <= 0.0 {
                return;
            }
            if dt.0 <= self.longest_step.0 {
                self.total += (before + power) * 0.5 * dt;
            } else {
                self.gaps += 1;
                self.gap_s += dt;
            }
        }
        self.last = Some((at, power));
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
