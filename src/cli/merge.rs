//! A meter's own file into the journal of a flight that is over, so that its pages can be written and checked again.
//!
//! What the file does not say is not invented: its band and its boundary are those of `--meter-band` and
//! `--meter-boundary`, or not stated, and then nothing is ranked by it and it disagrees with nobody.

use super::Failure;
use super::report_arguments::MeterFileArguments;
use crate::journal::{self, AdapterClass, Entry, Event, IdleWatch, MergedMeter, MergedWindow, Phase};
use crate::meter::meter_file::{MeterFile, decode, since_1970};
use crate::meter::{Drawn, replay};
use crate::reading::{Boundary, Provenance, Sensing, Source};
use crate::report::{FlightResult, ResultDirectory};
use crate::units::Seconds;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// The largest file: PTDaemon writes 150 bytes a second.
const MAX_BYTES: u64 = 64 << 20;

/// Most lines that are told by their numbers.
const LOST_TOLD: usize = 10;

/// Reads the file, lays it on the flight's clock, appends what it saw of each phase and writes every page again. All of
/// it happens or nothing does.
pub(super) fn merge(
    arguments: &MeterFileArguments,
    path: &Path,
    directory: &ResultDirectory,
) -> Result<FlightResult, Failure> {
    let wrong = |why: String| Failure::input(format!("--meter-file {}: {why}", path.display()));
    let offset = Seconds(arguments.meter_offset);
    let bytes = read(path).map_err(wrong)?;
    let text = decode(&bytes).map_err(wrong)?;
    let file = MeterFile::parse(&text, &arguments.choices()).map_err(wrong)?;
    let entries = journal::read(&directory.journal()).map_err(Failure::input)?;
    if is_simulated(&entries) {
        return Err(wrong("a simulated flight drew no power that a meter could have seen".into()));
    }
    let begin = if file.is_wall_clock { test_time(&entries).map_err(wrong)? } else { Seconds::ZERO };
    let file = file.shifted(offset - begin);
    let phases = phases(&entries);
    if !phases.iter().flat_map(|phase| &phase.spans).any(|&(from, to)| file.has_any(from, to)) {
        let begin = begin.0 - offset.0;
        return Err(wrong(format!(
            "no sample lies in the flight, which begins at {begin:.3} s of the file's clock; --meter-offset SECONDS is added to \
             the file's times"
        )));
    }
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let source = source(&entries, &file, arguments, &sha256);
    let merged = MergedMeter {
        windows: windows(&file, &source, phases),
        source,
        file: path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        sha256,
        offset_s: offset,
        samples: file.samples() as u64,
        dropped: file.lost().len() as u64,
        dropped_lines: file.lost().iter().take(LOST_TOLD).map(|line| *line as u64).collect(),
        dropped_causes: file.causes().to_vec(),
    };
    if earlier(&entries).any(|earlier| *earlier == merged) {
        return Err(wrong("it is merged already, with the same words".into()));
    }
    let end = entries.last().map_or(Seconds::ZERO, |entry| entry.t_s);
    let entry = Entry { sequence: entries.len() as u64, t_s: end, event: Event::Merged(Box::new(merged)) };
    directory.extend(&entry).map_err(Failure::from)
}

fn is_simulated(entries: &[Entry]) -> bool {
    entries
        .iter()
        .any(|entry| matches!(&entry.event, Event::Conditions(known) if known.adapter_class == AdapterClass::Simulated))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path).map_err(|error| error.to_string())?;
    opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES { Err(format!("more than {MAX_BYTES} bytes")) } else { Ok(bytes) }
}

fn earlier(entries: &[Entry]) -> impl Iterator<Item = &MergedMeter> {
    entries
        .iter()
        .filter_map(|entry| if let Event::Merged(merged) = &entry.event { Some(merged.as_ref()) } else { None })
}

