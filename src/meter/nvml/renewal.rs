//! When a count was renewed, told from looks at it.
//!
//! A counter that is renewed every 100 ms and looked at every 25 ms shows its renewals to within 25 ms. A new count was
//! renewed somewhere between the look before and this one, and not longer ago than one update period: the middle of that
//! time is taken.

use crate::units::Seconds;

/// The looks at one counter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewal {
    update_period: Seconds,
    looked_at: Option<Seconds>,
    renewed_at: Seconds,
    count: Option<u64>,
}

impl Renewal {
    /// Of a counter that is renewed every `update_period`, and that nobody has looked at yet.
    pub(super) fn new(update_period: Seconds) -> Renewal {
        Renewal { update_period, looked_at: None, renewed_at: Seconds::ZERO, count: None }
    }

    /// Takes a look at `at` that saw `count`; when that was renewed.
    pub(super) fn advance(&mut self, at: Seconds, count: u64) -> Seconds {
        if self.count.replace(count) != Some(count) {
            let since = self.looked_at.map_or(self.update_period, |looked_at| (at - looked_at).max(Seconds::ZERO));
            self.renewed_at = at - since.min(self.update_period) * 0.5;
        }
        self.looked_at = Some(at);
        self.renewed_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_count_is_from_the_middle_of_the_time_in_which_it_came() {
        let mut renewal = Renewal::new(Seconds(0.1));
        assert_eq!(renewal.advance(Seconds(1.0), 7), Seconds(0.95), "nothing is known but the period");
        assert_eq!(renewal.advance(Seconds(1.02), 7), Seconds(0.95), "the old count is as old as it is");
        assert_eq!(renewal.advance(Seconds(1.04), 8), Seconds(1.03), "between two looks");
        assert_eq!(renewal.advance(Seconds(3.0), 9), Seconds(2.95), "within the last period");
    }
}
