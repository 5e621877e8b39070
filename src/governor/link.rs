//! What the downlink lets the compute make.
//!
//! Results may wait for one orbit's worth of link. From there to two orbits' worth, power falls in proportion to
//! idle, so that production settles where the link can carry it away.

use super::{LimitedBy, Observation, Target};

/// The most power while results wait.
pub(super) fn link_cap(observation: &Observation<'_>) -> Target {
    let waiting = observation.state.backlog_bits;
    if waiting <= 0.0 {
        return Target::FREE;
    }
    let share = 2.0 - waiting / observation.limits.downlink_bits_per_orbit.max(f64::MIN_POSITIVE);
    if share >= 1.0 {
        return Target::FREE;
    }
    Target::at(observation.machine.at_share(share.max(0.0)), LimitedBy::Downlink)
}
