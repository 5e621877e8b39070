//! A meter's own file into the journal of a flight that is over, so that its pages can be written and checked again.

use super::Failure;
use super::arguments::ReportArguments;
use crate::journal::{self, Entry, Event, Journal, MergedMeter, MergedWindow};
use crate::meter::meter_file::MeterFile;
use crate::reading::{Boundary, Provenance, Sensing, Source};
use crate::report::ResultDirectory;
use crate::units::Seconds;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::path::Path;

/// Half width of the band, k = 2: 1 % for an analyser behind PTDaemon, as SPEC accepts it; 2 % for any other meter, the
/// class of a good plug. Assumed: the file does not say.
const ANALYSER: f64 = 0.01;
const ANY_METER: f64 = 0.02;

/// The largest file: PTDaemon writes 150 bytes a second.
const MAX_BYTES: u64 = 64 << 20;

/// Reads the file, lays it on the flight's clock and appends what it saw of each phase.
pub(super) fn merge(arguments: &ReportArguments, path: &Path, directory: &ResultDirectory) -> Result<(), Failure> {
    let wrong = |why: String| Failure::input(format!("--meter-file {}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(wrong(format!("{size} bytes; at most {MAX_BYTES} are read")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let file = MeterFile::parse(&String::from_utf8_lossy(&bytes)).map_err(wrong)?;
    let offset = Seconds(arguments.meter_offset);
    let entries = journal::read(&directory.journal()).map_err(Failure::input)?;
    let begin = if file.is_wall_clock { test_time(&entries).map_err(wrong)? } else { Seconds::ZERO };
    let file = file.shifted(offset - begin);
    let already = entries.iter().filter(|entry| matches!(entry.event, Event::Merged(_))).count();
    let gain = if file.is_spl { ANALYSER } else { ANY_METER };
    let what = if file.is_spl { "the log of PTDaemon" } else { "the powers that a meter wrote" };
    let windows = phases(&entries).into_iter().map(|phase| window(&file, phase, gain)).collect::<Vec<_>>();
    if windows.iter().all(|window| window.coverage == 0.0) {
        let begin = begin.0 - offset.0;
        return Err(wrong(format!(
            "no sample lies in the flight, which begins at {begin:.3} s of the file's clock; --meter-offset SECONDS is added to \
             the file's times"
        )));
    }
    let merged = MergedMeter {
        source: Source {
            name: format!("file:{already}"),
            provenance: Provenance::ExternalMeter,
            boundary: Boundary::Wall,
            method: format!("{what}, merged after the flight and integrated"),
            update_period_s: file.period(),
            relative_uncertainty: Some(gain),
            rated_w: None,
            sensing: Sensing::default(),
        },
        file: path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        sha256: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        offset_s: offset,
        samples: file.samples() as u64,
        dropped: file.dropped,
        windows,
    };
    let end = entries.last().map_or(Seconds::ZERO, |entry| entry.t_s);
    let append = || {
        let mut journal = Journal::resume(&directory.journal(), entries.len() as u64)?;
        journal.record(end, Event::Merged(Box::new(merged)));
        journal.close()
    };
    append().map_err(|error| Failure::tool(format!("journal {}: {error}", directory.journal().display())))
}

/// Name, begin and end.
type Phase = (&'static str, Seconds, Seconds);

/// The phases whose begin and end the journal tells: idle, the flight, and all of it.
fn phases(entries: &[Entry]) -> Vec<Phase> {
    let mut phases = Vec::new();
    let mut departed = None;
    for entry in entries {
        match &entry.event {
            Event::Idle { duration_s, .. } => phases.push(("idle", entry.t_s - *duration_s, entry.t_s)),
            Event::Departed => departed = Some(entry.t_s),
            Event::Arrived { .. } => phases.extend(departed.take().map(|begin| ("flight", begin, entry.t_s))),
            Event::Closed { .. } => phases.push(("whole", Seconds::ZERO, entry.t_s)),
            _ => {}
        }
    }
    phases
}

fn window(file: &MeterFile, (phase, begin_s, end_s): Phase, gain: f64) -> MergedWindow {
    let seen = file.energy(begin_s, end_s, gain);
    MergedWindow {
        phase: phase.to_owned(),
        begin_s,
        end_s,
        energy_j: seen.energy.ok(),
        low_j: seen.bounds.map(|bounds| bounds.0),
        high_j: seen.bounds.map(|bounds| bounds.1),
        coverage: seen.coverage,
        no_data: seen.energy.err(),
    }
}

/// When the flight's clock began, in seconds since 1970.
fn test_time(entries: &[Entry]) -> Result<Seconds, String> {
    let Some(Event::Opened { test_time, .. }) = entries.first().map(|entry| &entry.event) else {
        return Err("the journal does not say when the flight began".into());
    };
    let at: Timestamp = test_time.parse().map_err(|error| format!("the journal's `{test_time}`: {error}"))?;
    Ok(Seconds(at.as_second() as f64 + f64::from(at.subsec_nanosecond()) * 1e-9))
}
