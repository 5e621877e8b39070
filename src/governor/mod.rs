//! The governor: decides, once a tick, how many watts the compute may draw until the next one.
//!
//! Pure: time is an argument, and the action is applied by the caller. A governor sees where the spacecraft is expected to
//! be, where it is at the worst that the assumptions allow, and the orbit ahead.
//!
//! | policy | in the words of the field |
//! |---|---|
//! | `off` | no governor: full power, whatever happens |
//! | `static` | one cap, safe in every season |
//! | `threshold` | hysteresis on charge and temperature |
//! | `reactive` | proportional-integral on the temperatures and the charge |
//! | `price` | a joule is bought while it earns more than barrier prices of charge, heat and backlog |
//! | `predictive` | model-predictive: a two-level allocation over the orbit, and a rollout for the constraints (the default) |
//!
//! ```text
//!   observation ──> rule (one file per policy) ──> target ──> staleness (how far readings are believed) ──> decision
//!                                                                                                            │
//!                                                                    batches <── admission <── pacer <───────┘
//! ```
//!
//! Every policy but `off` stands behind the same guard ([`Regime`]): a sensor that falls silent costs power, always.

mod allocation;
mod coarse;
mod constraints;
mod fixed;
mod horizon;
mod infeasible;
mod light;
mod link;
mod off;
mod policy;
mod predictive;
mod preview;
mod price;
mod reactive;
mod rollout;
mod score;
mod staleness;
mod threshold;
mod work_curve;

pub mod pacer;

pub use crate::estimator::{Assumption, Assumptions, Broken, Estimator, Freshness, OperatingRange, UnknownAssumption};
pub use coarse::Coarse;
pub use fixed::{constant_cap, safe_all_year};
pub use policy::{Policy, UnknownPolicy};
pub use preview::Preview;
pub(crate) use score::Window;
pub use score::{BAND_SHARE, STEP_SHARE, Score, Scorer, Unscored};
pub use staleness::{Cause, Regime, Transition};
pub use work_curve::{CurveError, WorkCurve};

use crate::envelope::{Forecast, Limits, State};
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// Everything a governor may know at one tick.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Machine seconds since departure.
    pub now: Seconds,
    /// From tick to tick, as it was asked for.
    pub tick: Seconds,
    /// Where the spacecraft is expected to be.
    pub state: &'a State,
    /// Where it is at the worst that the assumptions allow.
    pub worst: &'a State,
    /// What must hold.
    pub limits: &'a Limits,
    /// The orbit ahead.
    pub forecast: &'a Forecast,
    /// How far the readings can be believed.
    pub freshness: Freshness,
    /// What the machine can do.
    pub machine: &'a OperatingRange,
    /// What is taken for granted.
    pub assumptions: &'a Assumptions,
    /// Whether charge and temperatures come from sensors of the spacecraft, so that the meter may be wrong about them.
    pub has_own_sensors: bool,
    /// The steps in which the meter shows a power.
    pub power_step: Watts,
    /// The power that is held, where it follows its budget, and for how long a change of it may seem to last before it came.
    pub held: (Watts, Seconds),
}

impl<'a> Observation<'a> {
    /// What an estimator knows at `now`; `worst`, `machine` and `limits` are its own.
    pub fn of(
        estimator: &'a Estimator,
        worst: &'a State,
        machine: &'a OperatingRange,
        limits: &'a Limits,
        (now, tick): (Seconds, Seconds),
        freshness: Freshness,
    ) -> Observation<'a> {
        Observation {
            now,
            tick,
            state: estimator.expected(),
            worst,
            limits,
            forecast: estimator.forecast(),
            freshness,
            machine,
            assumptions: estimator.assumptions(),
            has_own_sensors: estimator.has_own_sensors(),
            power_step: estimator.power_step(),
            held: (estimator.held(), estimator.shown_early()),
        }
    }

    /// The meter's power is a mean over so long, and moves the spacecraft as one. Zero where the spacecraft has sensors of
    /// its own or the meter is new at every look.
    fn window(&self) -> Seconds {
        match self.has_own_sensors || self.machine.update_period_s <= Seconds::ZERO {
            true => Seconds::ZERO,
            false => self.machine.update_period_s.max(self.tick) * self.assumptions.silence,
        }
    }
}