/// What is known of the meter. A file that is merged again keeps its name.
fn source(entries: &[Entry], file: &MeterFile, arguments: &MeterFileArguments, sha256: &str) -> Source {
    let mut known: Vec<&str> = earlier(entries).map(|merged| merged.sha256.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    let same = earlier(entries).find(|merged| merged.sha256 == sha256);
    let name = same.map_or_else(|| format!("file:{}", known.len()), |merged| merged.source.name.clone());
    let band = arguments.meter_band.map(|percent| percent / 100.0);
    let stated = match band {
        Some(band) => format!("band stated as {:.2} % (k = 2)", 100.0 * band),
        None => "band not stated".into(),
    };
    Source {
        name,
        provenance: Provenance::ExternalMeter,
        boundary: arguments.meter_boundary.unwrap_or(Boundary::NotStated),
        method: format!("{}, merged after the flight and integrated; {stated}", file.what),
        update_period_s: file.period(),
        relative_uncertainty: band,
        rated_w: None,
        sensing: Sensing::default(),
    }
}

/// A phase whose begin and end the journal tells; the repeats of a workload are several spans.
struct Watched {
    phase: Phase,
    workload: Option<String>,
    spans: Vec<(Seconds, Seconds)>,
}

fn phases(entries: &[Entry]) -> Vec<Watched> {
    let mut phases = Vec::new();
    let mut departed = None;
    let watched = |phase, begin, end| Watched { phase, workload: None, spans: vec![(begin, end)] };
    for entry in entries {
        match &entry.event {
            Event::Idle(IdleWatch { duration_s, .. }) => {
                phases.push(watched(Phase::Idle, entry.t_s - *duration_s, entry.t_s));
            }
            Event::IdleAfter(IdleWatch { duration_s, .. }) => {
                phases.push(watched(Phase::IdleAfter, entry.t_s - *duration_s, entry.t_s));
            }
            Event::Unconstrained(measured) => {
                let span = |sample: &journal::Sample| sample.begin_s.map(|begin| (begin, begin + sample.duration_s));
                let spans: Option<Vec<_>> = measured.samples.iter().map(span).collect();
                let (phase, workload) = (Phase::Unconstrained, Some(measured.workload.clone()));
                phases.extend(spans.map(|spans| Watched { phase, workload, spans }));
            }
            Event::Departed => departed = Some(entry.t_s),
            Event::Arrived(_) => phases.extend(departed.take().map(|begin| watched(Phase::Flight, begin, entry.t_s))),
            Event::Closed { .. } => phases.push(watched(Phase::Whole, Seconds::ZERO, entry.t_s)),
            _ => {}
        }
    }
    phases
}

fn windows(file: &MeterFile, source: &Source, phases: Vec<Watched>) -> Vec<MergedWindow> {
    let spans: Vec<(Seconds, Seconds)> = phases.iter().flat_map(|phase| phase.spans.iter().copied()).collect();
    let mut idle = Vec::new();
    let mut before = 0;
    for phase in &phases {
        if matches!(phase.phase, Phase::Idle | Phase::IdleAfter) {
            idle.push(before);
        }
        before += phase.spans.len();
    }
    let mut drawn = replay::windows(file, source.clone(), &spans, &idle).into_iter();
    let window = |watched: Watched| {
        let (first, last) = (watched.spans.first()?.0, watched.spans.last()?.1);
        let sum = drawn.by_ref().take(watched.spans.len()).reduce(|sum: Drawn, part| sum.plus(&part))?;
        let (phase, workload) = (watched.phase, watched.workload);
        Some(MergedWindow { phase, workload, begin_s: first, end_s: last, drawn: sum })
    };
    phases.into_iter().filter_map(window).collect()
}

/// When the flight's clock began, in seconds since 1970.
fn test_time(entries: &[Entry]) -> Result<Seconds, String> {
    let Some(Event::Opened { test_time, .. }) = entries.first().map(|entry| &entry.event) else {
        return Err("the journal does not say when the flight began".into());
    };
    let at: Timestamp = test_time.parse().map_err(|error| format!("the journal's `{test_time}`: {error}"))?;
    Ok(since_1970(at))
}
