//! A meter too coarse for the battery: what its windows may hide takes all the charge that may be used, so that nothing can be
//! admitted. A flight that runs nothing says why.

use super::horizon::resolution;
use super::{Decision, Observation};
use crate::units::Seconds;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A governor that keeps the charge above its floor by a meter of this resolution admits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coarse {
    /// The meter is renewed every so often, on the machine's clock.
    pub update_period_s: Seconds,
    /// That time as a share of the orbit.
    pub orbit_share: f64,
    /// The charge that may be drawn unseen before its power shows, as a share of the capacity.
    pub unseen_share: f64,
    /// The charge between the floor and a full battery.
    pub usable_share: f64,
}

impl Coarse {
    /// Where that is why `decision` admits nothing.
    pub fn of(observation: &Observation<'_>, decision: &Decision) -> Option<Coarse> {
        let unseen_share = resolution(observation);
        let usable_share = observation.forecast.battery.soc_max - observation.limits.soc_min;
        let admits_nothing = decision.budget <= observation.machine.idle_w;
        let update_period_s = observation.machine.update_period_s;
        (admits_nothing && unseen_share >= usable_share).then(|| Coarse {
            update_period_s,
            orbit_share: update_period_s / observation.forecast.period(),
            unseen_share,
            usable_share,
        })
    }
}

impl fmt::Display for Coarse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coarse { update_period_s: update, orbit_share, unseen_share, usable_share } = self;
        write!(
            f,
            "nothing runs because the meter's resolution in time is too coarse: it is renewed every {:.1} s, {:.1} % of the \
             orbit, and may hide {:.1} % of the charge, of which {:.1} % lie between floor and full; a meter that is renewed \
             faster or a smaller --compression mends it",
            update.0,
            100.0 * orbit_share,
            100.0 * unseen_share,
            100.0 * usable_share,
        )
    }
}