/// What binds the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The energy of the orbit.
    Energy,
    /// The charge floor.
    Charge,
    /// What array and battery can give the bus.
    Bus,
    /// The junction limit.
    Junction,
    /// The loop limit.
    Loop,
    /// Results that the link cannot carry.
    Downlink,
    /// The power limit on the compute.
    Cap,
    /// A reading too old to steer by.
    Stale,
}

impl LimitedBy {
    /// The name in files and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::Charge => "charge",
            Self::Bus => "bus",
            Self::Junction => "junction",
            Self::Loop => "loop",
            Self::Downlink => "downlink",
            Self::Cap => "cap",
            Self::Stale => "stale",
        }
    }
}

impl std::fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The decision of one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The most that the compute may draw on average, idle power included; between idle and full power of the machine.
    pub budget: Watts,
    /// For how long batches may run until the next decision has taken effect, those that run on included; none where nothing is
    /// near a limit.
    pub on_time_max: Option<Seconds>,
    /// Why not more; none where the machine may run at full power.
    pub limited_by: Option<LimitedBy>,
    /// How far the readings were believed.
    pub regime: Regime,
    /// What the regime was before this tick, and why it is another one now.
    pub transition: Option<Transition>,
    /// The limit that even idle power breaks during the orbit ahead, as far as it can be foreseen.
    pub infeasible: Option<LimitedBy>,
    /// What is foreseen to happen to the budget while a batch that starts now runs.
    pub preview: Option<Preview>,
}

impl Decision {
    /// Idle power, before anything is known.
    pub fn idle(machine: &OperatingRange) -> Decision {
        Decision {
            budget: machine.idle_w,
            on_time_max: None,
            limited_by: Some(LimitedBy::Stale),
            regime: Regime::Tracking,
            transition: None,
            infeasible: None,
            preview: None,
        }
    }
}

/// A policy.
pub trait Governor {
    /// The budget until the next tick.
    fn tick(&mut self, observation: &Observation<'_>) -> Decision;
}

/// What a rule asks for. May lie below idle or above full power.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Target {
    power: Watts,
    limited_by: Option<LimitedBy>,
}

impl Target {
    /// No limit.
    const FREE: Target = Target { power: Watts(f64::INFINITY), limited_by: None };

    /// At most `power`, because of a limit.
    fn at(power: Watts, limited_by: LimitedBy) -> Target {
        Target { power, limited_by: Some(limited_by) }
    }

    /// The stricter of two; the first on a tie.
    fn and(self, other: Target) -> Target {
        if other.power < self.power { other } else { self }
    }
}

/// What a rule says of one tick, as if every reading were fresh.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Answer {
    target: Target,
    on_time_max: Option<Seconds>,
    infeasible: Option<LimitedBy>,
    preview: Option<Preview>,
}

impl From<Target> for Answer {
    fn from(target: Target) -> Answer {
        Answer { target, on_time_max: None, infeasible: None, preview: None }
    }
}

/// The inside of a policy: the envelope's answer.
trait Rule {
    fn answer(&mut self, observation: &Observation<'_>) -> Answer;
}

/// What a policy is built from.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// The cap of the `static` policy, see [`safe_all_year`].
    pub static_cap: Watts,
    /// What a watt buys; [`WorkCurve::linear`] where power is set by admission of batches.
    pub curve: WorkCurve,
}

/// The governor of a policy.
pub fn new(policy: Policy, design: &Design) -> Box<dyn Governor + Send> {
    use staleness::Guard;
    match policy {
        Policy::Off => Box::new(off::Off),
        Policy::Static => Box::new(Guard::new(fixed::Fixed::new(design.static_cap))),
        Policy::Threshold => Box::new(Guard::new(threshold::Threshold::new())),
        Policy::Reactive => Box::new(Guard::new(reactive::Reactive::new())),
        Policy::Price => Box::new(Guard::new(price::Price::new(design.curve.clone()))),
        Policy::Predictive => Box::new(Guard::new(predictive::Predictive::new(design.curve.clone()))),
    }
}
