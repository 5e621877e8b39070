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
mod flown;
mod operating;
mod result;
mod summary;
mod table;
mod timeline;
mod verdict;

pub use benchmark::{Benchmark, BenchmarkRow};
pub use directory::{DirectoryError, ResultDirectory, verify};
pub use energy::{Energy, Kind, WorkPerJoule};
pub use flown::{Flown, FlownWorkload};
pub use operating::{OperatingPoints, SweepError};
pub use result::{FlightResult, WorkloadResult};
pub use summary::summary;
pub use verdict::{Class, Constraint, Verdict};
