//! What can happen in a flight, in the order in which it happens.
//!
//! Every key carries its SI unit; what is missing is `null`, never zero.

use super::{Conditions, Tick, Witness};
use crate::actuator::Setting;
use crate::envelope::Breaches;
use crate::governor::Transition;
use crate::meter::{Drawn, MeterCost};
use crate::profile::Satellite;
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// One event. The journal of a complete flight holds them in this order; ticks and work alternate, with changes of regime between them.
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
    /// The same work under the flight loop and without it, one after the other.
    Paired(Pair),
    /// Power with everything open and nothing running.
    Idle {
        /// How long it was watched.
        duration_s: Seconds,
        /// What was drawn.
        drawn: Drawn,
    },
    /// The same after the work, for a machine that is warm.
    IdleAfter {
        /// How long it was watched.
        duration_s: Seconds,
        /// What was drawn.
        drawn: Drawn,
    },
    /// The machine slept: its clocks say so. What was measured across it counts for nothing.
    Suspended {
        /// For how long.
        slept_s: Seconds,
    },
    /// What the meter itself took.
    Metered(MeterCost),
    /// Energy of one phase by the sources beside the one that counts.
    Witnessed {
        /// The workload without an envelope, or none for the flight.
        workload: Option<String>,
        /// In the order of their sources.
        witnesses: Vec<Witness>,
    },
    /// A workload without an envelope.
    Unconstrained(Measurement),
    /// How late the meter shows what the pacer does.
    Identified(Identification),
    /// The factors between satellite and machine.
    Scaled(ScaleRecord),
    /// The satellite crosses its ascending node; ticks follow.
    Departed,
    /// A power limit was set, read back, or put back.
    Knob(Setting),
    /// One turn of the ring.
    Tick(Tick),
    /// The governor came to believe the readings more, or less; the tick that follows is the first of the new regime.
    Regime {
        /// Since departure, machine clock.
        flight_s: Seconds,
        /// From what to what, and why.
        transition: Transition,
    },
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
    /// After the last line, and after the flight: a meter's own file beside it.
    Merged(Box<super::MergedMeter>),
    /// The last line of a flight.
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
    /// When it began, on the flight's clock; none in journals that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin_s: Option<Seconds>,
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

/// Two arms that followed one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Which workload.
    pub workload: String,
    /// Under governor, meter, pacer and journal, with a full budget.
    pub governed: Arm,
    /// Batches back to back.
    pub fixed: Arm,
    /// Which came first.
    pub fixed_first: bool,
}

/// Whole batches, and the time from the first one's begin to the last one's end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Batches ended.
    pub batches: u64,
    /// Their time.
    pub duration_s: Seconds,
    /// Of that, inside batches.
    pub busy_s: Seconds,
    /// CPU time of this process for each batch; none where it cannot be read.
    pub cpu_s_per_batch: Option<Seconds>,
    /// CPU time of the thread that hands out the batches, for each batch; none where it cannot be read.
    pub loop_cpu_s_per_batch: Option<Seconds>,
}

impl Arm {
    /// Its rate.
    pub fn batches_per_s(&self) -> f64 {
        self.batches as f64 / self.duration_s.0
    }

    /// Share of its time inside batches.
    pub fn busy_share(&self) -> f64 {
        self.busy_s / self.duration_s
    }
}

/// What stepping the work told of the sensor. The found values are none where nothing could be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identification {
    /// Dead time from a step of the work to the reading that shows it, delay, averaging and renewal together.
    pub lag_s: Option<Seconds>,
    /// Lower end of its 95 % range.
    pub lag_low_s: Option<Seconds>,
    /// Upper end of its 95 % range.
    pub lag_high_s: Option<Seconds>,
    /// Time between two changes of the reading.
    pub update_period_s: Option<Seconds>,
    /// Swing of the reading over the swing that calibration saw; less where the sensor's own mean flattens the wave.
    pub gain: Option<f64>,
    /// Of the reading with the work.
    pub correlation: Option<f64>,
    /// Periods of the square wave; 0 where none was run.
    pub periods: u32,
    /// How long it took.
    pub duration_s: Seconds,
    /// The dead time that follows from what the source says of itself: half an update.
    pub assumed_lag_s: Seconds,
    /// The update period that the source says it has.
    pub assumed_update_period_s: Seconds,
    /// Why the flight is steered by the assumed values; none where it is steered by what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl std::fmt::Display for Identification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (assumed, renewed) = (self.assumed_lag_s.0, self.assumed_update_period_s.0);
        match (&self.refused, self.lag_s, self.lag_low_s.zip(self.lag_high_s), self.update_period_s, self.gain) {
            (None, Some(lag), Some((low, high)), Some(update), Some(gain)) => write!(
                f,
                "{:.3} s late ({:.3} to {:.3} s), renewed every {:.3} s, gain {gain:.3} by {} periods; \
                 {assumed:.3} s late and renewed every {renewed:.3} s by what the source says",
                lag.0, low.0, high.0, update.0, self.periods
            ),
            (refused, ..) => write!(
                f,
                "taken to be {assumed:.3} s late, renewed every {renewed:.3} s by what the source says: {}",
                refused.as_deref().unwrap_or("nothing was found")
            ),
        }
    }
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
    /// Time in which the governor held work back.
    #[serde(default)]
    pub held_s: Seconds,
    /// Time of the slice, pauses included.
    pub slice_s: Seconds,
    /// Drawn in the slice, idle included.
    pub drawn: Drawn,
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
