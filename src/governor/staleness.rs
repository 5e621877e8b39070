//! Staleness: how far the readings are believed, and what the budget may be when they are not.
//!
//! ```text
//!               fresh                        fresh (first)
//!        ┌────────────────┐           ┌─────────────────────────┐
//!        v                │           v                         │
//!    Tracking ──silent──> Stale <─silent─ Recovering <─fresh── Blind
//!        ^                │               │                     ^
//!        │                └───── silent for longer ─────────────┤
//!        └──────────── third fresh ───────┘     or senseless ───┘
//! ```
//!
//! | regime | budget |
//! |---|---|
//! | Tracking | what the policy asks for |
//! | Stale | a safe share of it, fading to idle with the age of the last reading |
//! | Recovering | the safe share |
//! | Blind | idle |
//!
//! Silent means older than is assumed ([`silence`](crate::estimator::Assumptions), in update periods beside the sensor's dead time); ten times
//! that is blind. The last value is never held. A state of the spacecraft that is not finite is senseless: blind at once.
//!
//! Every change of the regime has a [`Cause`], which the flight writes down.

use super::{Answer, Decision, Governor, LimitedBy, Observation, Rule, Target};
use crate::reading::Refusal;
use crate::units::Seconds;
use serde::{Deserialize, Serialize};

/// How far the reading is believed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Regime {
    /// Readings are fresh.
    Tracking,
    /// The last reading is old.
    Stale {
        /// When it became old, on the machine's clock.
        since: Seconds,
    },
    /// Too old to know anything.
    Blind {
        /// When it became so, on the machine's clock.
        since: Seconds,
    },
    /// Readings have come back after blindness.
    Recovering {
        /// How many.
        fresh: u32,
    },
}

impl std::fmt::Display for Regime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Tracking => "tracking",
            Self::Stale { .. } => "stale",
            Self::Blind { .. } => "blind",
            Self::Recovering { .. } => "recovering",
        })
    }
}

/// Why the regime changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No reading could be believed for too long; what was wrong with the last one.
    Silent(Refusal),
    /// The state of the spacecraft is not made of numbers.
    Senseless,
    /// A reading was believed again.
    Fresh,
    /// Enough of them were.
    Trusted,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silent(refusal) => write!(f, "silent: {refusal}"),
            Self::Senseless => f.write_str("the spacecraft's state is senseless"),
            Self::Fresh => f.write_str("a fresh reading"),
            Self::Trusted => f.write_str("readings are back"),
        }
    }
}

/// From one regime to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Before this tick.
    pub from: Regime,
    /// From this tick on.
    pub to: Regime,
    /// Why.
    pub cause: Cause,
}

/// Blindness begins at this many times the age of staleness: chosen, an outage of a second is bridged at 20 Hz.
const BLIND_TIMES: f64 = 10.0;
/// Readings that end blindness: chosen, one may be left over from before.
const TRUSTED_AFTER: u32 = 3;

/// What one tick found.
#[derive(Clone, Copy, Debug)]
struct Look {
    now: Seconds,
    /// Since the last believed reading.
    age: Seconds,
    /// A new reading was believed.
    fresh: bool,
    stale_after: Seconds,
    /// Share of the way from idle to the target that holds it if an item costs as much more as is assumed.
    safe_share: f64,
    /// The state of the spacecraft is made of numbers.
    sense: bool,
}

impl Look {
    fn blind_after(&self) -> Seconds {
        self.stale_after * BLIND_TIMES
    }
}

impl Regime {
    /// The regime after one look.
    fn next(self, look: &Look) -> Regime {
        if !look.sense || look.age > look.blind_after() {
            return self.go_blind(look);
        }
        match self {
            Regime::Tracking if look.age > look.stale_after => Regime::Stale { since: look.now },
            Regime::Stale { .. } if look.fresh && look.age <= look.stale_after => Regime::Tracking,
            Regime::Blind { .. } if look.fresh => Regime::Recovering { fresh: 1 },
            Regime::Recovering { fresh } => Regime::recover(fresh, look),
            kept => kept,
        }
    }

    /// The change to `to`, unless it is the same regime grown older.
    fn transition(self, to: Regime, look: &Look, refusal: Refusal) -> Option<Transition> {
        if std::mem::discriminant(&self) == std::mem::discriminant(&to) {
            return None;
        }
        let cause = match to {
            _ if !look.sense => Cause::Senseless,
            Regime::Stale { .. } | Regime::Blind { .. } => Cause::Silent(refusal),
            Regime::Tracking if matches!(self, Regime::Recovering { .. }) => Cause::Trusted,
            Regime::Tracking | Regime::Recovering { .. } => Cause::Fresh,
        };
        Some(Transition { from: self, to, cause })
    }

    fn go_blind(self, look: &Look) -> Regime {
        match self {
            Regime::Blind { .. } => self,
            _ => Regime::Blind { since: look.now },
        }
    }

    fn recover(fresh: u32, look: &Look) -> Regime {
        let fresh = fresh + u32::from(look.fresh);
        if look.age > look.stale_after {
            Regime::Stale { since: look.now }
        } else if fresh >= TRUSTED_AFTER {
            Regime::Tracking
        } else {
            Regime::Recovering { fresh }
        }
    }

    /// The share of the way from idle to the target that may be used.
    fn share(self, look: &Look) -> f64 {
        match self {
            Regime::Tracking => 1.0,
            Regime::Recovering { .. } => look.safe_share,
            Regime::Stale { .. } => {
                let left = (look.blind_after() - look.age) / (look.blind_after() - look.stale_after);
                look.safe_share * left.clamp(0.0, 1.0)
            }
            Regime::Blind { .. } => 0.0,
        }
    }
}

