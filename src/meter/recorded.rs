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
//! Behind them may stand, by the names of the first line, the seconds for which the device had been slowed down until then:
//! `power_cap_s`, `thermal_s`, `hardware_thermal_s`, `power_brake_s`, `hardware_s`, `sync_s`. They do not fall.
//!
//! In place of an energy a cause may stand, by the name that a reading has for it (`lost`, `asleep`, `timeout`,
//! `no_permission`, `counter_reset`, ...): then the source says that. The first look at the source is the first line;
//! after the last line the source is lost. A reading is as old as the line that it shows.

use super::Meter;
use super::counter::{Counter, Limits, MICROJOULE};
use super::csv_lines::csv_lines;
use super::probe::Refusal;
use crate::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source, Throttling};
use crate::units::{Joules, Seconds, Watts};
use std::io::Read;
use std::path::Path;

/// The largest file that is read: a line for every 0.1 s of a day is less than half of it.
const MAX_BYTES: u64 = 32 << 20;

/// No recording counts more than this.
const MOST: Joules = Joules(1e12);

/// When, and the energy until then or why there was none.
type Line = (Seconds, Result<Joules, NoData>);

/// The first two columns of every recording.
const HEAD: [&str; 2] = ["t_s", "energy_j"];

/// How a column of a slowdown is written into its times.
type Cause = fn(&mut Throttling) -> &mut Seconds;

/// The columns that may follow.
const CAUSES: [(&str, Cause); 6] = [
    ("power_cap_s", |times| &mut times.power_cap_s),
    ("thermal_s", |times| &mut times.thermal_s),
    ("hardware_thermal_s", |times| &mut times.hardware_thermal_s),
    ("power_brake_s", |times| &mut times.power_brake_s),
    ("hardware_s", |times| &mut times.hardware_s),
    ("sync_s", |times| &mut times.sync_s),
];

/// What a file holds: a line for every look, and as many slowdowns, or none where it has no column of them.
type Content = (Vec<Line>, Vec<Throttling>);

/// A recording that is being replayed.
pub struct Recorded {
    source: Source,
    lines: Vec<Line>,
    slowdowns: Vec<Throttling>,
    throttling: Option<Throttling>,
    opened_at: Option<Seconds>,
    counter: Counter,
    coverage: Coverage,
}

impl Recorded {
    /// Opens the recording in `file` as the source `name`, which is said to cover `boundary`.
    pub fn open(name: &str, file: &Path, boundary: Boundary) -> Result<Recorded, Refusal> {
        let wrong = |cause, why: String| Refusal::new(cause, format!("{}: {why}", file.display()));
        let text = read_text(file).map_err(|why| wrong(NoData::NotSupported, why))?;
        let (lines, slowdowns) = parse(&text).map_err(|why| wrong(NoData::Implausible, why))?;
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
        let (counter, coverage) = (Counter::new(limits), Coverage::default());
        Ok(Recorded { source, lines, slowdowns, throttling: None, opened_at: None, counter, coverage })
    }

    /// The lines that have passed `elapsed` after the first.
    fn passed(&self, elapsed: Seconds) -> &[Line] {
        let begin = self.lines.first().map_or(Seconds::ZERO, |line| line.0);
        &self.lines[..self.lines.partition_point(|line| line.0 - begin <= elapsed)]
    }

