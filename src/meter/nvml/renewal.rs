//! When a value was renewed, told from looks at it.
//!
//! A counter that is renewed every 100 ms and looked at every 25 ms shows its renewals to within 25 ms. A new value was
//! renewed somewhere between the look before and this one, and not longer ago than one update period: the middle of that
//! time is taken.

use crate::units::Seconds;

/// The looks at one value.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Renewal {
    looked_at: Option<Seconds>,
    renewed_at: Seconds,
}

impl Renewal {
    /// Takes a look at `at` that saw a new value or the old one; when the value was renewed.
    pub(super) fn advance(&mut self, at: Seconds, is_new: bool, update_period: Seconds) -> Seconds {
        if is_new || self.looked_at.is_none() {
            let since = self.looked_at.map_or(update_period, |looked_at| (at - looked_at).max(Seconds::ZERO));
            self.renewed_at = at - since.min(update_period) * 0.5;
        }
        self.looked_at = Some(at);
        self.renewed_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Seconds = Seconds(0.1);

    #[test]
    fn a_new_value_is_from_the_middle_of_the_time_in_which_it_came() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.advance(Seconds(1.0), true, PERIOD), Seconds(0.95), "nothing is known but the period");
        assert_eq!(renewal.advance(Seconds(1.02), false, PERIOD), Seconds(0.95), "the old value is as old as it is");
        assert_eq!(renewal.advance(Seconds(1.04), true, PERIOD), Seconds(1.03), "between two looks");
        assert_eq!(renewal.advance(Seconds(3.0), true, PERIOD), Seconds(2.95), "within the last period");
    }
}
