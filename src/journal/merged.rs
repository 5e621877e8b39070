//! What other meters say beside the flight's own source: those that were read with it, and a file that one wrote for
//! itself, laid beside the flight afterwards. Nothing of it is ever added to anything.

use super::Phase;
use crate::meter::Drawn;
use crate::reading::{NoData, Source};
use crate::units::Seconds;
use serde::{Deserialize, Serialize};

/// An energy by a source beside the one that counts. It is never added to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// Which.
    pub source: Source,
    /// What it saw.
    pub drawn: Drawn,
}

/// What a file says of a flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedMeter {
    /// The meter, as whoever merged the file described it: a band or a boundary that nobody stated is not known.
    pub source: Source,
    /// Name of the file, without its folder.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Added to the times in the file.
    pub offset_s: Seconds,
    /// Samples that were used.
    pub samples: u64,
    /// Lines that were dropped because their power cannot be.
    pub dropped: u64,
    /// The numbers of the first of them; each is a gap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_lines: Vec<u64>,
    /// Why they were dropped, each cause once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_causes: Vec<NoData>,
    /// A window for each phase and workload, in the order of the journal.
    pub windows: Vec<MergedWindow>,
}

impl MergedMeter {
    /// Whether `other` is the same file: what was merged later of it counts.
    pub fn is_of_same_file(&self, other: &MergedMeter) -> bool {
        self.sha256 == other.sha256
    }
}

/// One phase, or all repeats of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedWindow {
    /// Which phase.
    pub phase: Phase,
    /// The workload of an `unconstrained` one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// On the flight's clock.
    pub begin_s: Seconds,
    /// On the flight's clock.
    pub end_s: Seconds,
    /// What the meter saw.
    pub drawn: Drawn,
}