    /// The line that holds `elapsed` after the first: when it was taken, counted from the first, and what it says; none before
    /// the first line and from the last on.
    fn at(&self, elapsed: Seconds) -> Option<(Seconds, Result<Joules, NoData>)> {
        let passed = self.passed(elapsed);
        let shown = passed.last().filter(|_| passed.len() < self.lines.len());
        shown.map(|(at, energy)| (*at - self.lines[0].0, *energy))
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
        let elapsed = now - opened_at;
        let reading = match self.at(elapsed) {
            Some((at, Ok(energy))) => {
                let (taken_at, count) = (opened_at + at, (energy / MICROJOULE).round() as u64);
                self.coverage.updates += u64::from(self.counter.last_count() != Some(count));
                self.counter.advance(taken_at, count);
                Reading { taken_at, energy: self.counter.total(), power: self.slope(elapsed) }
            }
            Some((at, Err(cause))) => Reading::absent(opened_at + at, cause),
            None => Reading::absent(now, NoData::Lost),
        };
        self.coverage.missed += u64::from(reading.energy.is_err());
        let passed = self.passed(elapsed).len();
        self.throttling = passed.checked_sub(1).and_then(|last| self.slowdowns.get(last)).copied();
        reading
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn throttling(&self) -> Option<Throttling> {
        self.throttling
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

fn parse(text: &str) -> Result<Content, String> {
    let mut lines: Vec<Line> = Vec::new();
    let mut columns: Vec<Cause> = Vec::new();
    let mut slowdowns: Vec<Throttling> = Vec::new();
    for (index, line) in csv_lines(text, b',').enumerate() {
        let mut cells = line.fields.iter();
        let (Some(time), Some(energy)) = (cells.next(), cells.next()) else {
            return Err(line.error(&format!("it must be {}", HEAD.join(","))));
        };
        if index == 0 && [time, energy] == HEAD {
            columns = cells.map(cause).collect::<Result<_, _>>().map_err(|why| line.error(&why))?;
            continue;
        }
        let time: f64 = time.parse().map_err(|_| line.error("the time is no number of seconds"))?;
        if !time.is_finite() || lines.last().is_some_and(|last| last.0.0 >= time) {
            return Err(line.error("times must be finite and rise"));
        }
        lines.push((Seconds(time), energy_of(energy).map_err(|why| line.error(why))?));
        slowdowns.extend(slowdown(cells, &columns, slowdowns.last()).map_err(|why| line.error(why))?);
    }
    match lines.len() {
        0 | 1 => Err(format!("it must hold two lines or more of {}", HEAD.join(","))),
        _ => Ok((lines, slowdowns)),
    }
}

/// A column that the first line names behind those of every recording.
fn cause(name: &str) -> Result<Cause, String> {
    let known = CAUSES.iter().find(|(cause, _)| *cause == name).map(|(_, cause)| *cause);
    let names = || CAUSES.map(|(name, _)| name).join(", ");
    known.ok_or_else(|| format!("`{name}` is no column; behind {} may stand {}", HEAD.join(","), names()))
}

fn energy_of(cell: &str) -> Result<Result<Joules, NoData>, &'static str> {
    match cell.parse::<f64>() {
        Ok(joules) if joules.is_finite() && (0.0..=MOST.0).contains(&joules) => Ok(Ok(Joules(joules))),
        Ok(_) => Err("an energy is from 0 to 1e12 J"),
        Err(_) => serde_json::from_value::<NoData>(cell.into())
            .map(Err)
            .map_err(|_| "the energy is neither a number of joules nor a cause"),
    }
}

/// The slowdowns of one line; none where the recording has no column of them.
fn slowdown<'a>(
    mut cells: impl Iterator<Item = &'a str>,
    columns: &[Cause],
    before: Option<&Throttling>,
) -> Result<Option<Throttling>, &'static str> {
    let mut times = Throttling { counted: true, ..Throttling::default() };
    for cause in columns {
        let cell = cells.next().ok_or("a column is missing")?;
        let time: f64 = cell.parse().map_err(|_| "a slowdown is a number of seconds")?;
        let least = before.map_or(Seconds::ZERO, |before| *cause(&mut before.clone()));
        if !time.is_finite() || time < least.0 {
            return Err("a slowdown is finite and does not fall");
        }
        *cause(&mut times) = Seconds(time);
    }
    if cells.next().is_some() {
        return Err("more columns than the first line names");
    }
    Ok((!columns.is_empty()).then_some(times))
}

fn read_text(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    opened.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_BYTES { Err(format!("more than {MAX_BYTES} bytes")) } else { Ok(text) }
}