/// A rule behind the guard: a whole policy.
#[derive(Debug)]
pub(super) struct Guard<R> {
    rule: R,
    regime: Regime,
}

impl<R> Guard<R> {
    pub(super) fn new(rule: R) -> Guard<R> {
        Guard { rule, regime: Regime::Tracking }
    }
}

impl<R: Rule> Governor for Guard<R> {
    fn tick(&mut self, observation: &Observation<'_>) -> Decision {
        let freshness = observation.freshness;
        let look = Look {
            now: observation.now,
            age: freshness.age,
            fresh: freshness.is_fresh,
            stale_after: freshness.stale_after,
            safe_share: 1.0 / observation.assumptions.item_cost,
            sense: makes_sense(observation),
        };
        let before = self.regime;
        self.regime = before.next(&look);
        let transition = before.transition(self.regime, &look, freshness.refusal);
        if !look.sense {
            let regime = self.regime;
            return Decision { regime, transition, ..Decision::idle(observation.machine) };
        }
        let answer = self.rule.answer(observation);
        Decision { transition, ..decide(&answer, self.regime, self.regime.share(&look), observation) }
    }
}

/// Puts an answer into what the machine can do, and what the regime lets it.
fn decide(answer: &Answer, regime: Regime, share: f64, observation: &Observation<'_>) -> Decision {
    let machine = observation.machine;
    let target = answer.target.and(Target::at(observation.limits.compute, LimitedBy::Cap));
    let is_free = target.power >= machine.full_w;
    let asked = machine.clamp(target.power);
    Decision {
        budget: machine.idle_w + (asked - machine.idle_w) * share,
        on_time_max: answer.on_time_max,
        limited_by: if share < 1.0 { Some(LimitedBy::Stale) } else { target.limited_by.filter(|_| !is_free) },
        regime,
        transition: None,
        infeasible: answer.infeasible,
        preview: answer.preview,
    }
}

/// Whether the state of the spacecraft is made of numbers.
fn makes_sense(observation: &Observation<'_>) -> bool {
    let state = observation.state;
    let hot = &state.temperatures;
    let numbers = [
        observation.now.0,
        state.t.0,
        state.soc,
        state.array.0,
        state.environment.0,
        hot.junction.0,
        hot.coolant.0,
        hot.radiator.0,
    ];
    numbers.iter().all(|number| number.is_finite()) && !observation.forecast.samples.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(age: f64, fresh: bool) -> Look {
        Look { now: Seconds(100.0), age: Seconds(age), fresh, stale_after: Seconds(0.3), safe_share: 0.8, sense: true }
    }

    #[test]
    fn silence_leads_from_tracking_over_stale_to_blind() {
        let stale = Regime::Tracking.next(&look(0.4, false));
        assert_eq!(stale, Regime::Stale { since: Seconds(100.0) }, "older than three periods");
        assert_eq!(stale.next(&look(3.1, false)), Regime::Blind { since: Seconds(100.0) }, "ten times older");
        assert_eq!(stale.next(&look(0.0, true)), Regime::Tracking, "one fresh reading ends staleness");
    }

    #[test]
    fn blindness_ends_after_three_fresh_readings() {
        let mut regime = Regime::Blind { since: Seconds(0.0) };
        for fresh in 1..TRUSTED_AFTER {
            regime = regime.next(&look(0.0, true));
            assert_eq!(regime, Regime::Recovering { fresh }, "reading {fresh}");
        }
        assert_eq!(regime.next(&look(0.0, true)), Regime::Tracking, "the third");
    }

    #[test]
    fn the_usable_share_only_falls_with_age() {
        let stale = Regime::Stale { since: Seconds(0.0) };
        let shares: Vec<f64> = (3..=30).map(|tenths| stale.share(&look(f64::from(tenths) * 0.1, false))).collect();
        assert!(shares.windows(2).all(|pair| pair[1] < pair[0]), "{shares:?} fades");
        assert!(shares[0] <= 0.8 && shares[27].abs() < 1e-9, "from the safe share to idle");
    }

    #[test]
    fn every_change_has_its_cause_and_ageing_is_none() {
        let (tracking, stale) = (Regime::Tracking, Regime::Stale { since: Seconds(1.0) });
        let (blind, recovering) = (Regime::Blind { since: Seconds(2.0) }, Regime::Recovering { fresh: 1 });
        let silent = Cause::Silent(Refusal::Zero);
        let causes = [
            (tracking, stale, Some(silent)),
            (stale, blind, Some(silent)),
            (stale, tracking, Some(Cause::Fresh)),
            (blind, recovering, Some(Cause::Fresh)),
            (recovering, tracking, Some(Cause::Trusted)),
            (recovering, Regime::Recovering { fresh: 2 }, None),
            (tracking, tracking, None),
        ];
        for (from, to, cause) in causes {
            let transition = from.transition(to, &look(0.0, true), Refusal::Zero);
            assert_eq!(transition, cause.map(|cause| Transition { from, to, cause }), "{from} to {to}");
        }
        let senseless = Look { sense: false, ..look(0.0, true) };
        let transition = tracking.transition(blind, &senseless, Refusal::Zero).expect("a change");
        assert_eq!(transition.cause, Cause::Senseless, "whatever the sensor says");
    }

    #[test]
    fn a_senseless_state_blinds_at_once() {
        let senseless = Look { sense: false, ..look(0.0, true) };
        assert_eq!(Regime::Tracking.next(&senseless), Regime::Blind { since: Seconds(100.0) }, "NaN is no state");
    }
}
