//! What the journal says of the machine before the orbit: kernels against their twins, idle power, rates, dead time.

use crate::meter::Drawn;
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// A kernel against its twin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Which kernel.
    pub workload: String,
    /// ||a - b|| / ||b||; none where it is not finite.
    pub relative_error: Option<f64>,
    /// The most that is allowed.
    pub tolerance: f64,
    /// Words of the result that were not written, or are not finite.
    pub faulty_words: u64,
}

impl Verification {
    /// Whether they agree.
    pub fn is_sound(&self) -> bool {
        self.relative_error.is_some_and(|error| error <= self.tolerance) && self.faulty_words == 0
    }
}

/// What a kernel took to compile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompileTime {
    /// Which kernel.
    pub workload: String,
    /// The first time in this process.
    pub cold_s: Seconds,
    /// Again in the same process.
    pub warm_s: Seconds,
}

/// A share of full speed, held for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DutyHeld {
    /// The share of time inside batches that was meant.
    pub duty: f64,
    /// Batches of each workload that ended.
    pub rounds: u64,
    /// How long it was held.
    pub duration_s: Seconds,
    /// In that time.
    pub drawn: Drawn,
}

/// Idle power, watched for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdleWatch {
    /// How long it was watched.
    pub duration_s: Seconds,
    /// What was drawn.
    pub drawn: Drawn,
}

impl IdleWatch {
    /// Mean power; none without a reading.
    pub fn power(&self) -> Option<Watts> {
        self.drawn.energy_j.map(|energy| energy / self.duration_s)
    }
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
    /// When it began, on the flight's clock; none where nobody noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin_s: Option<Seconds>,
    /// Items done.
    pub items: f64,
    /// In this time.
    pub duration_s: Seconds,
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
