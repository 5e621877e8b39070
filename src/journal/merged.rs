//! What other meters say beside the flight's own source: those that were read with it, and a file that one wrote for
//! itself, laid beside the flight afterwards. Nothing of it is ever added to anything.

use crate::meter::Drawn;
use crate::reading::{NoData, Source};
use crate::units::{Joules, Seconds};
use serde::{Deserialize, Serialize};

/// An energy by a source beside the one that counts. It is never added to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// Which.
    pub source: Source,
    /// What it saw.
    pub drawn: Drawn,
}

/// What a file says of a flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedMeter {
    /// The meter: external, at the wall.
    pub source: Source,
    /// Name of the file, without its folder.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Added to the times in the file.
    pub offset_s: Seconds,
    /// Samples that were used, and lines that were dropped because their power cannot be.
    pub samples: u64,
    /// Dropped lines.
    pub dropped: u64,
    /// A window for each phase, in the order of the journal.
    pub windows: Vec<MergedWindow>,
}

/// One phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergedWindow {
    /// `idle`, `flight` or `whole`.
    pub phase: String,
    /// On the flight's clock.
    pub begin_s: Seconds,
    /// On the flight's clock.
    pub end_s: Seconds,
    /// None where too little of the window was seen.
    pub energy_j: Option<Joules>,
    /// Lower bound (k = 2).
    pub low_j: Option<Joules>,
    /// Upper bound (k = 2).
    pub high_j: Option<Joules>,
    /// Share of the window between samples.
    pub coverage: f64,
    /// Why there is no energy.
    pub no_data: Option<NoData>,
}

impl std::fmt::Display for MergedMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let window = |window: &MergedWindow| {
            let seconds = (window.end_s - window.begin_s).0;
            let value = match (window.energy_j, window.low_j.zip(window.high_j)) {
                (Some(energy), Some((low, high))) => {
                    format!("{:.1} J ({:.1} to {:.1}, {:.2} W)", energy.0, low.0, high.0, energy.0 / seconds)
                }
                _ => format!("no energy ({:.0} % seen)", 100.0 * window.coverage),
            };
            format!("{} {value}", window.phase)
        };
        let windows = self.windows.iter().map(window).collect::<Vec<_>>().join("; ");
        write!(
            f,
            "{} ({}, offset {:.3} s): {windows}; not added to anything",
            self.file, self.source.boundary, self.offset_s.0
        )
    }
}
