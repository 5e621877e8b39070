//! What the journal says of a flight beside its ticks: what was asked for, at what scale, what was done, how it ended.

use super::LengthName;
use crate::envelope::{Breaches, Condition};
use crate::governor::Policy;
use crate::meter::Drawn;
use crate::profile::Satellite;
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlightPlan {
    /// Name or path of the satellite profile.
    pub satellite_name: String,
    /// The profile, with all overrides applied.
    pub satellite: Satellite,
    /// Governor policy.
    pub governor: Policy,
    /// Durations.
    pub length: LengthName,
    /// Seed of every random choice.
    pub seed: u64,
    /// Machine seconds that one orbit takes.
    pub orbit_s: Seconds,
    /// Governor tick.
    pub tick_s: Seconds,
    /// Repeats of each unconstrained measurement.
    pub repeats: u32,
}

/// The factors between satellite and machine, and what they stand on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScaleRecord {
    /// s.
    pub power_scale: f64,
    /// k.
    pub time_compression: f64,
    /// The machine's rated power.
    pub rated_w: Watts,
    /// The power source states no rated power: it is the most that any workload was seen to draw unconstrained.
    #[serde(default)]
    pub rated_is_calibrated: bool,
    /// Idle, with everything open.
    pub idle_w: Watts,
    /// Most that any workload drew unconstrained.
    pub full_w: Watts,
    /// Idle power as it was seen, where that was not under `full_w`; `idle_w` is `full_w` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seen_w: Option<Watts>,
    /// Orbit on the machine's clock.
    pub orbit_s: Seconds,
    /// k times the sensor's update period over the fast thermal time constant (not preserved by the scaling).
    pub sensing_ratio: f64,
}

impl ScaleRecord {
    /// Why the power source does not see the work, where it does not.
    pub fn blind(&self) -> Option<String> {
        let seen = self.idle_seen_w?;
        Some(format!(
            "the power source does not see the work: {:.2} W idle, {:.2} W at the most with everything admitted",
            seen.0, self.full_w.0
        ))
    }
}

/// What is made to go wrong in a simulated flight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaultsRecord {
    /// As they were asked for: `NAME[=VALUE]@START[+DURATION]`, simulated seconds since departure.
    pub faults: Vec<String>,
    /// What becomes of the satellite by them, from which simulated time on.
    pub conditions: Vec<(Seconds, Condition)>,
}

/// Work of one slice of one workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkDone {
    /// Index into [`Conditions::workloads`](super::Conditions::workloads).
    pub workload: usize,
    /// Batches ended.
    pub batches: u64,
    /// Items done.
    pub items: f64,
    /// Time inside batches.
    pub busy_s: Seconds,
    /// Time in which the governor held work back.
    pub held_s: Seconds,
    /// Time of the slice, pauses included.
    pub slice_s: Seconds,
    /// Drawn in the slice, idle included.
    pub drawn: Drawn,
}

impl WorkDone {
    /// Both slices together, of the same workload.
    pub fn plus(&self, other: &WorkDone) -> WorkDone {
        WorkDone {
            workload: self.workload,
            batches: self.batches + other.batches,
            items: self.items + other.items,
            busy_s: self.busy_s + other.busy_s,
            held_s: self.held_s + other.held_s,
            slice_s: self.slice_s + other.slice_s,
            drawn: self.drawn.plus(&other.drawn),
        }
    }
}

/// The orbit is closed, or was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// What the confirmed spacecraft broke, how deep and for how long.
    pub breaches: Breaches,
    /// From departure to arrival, in one window.
    pub drawn: Drawn,
    /// Share of the array's energy that the books cannot account for (rounding).
    pub ledger_residual: f64,
    /// Results sent over the link.
    pub sent_bits: f64,
    /// Results still waiting.
    pub backlog_bits: f64,
}

/// How a flight ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A whole orbit.
    Completed,
    /// By the user.
    Interrupted,
    /// By an error; what was measured before it stands.
    Failed {
        /// What went wrong, and where.
        message: String,
    },
}
