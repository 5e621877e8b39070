//! The journal: the append-only record of a flight. A result is computed from it and from nothing else.
//!
//! One JSON document per line, numbered from zero: `{"sequence": 12, "t_s": 3.2, "event": "tick", ...}`. A thread of
//! its own writes lines as they come and brings them to the disk at every phase, so that whatever ends a flight (an
//! error, an interrupt, a kill) leaves all that was measured up to a moment before it. A torn last line is dropped when reading.

mod conditions;
mod event;
mod flight;
mod merged;
mod names;
mod phases;
mod reader;
mod tick;
mod writer;

pub use crate::envelope::Breaches;
pub use crate::meter::{Drawn, MeterCost};
pub use conditions::{Conditions, ModelRecord, Sharing, WorkloadRecord};
pub use event::Event;
pub use flight::{Arrival, FaultsRecord, FlightPlan, Outcome, ScaleRecord, WorkDone};
pub use merged::{Beside, MergedMeter, MergedWindow};
pub use names::{AdapterClass, LengthName, Phase};
pub use phases::{Arm, CompileTime, DutyHeld, Identification, IdleWatch, Measurement, Pair, Sample, Verification};
pub use reader::{JournalError, read};
pub use tick::{Predicted, Tick};
pub use writer::{Journal, extended};

use crate::units::Seconds;
use serde::{Deserialize, Serialize};

/// Version of the journal's and the result's format. A reader refuses every other major version.
pub const SCHEMA_VERSION: &str = "3.1.0";

/// Name of the journal inside a result directory.
pub const FILE_NAME: &str = "journal.jsonl";

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the journal, from zero, without holes.
    pub sequence: u64,
    /// When, on the flight's monotonic clock.
    pub t_s: Seconds,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}
