//! Excess: what was counted over what an assumption allows, summed for as long as it stays over it (CUSUM).
//!
//! One window may hold the end of a batch that belongs to the next, so it says little; windows in a row that together are
//! over by more than such an edge say that the assumption does not hold.

use crate::units::{Joules, Seconds};

/// The sum so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Excess {
    over: Joules,
    allowed: Joules,
    /// Where the window before the first that was over began: what is over may have begun in it.
    since: Seconds,
    before: Seconds,
}

impl Excess {
    /// `energy` was counted in a window that begins at `from`, where `allowed` was. If all of them together are over by more
    /// than `edge`: energy over what was allowed, and since when.
    pub(super) fn add(
        &mut self,
        from: Seconds,
        (energy, allowed): (Joules, Joules),
        edge: Joules,
    ) -> Option<(f64, Seconds)> {
        let before = std::mem::replace(&mut self.before, from);
        let over = self.over + energy - allowed;
        if over <= Joules::ZERO {
            *self = Excess { before: from, ..Excess::default() };
            return None;
        }
        if self.over <= Joules::ZERO {
            self.since = before;
        }
        (self.over, self.allowed) = (over, self.allowed + allowed);
        (over > edge && self.allowed > Joules::ZERO).then(|| (1.0 + over / self.allowed, self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_over_by_more_than_an_edge_together_are_told_from_before_the_first_on() {
        let mut excess = Excess::default();
        let mut add = |from: f64, energy: f64| excess.add(Seconds(from), (Joules(energy), Joules(10.0)), Joules(3.0));
        assert_eq!(add(0.0, 9.0), None, "below what is allowed");
        assert_eq!(add(1.0, 12.0), None, "over, but by less than an edge");
        assert_eq!(add(2.0, 12.0), Some((1.2, Seconds(0.0))), "together by more");
        assert_eq!(add(3.0, 5.0), None, "what came too early is not drawn twice");
        assert_eq!(add(4.0, 12.0), None, "and the sum begins anew");
    }
}
