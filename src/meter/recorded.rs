//! A recording: energies from a file, replayed at the pace at which they were taken. It shows how a flight meets a meter
//! without having one; it is no measurement, is labelled [`Provenance::Modelled`], has no band and is never ranked.
//!
//! A CSV file, one look a line, times rising from any origin:
//!
//! ```text
//! t_s,energy_j
//! 0.0,0
//! 0.5,60.2
//! 1.0,lost
//! ```
//!
//! In place of an energy a cause may stand, by the name that a reading has for it (`lost`, `asleep`, `timeout`,
//! `no_permission`, `counter_reset`, ...): then the source says that. The first look at the source is the first line;
//! after the last line the source is lost.

use super::Meter;
use super::counter::{Counter, Limits, MICROJOULE};
use super::probe::Refusal;
use crate::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source};
use crate::units::{Joules, Seconds, Watts};
use std::io::Read;
use std::path::Path;

/// The largest file that is read: a line for every 0.1 s of a day is less than half of it.
const MAX_BYTES: u64 = 32 << 20;

/// No recording counts more than this.
const MOST: Joules = Joules(1e12);

/// When, and the energy until then or why there was none.
type Line = (Seconds, Result<Joules, NoData>);

/// A recording that is being replayed.
pub struct Recorded {
    source: Source,
    lines: Vec<Line>,
    opened_at: Option<Seconds>,
    counter: Counter,
    coverage: Coverage,
}

impl Recorded {
    /// Opens the recording in `file` as the source `name`, which is said to cover `boundary`.
    pub fn open(name: &str, file: &Path, boundary: Boundary) -> Result<Recorded, Refusal> {
        let wrong = |cause, why: String| Refusal::new(cause, format!("{}: {why}", file.display()));
        let text = read_text(file).map_err(|why| wrong(NoData::NotSupported, why))?;
        let lines = parse(&text).map_err(|why| wrong(NoData::Implausible, why))?;
        let steps: Vec<f64> = lines.windows(2).map(|pair| (pair[1].0 - pair[0].0).0).collect();
        let period = crate::stats::median(&steps).unwrap_or(1.0);
        let stem = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let source = Source {
            name: name.to_owned(),
            provenance: Provenance::Modelled,
            boundary,
            method: format!("a recording, not a measurement: the energies in {stem}, {} lines, replayed", lines.len()),
            update_period_s: Seconds(period),
            relative_uncertainty: None,
            rated_w: steepest(&lines),
            sensing: Sensing::default(),
        };
        let limits = Limits { unit: MICROJOULE, range: None, ceiling: None, slack: Seconds::ZERO };
        Ok(Recorded { source, lines, opened_at: None, counter: Counter::new(limits), coverage: Coverage::default() })
    }

    /// The lines that have passed `elapsed` after the first.
    fn passed(&self, elapsed: Seconds) -> &[Line] {
        let begin = self.lines.first().map_or(Seconds::ZERO, |line| line.0);
        &self.lines[..self.lines.partition_point(|line| line.0 - begin <= elapsed)]
    }

    /// What the recording says `elapsed` after its first line.
    fn at(&self, elapsed: Seconds) -> Result<Joules, NoData> {
        let passed = self.passed(elapsed);
        match passed {
            _ if passed.len() == self.lines.len() => Err(NoData::Lost),
            [.., (_, energy)] => *energy,
            [] => Err(NoData::NotYet),
        }
    }

    /// The power between the last two lines that have passed.
    fn slope(&self, elapsed: Seconds) -> Result<Watts, NoData> {
        match self.passed(elapsed) {
            [.., before, after] => power(before, after).ok_or(NoData::NotYet),
            _ => Err(NoData::NotYet),
        }
    }
}

impl Meter for Recorded {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        self.coverage.looks += 1;
        let opened_at = *self.opened_at.get_or_insert(now);
        let count = self.at(now - opened_at).map(|energy| (energy / MICROJOULE).round() as u64);
        let reading = match count {
            Ok(count) => {
                self.coverage.updates += u64::from(self.counter.last_count() != Some(count));
                self.counter.advance(now, count);
                Reading { taken_at: now, energy: self.counter.total(), power: self.slope(now - opened_at) }
            }
            Err(cause) => Reading::absent(now, cause),
        };
        self.coverage.missed += u64::from(reading.energy.is_err());
        reading
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

/// The greatest power between two lines, which stands for what the recorded machine could draw.
fn steepest(lines: &[Line]) -> Option<Watts> {
    let powers = lines.windows(2).filter_map(|pair| power(&pair[0], &pair[1]));
    powers.filter(|power| power.0 > 0.0).reduce(|most, power| most.max(power))
}

/// None beside a cause, or where the energy falls.
fn power(before: &Line, after: &Line) -> Option<Watts> {
    let energy = after.1.ok()? - before.1.ok()?;
    (energy.0 >= 0.0).then(|| energy / (after.0 - before.0))
}

fn parse(text: &str) -> Result<Vec<Line>, String> {
    let mut lines: Vec<Line> = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let wrong = |why: &str| format!("line {}: {why}: `{line}`", index + 1);
        if line.is_empty() || line.starts_with('#') || (index == 0 && line == "t_s,energy_j") {
            continue;
        }
        let (time, energy) = line.split_once(',').ok_or_else(|| wrong("it must be t_s,energy_j"))?;
        let time: f64 = time.trim().parse().map_err(|_| wrong("the time is no number of seconds"))?;
        if !time.is_finite() || lines.last().is_some_and(|last| last.0.0 >= time) {
            return Err(wrong("times must be finite and rise"));
        }
        let energy = energy.trim();
        let energy = match energy.parse::<f64>() {
            Ok(joules) if joules.is_finite() && (0.0..=MOST.0).contains(&joules) => Ok(Joules(joules)),
            Ok(_) => return Err(wrong("an energy is from 0 to 1e12 J")),
            Err(_) => Err(serde_json::from_value::<NoData>(energy.into())
                .map_err(|_| wrong("the energy is neither a number of joules nor a cause"))?),
        };
        lines.push((Seconds(time), energy));
    }
    if lines.len() < 2 { Err("it must hold two lines or more of t_s,energy_j".to_owned()) } else { Ok(lines) }
}

fn read_text(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    opened.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_BYTES { Err(format!("more than {MAX_BYTES} bytes")) } else { Ok(text) }
}
