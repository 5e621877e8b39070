//! The trim: lowers the budget until the power that is really drawn is the power that was meant.
//!
//! ```text
//! excess += (drawn - meant) span        held within [-slack, slack + most / Ki]     (anti-windup)
//! trim    = -Ki max(0, excess - slack)  Ki = 1 / (2 theta)
//! ```
//!
//! Ki is the integral-only setting for a pure delay `theta` and unit gain (Skogestad, "Simple analytic rules for model
//! reduction and PID controller tuning", J. Process Control 13, 2003, closed-loop time constant = delay). The slack of
//! one batch keeps the switching of batches out of it. It never raises the budget: drawing less may be lack of work.

use crate::units::{Joules, Seconds, Watts};

/// Share of full power that the trim takes at most.
const MOST_SHARE: f64 = 0.3;

/// Share of the slack that sound batches leave unused.
const STRAIN: f64 = 0.6;

/// What the loop must know about its delays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Delay {
    /// From the budget to the witness of it.
    pub(super) theta: Seconds,
    /// What one batch may draw ahead of its time.
    pub(super) slack: Joules,
    /// Full power.
    pub(super) full: Watts,
}

/// The integral of what was drawn over what was meant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trim {
    excess: Joules,
    /// What was meant, as it reaches the witness: late by `theta`.
    late: Option<Watts>,
}

impl Trim {
    /// Takes in that `drawn` watts were drawn over `span` while `meant` was asked for.
    pub(super) fn learn(&mut self, drawn: Watts, meant: Watts, span: Seconds, delay: &Delay) {
        if span.0 <= 0.0 {
            return;
        }
        let late = self.late.get_or_insert(meant);
        let share = if delay.theta > span { span / delay.theta } else { 1.0 };
        *late += (meant - *late) * share;
        // After a step the witness may show the old level or the new one; the larger is not held against it.
        let over = drawn - meant.max(*late);
        let most = delay.slack + delay.full * MOST_SHARE * (delay.theta * 2.0);
        self.excess = (self.excess + over * span).min(most).max(-delay.slack);
    }

    /// More was drawn than the batches of a sound meter draw ahead of their time.
    pub(super) fn is_strained(&self, delay: &Delay) -> bool {
        self.excess > delay.slack * STRAIN
    }

    /// What to add to the budget: zero or less.
    pub(super) fn correction(&self, delay: &Delay) -> Watts {
        -((self.excess - delay.slack).max(Joules::ZERO) / (delay.theta * 2.0).max(Seconds(1e-9)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settles a machine that draws `gain` times what it is told, seen `delay` ticks late; gives the excess in joules.
    fn overdraw(gain: f64, lag_ticks: usize) -> (f64, f64) {
        let (dt, meant) = (Seconds(0.05), Watts(8.0));
        let theta = dt * (lag_ticks as f64 + 1.0);
        let delay = Delay { theta, slack: Joules(0.0), full: Watts(12.0) };
        let mut trim = Trim::default();
        let mut drawn = vec![meant * gain; lag_ticks + 1];
        let mut excess = 0.0;
        for _ in 0..4000 {
            let seen = drawn[drawn.len() - 1 - lag_ticks];
            trim.learn(seen, meant, dt, &delay);
            let now = (meant + trim.correction(&delay)) * gain;
            excess += ((now - meant) * dt).0;
            drawn.push(now);
        }
        (excess, drawn[drawn.len() - 1].0)
    }

    #[test]
    fn a_gain_error_is_taken_out_at_any_lag() {
        for lag_ticks in [0, 2, 20] {
            let (excess, last) = overdraw(1.4, lag_ticks);
            assert!((last - 8.0).abs() < 0.01, "{last} W at the end with a lag of {lag_ticks} ticks");
            assert!(excess < 3.2 * 0.05 * (lag_ticks as f64 + 1.0) * 3.0, "{excess} J over with {lag_ticks} ticks");
        }
    }

    #[test]
    fn an_idle_machine_earns_no_credit() {
        let delay = Delay { theta: Seconds(0.2), slack: Joules(1.0), full: Watts(12.0) };
        let mut trim = Trim::default();
        trim.learn(Watts(0.0), Watts(10.0), Seconds(1000.0), &delay);
        assert_eq!(trim.correction(&delay), Watts(0.0), "never above what was meant");
        trim.learn(Watts(12.0), Watts(8.0), Seconds(1.0), &delay);
        assert!(trim.correction(&delay) < Watts(0.0), "an hour of idling does not hide one second of excess");
    }
}
