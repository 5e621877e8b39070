//! What can happen in a flight, in the order in which it happens.
//!
//! Every key carries its SI unit; what is missing is `null`, never zero.

use super::Conditions;
use crate::envelope::Breaches;
use crate::governor::{LimitedBy, Regime};
use crate::profile::Satellite;
use crate::reading::NoData;
use crate::units::{Joules, Kelvin, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// One event. The journal of a complete flight holds them in this order; ticks and work alternate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    Opened {
        /// [`super::SCHEMA_VERSION`] of the writer.
        schema_version: String,
        /// Program and version.
        program: String,
        /// Wall clock at the start, UTC; a label, never used in arithmetic.
        test_time: String,
        /// What was asked for.
        plan: Box<FlightPlan>,
    },
    /// The first line of a benchmark without an envelope.
    Benched {
        /// Program and version.
        program: String,
        /// Wall clock at the start, UTC; a label, never used in arithmetic.
        test_time: String,
        /// Repeats of each measurement.
        repeats: u32,
        /// Workloads that nobody asked for: the shares of the others are of their rates.
        measured_too: Vec<String>,
    },
    /// The machine, as found.
    Conditions(Box<Conditions>),
    /// A kernel against its twin, before it is measured.
    Verified {
        /// Which kernel.
        workload: String,
        /// ||a - b|| / ||b||; none where it is not finite.
        relative_error: Option<f64>,
        /// The most that is allowed.
        tolerance: f64,
        /// Words of the result that were not written, or are not finite.
        faulty_words: u64,
    },
    /// What a kernel took to compile, creation and first dispatch together.
    Compiled {
        /// Which kernel.
        workload: String,
        /// The first time in this process.
        cold_s: Seconds,
        /// Again in the same process.
        warm_s: Seconds,
    },
    /// A share of full speed, held for a while: batches, and rests between them.
    Duty {
        /// The share of time inside batches that was meant.
        duty: f64,
        /// Batches of each workload that ended.
        rounds: u64,
        /// How long it was held.
        duration_s: Seconds,
        /// In that time.
        drawn: Drawn,
    },
    /// Power with everything open and nothing running.
    Idle {
        /// How long it was watched.
        duration_s: Seconds,
        /// What was drawn.
        drawn: Drawn,
    },
    /// A workload without an envelope.
    Unconstrained(Measurement),
    /// The factors between satellite and machine.
    Scaled(ScaleRecord),
    /// The satellite crosses its ascending node; ticks follow.
    Departed,
    /// One turn of the ring.
    Tick(Tick),
    /// What one workload did since its last entry.
    Work(WorkDone),
    /// The orbit is closed, or was cut short.
    Arrived {
        /// What was broken, how deep and for how long.
        breaches: Breaches,
        /// From departure to arrival, in one window.
        drawn: Drawn,
        /// Share of the array's energy that the books cannot account for (rounding).
        ledger_residual: f64,
        /// Results sent over the link.
        sent_bits: f64,
        /// Results still waiting.
        backlog_bits: f64,
        /// Upper bound of the work that any governor could have done, s of full-speed work; none where there is no limit.
        upper_bound_s: Option<Seconds>,
    },
    /// The last line.
    Closed {
        /// How it ended.
        outcome: Outcome,
    },
}

impl Event {
    /// False for a kernel that disagreed with its twin; true for every other event.
    pub fn is_sound(&self) -> bool {
        match self {
            Event::Verified { relative_error, tolerance, faulty_words, .. } => {
                relative_error.is_some_and(|error| error <= *tolerance) && *faulty_words == 0
            }
            _ => true,
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlightPlan {
    /// Name or path of the satellite profile.
    pub satellite_name: String,
    /// The profile, with all overrides applied.
    pub satellite: Satellite,
    /// Governor policy.
    pub governor: String,
    /// quick, standard or strict.
    pub length: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Machine seconds that one orbit takes.
    pub orbit_s: Seconds,
    /// Governor tick.
    pub tick_s: Seconds,
    /// Repeats of each unconstrained measurement.
    pub repeats: u32,
}

/// A workload without an envelope: repeats of equal length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Which workload.
    pub workload: String,
    /// How the time was taken.
    pub timing: String,
    /// One per repeat.
    pub samples: Vec<Sample>,
    /// From the first repeat's begin to the last one's end.
    pub duration_s: Seconds,
    /// In that time.
    pub drawn: Drawn,
}

/// One repeat.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Items done.
    pub items: f64,
    /// In this time.
    pub duration_s: Seconds,
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
    /// Idle, with everything open.
    pub idle_w: Watts,
    /// Most that any workload drew unconstrained.
    pub full_w: Watts,
    /// Orbit on the machine's clock.
    pub orbit_s: Seconds,
    /// k times the sensor's update period over the fast thermal time constant (not preserved by the scaling).
    pub sensing_ratio: f64,
}

/// One turn of the ring: what was read, what it did to the spacecraft, what the governor made of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    /// Since departure, machine clock.
    pub flight_s: Seconds,
    /// Simulated time since the ascending node.
    pub simulated_s: Seconds,
    /// Visible share of the Sun's disc.
    pub illumination: f64,
    /// What the array could give.
    pub array_w: Watts,
    /// Mean power since the last tick, as measured; none where there was no reading.
    pub power_w: Option<Watts>,
    /// Why there was no reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_data: Option<NoData>,
    /// Power that heated and drained the spacecraft: the measured, or the full power where there was no reading.
    pub load_w: Watts,
    /// Budget until the next tick.
    pub budget_w: Watts,
    /// What binds it.
    pub limited_by: LimitedBy,
    /// How far the governor believed the reading.
    pub regime: Regime,
    /// Charge, share of capacity.
    pub soc: f64,
    /// Junction.
    pub junction_k: Kelvin,
    /// Loop.
    pub loop_k: Kelvin,
    /// Radiator.
    pub radiator_k: Kelvin,
    /// The workload whose turn it was.
    pub workload: usize,
}

/// Work of one slice of one workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkDone {
    /// Index into [`Conditions::workloads`].
    pub workload: usize,
    /// Batches ended.
    pub batches: u64,
    /// Items done.
    pub items: f64,
    /// Time inside batches.
    pub busy_s: Seconds,
    /// Time of the slice, pauses included.
    pub slice_s: Seconds,
    /// Drawn in the slice, idle included.
    pub drawn: Drawn,
}

/// Energy over a window, or why there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    /// As the source counted or modelled it.
    pub energy_j: Option<Joules>,
    /// How often the reading changed inside the window.
    pub updates: u64,
    /// Windows that were added up; each has two edges.
    pub windows: u64,
    /// Why there is no energy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_data: Option<NoData>,
}

impl Drawn {
    /// Both windows together; one without energy leaves the sum without.
    pub fn plus(&self, other: &Drawn) -> Drawn {
        Drawn {
            energy_j: self.energy_j.zip(other.energy_j).map(|(one, two)| one + two),
            updates: self.updates + other.updates,
            windows: self.windows + other.windows,
            no_data: self.no_data.or(other.no_data),
        }
    }
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
