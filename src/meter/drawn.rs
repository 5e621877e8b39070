//! An energy over a window, with everything that its bounds are made of.
//!
//! ```text
//! u² = spread² + lag²        low = max(0, E - u) / (1 + g)        high = (E + u) / (1 - g)        (k = 2)
//! ```
//!
//! * g: gain of the sensor ([`Source::relative_uncertainty`]). One and the same in the whole run and known by its limit
//!   alone, so it is no spread to be squared with the others (JCGM 100:2008, F.2.4.5);
//! * spread: window edges, gaps, and what a sensor does not see between two looks of its own. Independent from one
//!   window to the next, so the squares are added (JCGM 100:2008, 5.1.2);
//! * lag: what an averaging sensor has not shown yet at the end and still shows from before the begin. The same in every
//!   repeat of the same work, so the lags themselves are added.

use crate::reading::{NoData, Provenance, Source, Throttling};
use crate::units::{Joules, Seconds};
use serde::{Deserialize, Serialize};

/// Energy over a window, or why there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// As the source counted or modelled it.
    pub energy_j: Option<Joules>,
    /// How often the reading changed inside the window.
    pub updates: u64,
    /// Windows that were added up; each has two edges.
    pub windows: u64,
    /// Why there is no energy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_data: Option<NoData>,
    /// Length of the windows, all together.
    #[serde(default)]
    pub window_s: Seconds,
    /// Time in them that was too long without a look to be bridged.
    #[serde(default)]
    pub gap_s: Seconds,
    /// Age of the oldest value that was used.
    #[serde(default)]
    pub oldest_s: Seconds,
    /// Half width from edges, gaps and blind time.
    #[serde(default)]
    pub spread_j: Joules,
    /// Half width from averaging.
    #[serde(default)]
    pub lag_j: Joules,
    /// For how long the device was slowed down; none where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<Throttling>,
}

impl Drawn {
    /// A window of which nothing is known, and why.
    pub fn absent(cause: NoData, window_s: Seconds) -> Drawn {
        Drawn { windows: 1, no_data: Some(cause), window_s, ..Drawn::default() }
    }

    /// Both windows together; one without energy leaves the sum without.
    pub fn plus(&self, other: &Drawn) -> Drawn {
        Drawn {
            energy_j: self.energy_j.zip(other.energy_j).map(|(one, two)| one + two),
            updates: self.updates + other.updates,
            windows: self.windows + other.windows,
            no_data: self.no_data.or(other.no_data),
            window_s: self.window_s + other.window_s,
            gap_s: self.gap_s + other.gap_s,
            oldest_s: self.oldest_s.max(other.oldest_s),
            spread_j: Joules(self.spread_j.0.hypot(other.spread_j.0)),
            lag_j: self.lag_j + other.lag_j,
            throttled: match (self.throttled, other.throttled) {
                (Some(one), Some(two)) => Some(one.plus(&two)),
                (one, two) => one.or(two),
            },
        }
    }

    /// Lower and upper bound of a measured energy from `source` (k = 2); none for a model, or without an energy.
    pub fn bounds(&self, source: &Source) -> Option<(Joules, Joules)> {
        let gain = source.relative_uncertainty.filter(|_| source.provenance != Provenance::Modelled)?;
        let gain = gain.clamp(0.0, 0.99);
        let energy = self.energy_j?;
        let half = Joules(self.spread_j.0.hypot(self.lag_j.0));
        Some(((energy - half).max(Joules::ZERO) / (1.0 + gain), (energy + half) / (1.0 - gain)))
    }

    /// Share of the window in which the source was watched closely enough; none for no window.
    pub fn coverage(&self) -> Option<f64> {
        let is_known = self.energy_j.is_some() && self.window_s > Seconds::ZERO;
        is_known.then(|| 1.0 - self.gap_s / self.window_s)
    }
}
