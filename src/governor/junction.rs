//! The junction as a wattmeter: what power did to its temperature, and to that of the loop.
//!
//! ```text
//! C_J dT_J/dt = P - (T_J - T_L) / R         D = T_J - T_L,  tau = R C_J,  kept = exp(-span / tau)
//! P = (D(to) - kept D(from)) / (R (1 - kept)) + C_J (T_L(to) - T_L(from)) / span
//! ```
//!
//! Exact for constant power and a loop whose temperature moves evenly. Power that varies counts by `exp(-age / tau)`: the
//! latest the most. The radiator is not in it, so no panel that is lost disturbs it.
//!
//! Only simulated machines are felt: the junction of a real flight is moved by what the meter shows, and knows no more.

use crate::envelope::{State, Temperatures, Thermal};
use crate::units::{Seconds, Watts};

/// What was drawn between two looks at the junction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Felt {
    /// Mean, the latest counting the most.
    pub power: Watts,
    /// The time between the looks.
    pub span: Seconds,
    /// After which power counts for 1/e of what it does now.
    pub memory: Seconds,
}

impl Felt {
    /// Power into the junction of `thermal` that brought it from `before` to `after` in `span`.
    pub(super) fn between(thermal: &Thermal, before: Temperatures, after: Temperatures, span: Seconds) -> Felt {
        let (resistance, capacity) = (thermal.junction_to_loop_k_per_w, thermal.junction_j_per_k);
        let kept = (-span.0 / (resistance * capacity)).exp();
        let (first, last) = (before.junction - before.coolant, after.junction - after.coolant);
        let settled = (last - first * kept) / (1.0 - kept);
        let carried = capacity * (after.coolant - before.coolant).0 / span.0;
        Felt { power: Watts(settled.0 / resistance + carried), span, memory: Seconds(resistance * capacity) }
    }

    /// What a stretch that began `oldest` before the second look and ended `latest` before it counts for, 0 to 1.
    pub(super) fn weight(&self, oldest: Seconds, latest: Seconds) -> f64 {
        let left = |age: Seconds| (-(age.max(Seconds::ZERO).min(self.span) / self.memory)).exp();
        ((left(latest) - left(oldest)) / (1.0 - left(self.span))).max(0.0)
    }
}

/// Remembers the last look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Junction {
    last: Option<(Seconds, Temperatures)>,
}

impl Junction {
    /// Looks at a spacecraft that has the network `thermal`. None at the first look, and where no time has passed.
    pub fn feel(&mut self, thermal: &Thermal, state: &State) -> Option<Felt> {
        let (before, from) = self.last.replace((state.t, state.temperatures)).map(|(t, hot)| (hot, t))?;
        let span = state.t - from;
        (span.0 > 0.0).then(|| Felt::between(thermal, before, state.temperatures, span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft};
    use crate::profile;

    /// What is felt of the last of ten steps of ten seconds, each begun with five seconds at `first` and ended at `second`.
    fn felt(first: f64, second: f64) -> Felt {
        let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
        let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
        let mut junction = Junction::default();
        let mut last = None;
        for _ in 0..10 {
            spacecraft.step(Seconds(5.0), Watts(first), 0.0);
            spacecraft.step(Seconds(5.0), Watts(second), 0.0);
            last = junction.feel(&spacecraft.forecast().thermal, spacecraft.state());
        }
        last.expect("ten looks")
    }

    #[test]
    fn constant_power_is_felt_exactly() {
        let felt = felt(6e4, 6e4);
        assert!((felt.power.0 / 6e4 - 1.0).abs() < 1e-3, "{}", felt.power);
    }

    #[test]
    fn power_that_varies_counts_by_its_age() {
        let felt = felt(0.0, 8e4);
        let late = felt.weight(Seconds(5.0), Seconds::ZERO);
        assert!(late > 0.5 && late < 0.6, "the later half counts for {late}");
        assert!((felt.weight(Seconds(20.0), Seconds::ZERO) - 1.0).abs() < 1e-12, "all of it for 1");
        assert!((felt.power.0 / (8e4 * late) - 1.0).abs() < 0.03, "{} of 80 kW in the later half", felt.power);
    }
}
