//! The brink: a node that comes nearer to its limit than it was meant to has its limit lowered for a while.
//!
//! ```text
//! lowered = max(lowered exp(-dt/tau), GAIN (T - (limit - KEPT)))      at most MOST, tau a share of an orbit
//! ```
//!
//! The heat cap keeps a larger distance than [`KEPT`], so this acts only on what the cap did not know: a meter that
//! reads low, a batch that draws more, a ripple larger than was reserved. It holds the highest that was seen, so the
//! ripple of batches counts in full and the loop does not swing.
//!
//! If that does not help (a meter that is stuck lets a pacer through at any budget above idle), the last steps to the
//! limit take the budget down to idle, at which nothing is admitted:
//!
//! ```text
//! P <= idle + (full - idle) (limit - T_soon - STOP) / (START - STOP)
//! ```
//!
//! `T_soon` is the temperature now, and when more is drawn than was meant, that of one tick and one batch ahead at the
//! present pace.

use super::{LimitedBy, Observation, Target};
use crate::envelope::{Limits, Temperatures};
use crate::units::{Kelvin, Seconds, Watts};

/// Distance from the limit within which a node was not meant to come.
const KEPT: Kelvin = Kelvin(0.3);
/// Kelvin that the limit is lowered for each by which a node came too near.
const GAIN: f64 = 6.0;
/// The most that a limit is lowered.
const MOST: Kelvin = Kelvin(3.0);
/// Distances from the limit at which the budget begins to fall, and at which it is idle power.
const START: Kelvin = Kelvin(0.3);
const STOP: Kelvin = Kelvin(0.1);
/// How long it is remembered, in orbits.
const MEMORY: f64 = 0.2;

/// By how much the limits of junction and loop are lowered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brink {
    junction: Kelvin,
    coolant: Kelvin,
}

impl Brink {
    /// The limits to steer by, with what is seen now taken in.
    pub(super) fn lower(&mut self, observation: &Observation<'_>) -> Limits {
        let Observation { limits, state, forecast, dt, .. } = *observation;
        let kept = (-dt.max(Seconds::ZERO).0 / (forecast.period().0 * MEMORY)).exp();
        let hot = &state.temperatures;
        let seen = |limit: Kelvin, now: Kelvin| (now - (limit - KEPT)) * GAIN;
        self.junction = (self.junction * kept).max(seen(limits.junction, hot.junction)).min(MOST);
        self.coolant = (self.coolant * kept).max(seen(limits.coolant, hot.coolant)).min(MOST);
        Limits { junction: limits.junction - self.junction, coolant: limits.coolant - self.coolant, ..*limits }
    }
}

/// The most power so near to the limits, for temperatures that come to `soon`.
pub(super) fn stop(observation: &Observation<'_>, soon: Temperatures) -> Target {
    let Observation { limits, machine, .. } = *observation;
    let none = Target { power: Watts(f64::INFINITY), limited_by: LimitedBy::Machine };
    let at = |limit: Kelvin, now: Kelvin, limited_by: LimitedBy| {
        let share = (limit - now - STOP) / (START - STOP);
        if share < 1.0 { Target { power: machine.at_share(share.max(0.0)), limited_by } } else { none }
    };
    at(limits.junction, soon.junction, LimitedBy::Junction).and(at(limits.coolant, soon.coolant, LimitedBy::Loop))
}

#[cfg(test)]
mod tests {
    use super::super::OperatingRange;
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft, State};
    use crate::profile;
    use crate::reading::{NoData, Reading};
    use crate::units::Watts;

    const MACHINE: OperatingRange = OperatingRange {
        idle_w: Watts(1e4),
        full_w: Watts(1e5),
        sensor_lag_s: Seconds(0.0),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(0.0),
    };

    /// What `look` says of a tick of `dt` seconds with the junction so far `below` its limit.
    fn at<T>(below: f64, dt: f64, look: impl FnOnce(&Observation<'_>) -> T) -> T {
        let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
        let spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
        let (limits, mut state): (_, State) = (spacecraft.limits(), *spacecraft.state());
        state.temperatures.junction = limits.junction - Kelvin(below);
        look(&Observation {
            now: Seconds::ZERO,
            dt: Seconds(dt),
            state: &state,
            limits,
            forecast: spacecraft.forecast(),
            reading: &Reading::absent(Seconds::ZERO, NoData::Off),
            machine: &MACHINE,
        })
    }

    #[test]
    fn a_node_at_its_brink_is_remembered_and_forgotten() {
        let mut brink = Brink::default();
        let mut lowered = |below: f64, dt: f64| {
            at(below, dt, |observation| {
                let limits = brink.lower(observation);
                assert_eq!(limits.coolant, observation.limits.coolant, "the loop is cool");
                (observation.limits.junction - limits.junction).0
            })
        };
        assert_eq!(lowered(0.4, 1.0), 0.0, "where it was meant to be");
        assert!((lowered(0.2, 1.0) - 0.6).abs() < 1e-9, "a tenth of a kelvin too near");
        assert!(lowered(0.4, 10.0) > 0.55, "remembered");
        assert!(lowered(0.4, 20_000.0) < 1e-4, "and forgotten");
        assert_eq!(lowered(-5.0, 1.0), MOST.0, "never by more than that");
    }

    #[test]
    fn the_last_steps_to_the_limit_lead_down_to_idle() {
        let powers: Vec<f64> = [0.4, 0.29, 0.15, 0.1, -1.0]
            .map(|below| at(below, 1.0, |seen| stop(seen, seen.state.temperatures)).power.0)
            .to_vec();
        assert_eq!(powers[0], f64::INFINITY, "nothing to say from afar");
        assert!(powers[1] < 1e5 && powers[2] < powers[1] && powers[2] > 1e4, "{powers:?} falls");
        assert!(powers[3..].iter().all(|power| (power - 1e4).abs() < 1e-6), "{powers:?}: idle at the limit and beyond");
    }
}
