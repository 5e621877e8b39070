//! The report: a result computed from a journal and from nothing else, so that a saved journal gives it again, byte for byte.
//!
//! ```text
//!   journal.jsonl ──> FlightResult ──┬─> result.json      everything, SI unit in every key, null for what is missing
//!                                    ├─> conditions.json  the machine, as found
//!                                    ├─> timeline.csv     a row for every tick
//!                                    ├─> summary.txt      for people
//!                                    └─> SHA256SUMS       over all of these and the journal
//! ```

mod benchmark;
mod directory;
mod energy;
mod exchange;
mod flown;
mod held;
mod merged;
mod operating;
mod overhead;
mod replay;
mod result;
mod score;
mod summary;
mod table;
mod timeline;
mod verdict;

pub use benchmark::{Benchmark, BenchmarkRow};
pub use directory::{DirectoryError, ResultDirectory, verify};
pub use energy::{DISAGREEMENT, Energy, Kind, WitnessEnergy, WorkPerJoule};

pub use flown::{Flown, FlownWorkload, SlowedBy};
pub use merged::{MeterFilePhase, MeterFileResult};
pub use operating::{OperatingPoints, SweepError};
pub use overhead::{OverheadResult, OverheadRow};
pub use replay::Agreement;
pub use result::{FlightResult, WorkloadResult};
pub use score::{BestFlown, Scored};
pub use summary::summary;
pub use verdict::{Class, Constraint, Verdict};
