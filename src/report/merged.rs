//! Files of other meters, merged after the flight: beside its energies, never added to them.
//!
//! A file that was merged again replaces what was merged of it before; the journal keeps both.

use super::energy::Energy;
use crate::journal::{MergedMeter, MergedWindow, Phase};
use crate::reading::{Boundary, NoData};
use crate::units::Seconds;
use serde::Serialize;

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeterFileResult {
    /// Name of the file, without its folder.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// What its numbers cover; `not_stated` where nobody said it.
    pub boundary: Boundary,
    /// Half width of its band, as a share (k = 2); null where nobody stated it.
    pub relative_uncertainty: Option<f64>,
    /// The median time between two samples.
    pub update_period_s: Seconds,
    /// Added to the times in the file.
    pub offset_s: Seconds,
    /// Samples that were used.
    pub samples: u64,
    /// Where its powers are from, and how they were read.
    pub method: String,
    /// Lines that were dropped because their power cannot be.
    pub dropped: u64,
    /// The numbers of the first of them; each is a gap.
    pub dropped_lines: Vec<u64>,
    /// Why they were dropped, each cause once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_causes: Vec<NoData>,
    /// Each phase, and each workload without an envelope.
    pub phases: Vec<MeterFilePhase>,
}

/// One phase, or all repeats of one workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeterFilePhase {
    /// Which phase.
    pub phase: Phase,
    /// The workload of an `unconstrained` one.
    pub workload: Option<String>,
    /// On the flight's clock.
    pub begin_s: Seconds,
    /// On the flight's clock.
    pub end_s: Seconds,
    /// Inside the window: all of it, but for the repeats of a workload.
    pub window_s: Seconds,
    /// What the meter saw.
    pub energy: Energy,
    /// Why there is no energy.
    pub no_data: Option<NoData>,
}

/// What one file says.
pub(super) fn meter_file(merged: &MergedMeter) -> MeterFileResult {
    let source = &merged.source;
    let phase = |window: &MergedWindow| MeterFilePhase {
        phase: window.phase,
        workload: window.workload.clone(),
        begin_s: window.begin_s,
        end_s: window.end_s,
        window_s: window.drawn.window_s,
        energy: Energy::of(&window.drawn, source, true),
        no_data: window.drawn.no_data,
    };
    MeterFileResult {
        file: merged.file.clone(),
        sha256: merged.sha256.clone(),
        boundary: source.boundary,
        relative_uncertainty: source.relative_uncertainty,
        update_period_s: source.update_period_s,
        offset_s: merged.offset_s,
        samples: merged.samples,
        method: source.method.clone(),
        dropped: merged.dropped,
        dropped_lines: merged.dropped_lines.clone(),
        dropped_causes: merged.dropped_causes.clone(),
        phases: merged.windows.iter().map(phase).collect(),
    }
}

/// Which lines were lost, in words.
fn lost(dropped: u64, lines: &[u64], causes: &[NoData]) -> String {
    let causes = causes.iter().map(NoData::to_string).collect::<Vec<_>>().join("; ");
    let why = if causes.is_empty() { causes } else { format!(" ({causes})") };
    let numbers = lines.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    match (dropped, lines.len() as u64) {
        (0, _) => String::new(),
        (1, 1) => format!("; line {numbers} gives no power and is a gap{why}"),
        (_, 0) => format!("; {dropped} lines give no power{why}"),
        (all, told) if all == told => format!("; lines {numbers} give no power and are gaps{why}"),
        _ => format!("; {dropped} lines give no power and are gaps, the first of them {numbers}{why}"),
    }
}

impl std::fmt::Display for MeterFileResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let boundary = match self.boundary {
            Boundary::NotStated => "boundary not stated".to_owned(),
            boundary => boundary.to_string(),
        };
        let band = match self.relative_uncertainty {
            Some(band) => format!("within {:.2} %, k = 2", 100.0 * band),
            None => "band not stated".into(),
        };
        let phases: Vec<String> = self.phases.iter().map(ToString::to_string).collect();
        let (file, offset) = (&self.file, self.offset_s.0);
        let lost = lost(self.dropped, &self.dropped_lines, &self.dropped_causes);
        write!(
            f,
            "{file} ({boundary}; {band}; offset {offset:.3} s): {}{lost}; not added to anything",
            phases.join("; ")
        )
    }
}

impl std::fmt::Display for MeterFilePhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.workload {
            Some(workload) => f.write_str(workload)?,
            None => self.phase.fmt(f)?,
        }
        match (self.energy.value_j, self.no_data) {
            (Some(energy), _) => {
                write!(f, " {:.1} J", energy.0)?;
                if let Some((low, high)) = self.energy.low_j.zip(self.energy.high_j) {
                    write!(f, " ({:.1} to {:.1})", low.0, high.0)?;
                }
                write!(f, ", {:.2} W", (energy / self.window_s).0)?;
                let seen = self.energy.coverage_share.filter(|share| *share < 1.0);
                seen.map_or(Ok(()), |share| write!(f, ", {:.1} % seen", 100.0 * share))
            }
            (None, Some(cause)) => write!(f, " no energy ({cause})"),
            (None, None) => f.write_str(" no energy"),
        }
    }
}
