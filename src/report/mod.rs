//! The report: a result computed from a journal and from nothing else, so that a saved journal gives it again, byte for byte.
//!
//! ```text
//!   journal.jsonl ──> Record ──> FlightResult ──┬─> result.json      everything, SI unit in every key, null for what is missing
//!                                               ├─> conditions.json  the machine, as found
//!                                               ├─> timeline.csv     a row for every tick
//!                                               ├─> summary.txt      for people
//!                                               ├─> report.html      for people, with curves
//!                                               └─> SHA256SUMS       over all of these and the journal
//! ```

mod assumed;
mod atomic_commit;
mod benchmark;
mod compare;
mod deviation;
mod directory;
mod energy;
mod flight;
mod laid;
mod merged;
mod operating;
mod overhead;
mod page;
mod record;
mod remarks;
mod replay;
mod result;
mod score;
mod summary;
mod table;
mod timeline;
mod verdict;
mod workload;

pub use assumed::AssumptionHeld;
pub use benchmark::{Benchmark, BenchmarkRow};
pub use directory::{DirectoryError, ResultDirectory, Verified, verify};
pub use energy::{DISAGREEMENT, Energy, EnergyBeside, Kind, WorkPerJoule};
pub use flight::{FlightFigures, LimitShares, SlowedBy, WorkloadInFlight};
pub use merged::{MeterFilePhase, MeterFileResult};
pub use operating::{OperatingPoints, SweepError};
pub use overhead::{OverheadResult, OverheadRow};
pub use page::several;
pub use record::{NotOpened, Purpose, Record};
pub use replay::{Agreement, Apart, AtUpperBand};
pub use result::FlightResult;
pub use score::{BestFlight, SOLVER_TOLERANCE, Scored};
pub use summary::summary;
pub use verdict::{Class, Constraint, ConstraintName, Verdict};
pub use workload::WorkloadResult;
