//! The governor: decides, once a tick, how many watts the compute may draw until the next one.
//!
//! Pure: time is an argument, and the action is applied by the caller. A governor sees the spacecraft's state, its
//! forecast and a power reading that may be late, wrong or missing; it is judged on the true power.
//!
//! | policy | in the words of the field |
//! |---|---|
//! | `off` | no governor: full power, whatever happens |
//! | `static` | one cap, safe in every season |
//! | `threshold` | hysteresis on charge and temperature |
//! | `reactive` | proportional-integral on the temperatures and the charge |
//! | `price` | a joule is bought while it earns more than barrier prices of charge, heat and backlog |
//! | `predictive` | the sustainable power of the orbit ahead, fed forward, corrected by feedback (the default) |
//!
//! ```text
//!   observation ──> rule (one file per policy) ──> target ──┐
//!        │                                                  ├──> guard (regime) ──> decision ──> pacer ──> batches
//!        └──> reading ──> evidence (believe it or not) ─────┘
//! ```
//!
//! Every policy but `off` stands behind the same guard ([`Regime`]): a sensor that falls silent costs power, always.

mod brink;
mod clock;
mod curve;
mod evidence;
mod fall;
mod fixed;
mod gauge;
mod heat;
mod junction;
mod ladder;
mod link;
mod off;
mod plan;
mod policy;
mod predictive;
mod price;
mod reactive;
mod reality;
mod regime;
mod score;
mod threshold;
mod trim;

pub mod pacer;

pub use curve::{CurveError, WorkCurve};
pub use evidence::Refusal;
pub use fall::Fall;
pub use fixed::{constant_cap, safe_all_year};
pub use junction::{Felt, Junction};
pub use policy::{Policy, UnknownPolicy};
pub use regime::{Cause, Regime, Transition};
pub(crate) use score::Window;
pub use score::{BAND_SHARE, STEP_SHARE, Score, Scorer, Unscored};

use crate::envelope::{Forecast, Limits, State};
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// What the machine can do, found by calibration before the flight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingRange {
    /// Power with the context open and nothing admitted.
    pub idle_w: Watts,
    /// Power with everything admitted.
    pub full_w: Watts,
    /// Dead time of the sensor: from a change of the power to the reading that shows it.
    pub sensor_lag_s: Seconds,
    /// How often the reading is renewed.
    pub update_period_s: Seconds,
    /// How long the longest batch runs: once admitted it is not recalled. Zero if power follows the budget at once.
    pub batch_s: Seconds,
}

impl OperatingRange {
    /// `power` held between idle and full power.
    pub fn clamp(&self, power: Watts) -> Watts {
        power.min(self.full_w).max(self.idle_w)
    }

    /// The power that a `share` of the way from idle to full power is.
    pub fn at_share(&self, share: f64) -> Watts {
        self.idle_w + (self.full_w - self.idle_w) * share
    }
}

/// Everything a governor may know at one tick.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The machine's clock.
    pub now: Seconds,
    /// Since the last tick.
    pub dt: Seconds,
    /// The spacecraft now.
    pub state: &'a State,
    /// What must hold.
    pub limits: &'a Limits,
    /// The orbit ahead.
    pub forecast: &'a Forecast,
    /// The latest reading, perhaps an old one.
    pub reading: &'a Reading,
    /// What the machine can do.
    pub machine: &'a OperatingRange,
}

/// What binds the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// Nothing: the machine may run at full power.
    Machine,
    /// The energy of the orbit.
    Energy,
    /// The charge floor.
    Charge,
    /// The junction limit.
    Junction,
    /// The loop limit.
    Loop,
    /// Results that the link cannot carry.
    Downlink,
    /// A reading too old to steer by.
    Stale,
}

impl std::fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Machine => "machine",
            Self::Energy => "energy",
            Self::Charge => "charge",
            Self::Junction => "junction",
            Self::Loop => "loop",
            Self::Downlink => "downlink",
            Self::Stale => "stale",
        })
    }
}

/// The decision of one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// The most that the compute may draw, idle power included; between idle and full power of the machine.
    pub budget: Watts,
    /// What the envelope would bear beyond full power, where nothing else binds. Calibrations err: a machine that turns
    /// out to draw a little more is not held back for it.
    pub spare: Watts,
    /// Why not more.
    pub limited_by: LimitedBy,
    /// How far the reading was believed.
    pub regime: Regime,
    /// What the regime was before this tick, and why it is another one now.
    pub transition: Option<Transition>,
    /// What the envelope allows less than idle power. A budget cannot go below idle: only switching the machine off
    /// would help. Zero in a healthy flight.
    pub shortfall: Watts,
    /// What is foreseen to happen to the budget while a batch that starts now runs.
    pub fall: Option<Fall>,
}

/// A policy.
pub trait Governor {
    /// The budget until the next tick.
    fn tick(&mut self, observation: &Observation<'_>) -> Decision;
}

/// What a rule asks for before the guard has looked at the sensor. May lie below idle or above full power.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Target {
    power: Watts,
    limited_by: LimitedBy,
}

impl Target {
    /// The stricter of two; the first on a tie.
    fn and(self, other: Target) -> Target {
        if other.power < self.power { other } else { self }
    }
}

/// The inside of a policy: the envelope's answer, as if every sensor were well.
trait Rule {
    /// What the spacecraft allows. `measured` is what the guard has believed of the reading since the last tick.
    fn target(&mut self, observation: &Observation<'_>, measured: Option<evidence::Measured>) -> Target;

    /// The fall that was foreseen with the last target; a rule without foresight foresees none.
    fn fall(&self) -> Option<Fall> {
        None
    }
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
    match policy {
        Policy::Off => Box::new(off::Off),
        Policy::Static => Box::new(regime::Guard::new(fixed::Fixed::new(design.static_cap))),
        Policy::Threshold => Box::new(regime::Guard::new(threshold::Threshold::new())),
        Policy::Reactive => Box::new(regime::Guard::new(reactive::Reactive::new())),
        Policy::Price => Box::new(regime::Guard::new(price::Price::new(design.curve.clone()))),
        Policy::Predictive => Box::new(regime::Guard::new(predictive::Predictive::new(design.curve.clone()))),
    }
}
