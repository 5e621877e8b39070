//! What the downlink lets the compute make.
//!
//! Results may wait for one orbit's worth of link. From there to two orbits' worth, power falls in proportion to
//! idle, so that production settles where the link can carry it away.

use super::{LimitedBy, Observation, Target};

/// The most power while results wait; full power with an empty queue.
pub(super) fn link_cap(observation: &Observation<'_>) -> Target {
    let waiting = observation.state.backlog_bits;
    let orbit = observation.limits.downlink_bits_per_orbit;
    let share = if waiting > 0.0 { (2.0 - waiting / orbit.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) } else { 1.0 };
    let limited_by = if share < 1.0 { LimitedBy::Downlink } else { LimitedBy::Machine };
    Target { power: observation.machine.at_share(share), limited_by }
}
