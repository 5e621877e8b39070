//! Power from energies: the mean over the last window of a counter that has no power beside it.
//!
//! `P = ΔE / Δt` over at least [`WINDOW`]. Looks that come closer together see the mean of the window before: over a
//! single millisecond the steps of the counter would show, not the load.

use crate::reading::NoData;
use crate::units::{Joules, Seconds, Watts};

/// The shortest window. It holds a hundred updates of RAPL (about 1 ms), so the ragged ends cost at most 1 %, and one
/// period of the scheduler's CPU quotas (100 ms).
pub const WINDOW: Seconds = Seconds(0.1);

/// A running mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanPower {
    since: Option<Seconds>,
    energy: Joules,
    latest: Option<Watts>,
}

impl MeanPower {
    /// Takes the energy since the look before; `None` if that cannot be said, and then the mean starts again.
    pub fn advance(&mut self, at: Seconds, energy: Option<Joules>) {
        let (Some(since), Some(energy)) = (self.since, energy) else {
            *self = MeanPower { since: Some(at), ..MeanPower::default() };
            return;
        };
        self.energy += energy;
        let dt = at - since;
        if dt.0 >= WINDOW.0 {
            *self = MeanPower { since: Some(at), energy: Joules::ZERO, latest: Some(self.energy / dt) };
        }
    }

    /// The mean over the last full window.
    pub fn watts(&self) -> Result<Watts, NoData> {
        self.latest.ok_or(NoData::NotYet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_needs_a_full_window() {
        let mut mean = MeanPower::default();
        mean.advance(Seconds(0.0), None);
        assert_eq!(mean.watts(), Err(NoData::NotYet), "one look");
        mean.advance(Seconds(0.05), Some(Joules(5.0)));
        assert_eq!(mean.watts(), Err(NoData::NotYet), "half a window");
        mean.advance(Seconds(0.1), Some(Joules(15.0)));
        assert_eq!(mean.watts(), Ok(Watts(200.0)), "20 J in 0.1 s");
        mean.advance(Seconds(0.15), Some(Joules(1.0)));
        assert_eq!(mean.watts(), Ok(Watts(200.0)), "still the window before");
    }

    #[test]
    fn a_hole_in_the_energies_starts_the_mean_again() {
        let mut mean = MeanPower::default();
        mean.advance(Seconds(0.0), None);
        mean.advance(Seconds(1.0), Some(Joules(50.0)));
        mean.advance(Seconds(2.0), None);
        assert_eq!(mean.watts(), Err(NoData::NotYet), "the old mean says nothing about the time after a reset");
        mean.advance(Seconds(3.0), Some(Joules(70.0)));
        assert_eq!(mean.watts(), Ok(Watts(70.0)), "70 J in the second after it");
    }
}
