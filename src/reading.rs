//! What a power source said, and how far it can be believed.
//!
//! These types let the governor name a reading without knowing the meter. Three rules hold everywhere:
//!
//! * Absence is a value with a cause ([`NoData`]); it never becomes `0 W`.
//! * Provenance travels with the number, into the journal, the result and every line that is printed.
//! * A modelled number has no error band and is never ranked.

use crate::units::{Joules, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// Where a number comes from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A meter outside the machine, between it and its supply.
    ExternalMeter,
    /// A sensor on the accelerator's board, read through its driver.
    BoardSensor,
    /// A counter inside the chip or package (RAPL and its like), often itself part model.
    SocCounter,
    /// Computed from something that is not power. Printed apart, without a band, never ranked.
    Modelled,
    /// Nothing could be read.
    None,
}

impl Provenance {
    /// True for what was read from a sensor, false for what was modelled or is missing.
    pub fn is_measured(self) -> bool {
        matches!(self, Self::ExternalMeter | Self::BoardSensor | Self::SocCounter)
    }
}

/// What the number covers. Two boundaries are never added unless neither contains the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// One accelerator board with its memory.
    Accelerator,
    /// One module that holds CPU and GPU together.
    Module,
    /// One CPU package.
    CpuPackage,
    /// This process alone, its share of the CPU.
    Process,
    /// The whole machine at its supply.
    Wall,
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// The device is switched off.
    Off,
    /// The system refuses the read to this user.
    NoPermission,
    /// The device or its driver has no such sensor.
    NotSupported,
    /// The device went away.
    Lost,
    /// The read did not come back in time.
    Timeout,
    /// The device sleeps, and reading would wake it.
    Asleep,
    /// The counter fell, and no wrap explains it.
    CounterReset,
    /// The value read cannot be (NaN, a sentinel, over any limit).
    Implausible,
    /// A mean needs two looks that lie far enough apart, and this is the first.
    NotYet,
}

impl std::fmt::Display for NoData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "the device is off",
            Self::NoPermission => "no permission",
            Self::NotSupported => "not supported",
            Self::Lost => "the device is lost",
            Self::Timeout => "no answer in time",
            Self::Asleep => "the device is asleep",
            Self::CounterReset => "the counter was reset",
            Self::Implausible => "the value is implausible",
            Self::NotYet => "too early for a mean",
        })
    }
}

/// A power source: what it is, what it covers and how good it is. Fixed from the moment it is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Short and unique, such as `nvml:0` or `cpu-time`.
    pub name: String,
    /// Where its numbers come from.
    pub provenance: Provenance,
    /// What its numbers cover.
    pub boundary: Boundary,
    /// One sentence for people: the sensor, the counter, or the formula of the model with its inputs.
    pub method: String,
    /// How often the value behind the reading changes, in seconds.
    pub update_period_s: Seconds,
    /// Half width of the band around an energy, as a share (k = 2); none for a model.
    pub relative_uncertainty: Option<f64>,
    /// The most that the boundary can draw: a board limit, a package limit or the model's full load.
    pub rated_w: Option<Watts>,
}

/// One look at one source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When it was measured, on the flight's monotonic clock.
    pub taken_at: Seconds,
    /// Energy since the source was opened. It never falls; a reset ends it with a cause.
    pub energy: Result<Joules, NoData>,
    /// Power now, or averaged over the source's own window.
    pub power: Result<Watts, NoData>,
}

impl Reading {
    /// A look that saw nothing, and why.
    pub fn absent(taken_at: Seconds, cause: NoData) -> Reading {
        Reading { taken_at, energy: Err(cause), power: Err(cause) }
    }

    /// How old the reading is at `now`.
    pub fn age(&self, now: Seconds) -> Seconds {
        now - self.taken_at
    }
}

/// How well a source has been watched since it was opened. Each figure only grows: a window's is the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Looks taken.
    pub looks: u64,
    /// Looks that brought no value, or one that was dropped as implausible.
    pub missed: u64,
    /// Looks that brought a value other than the one before.
    pub updates: u64,
    /// Stretches too long to bridge between two powers; no energy is counted in them.
    pub gaps: u64,
    /// Their length, all together.
    pub gap_s: Seconds,
}
