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

use super::channel::{Channel, Quantity, Sample, Sensor};
use super::counter::{Limits, MICROJOULE};
use super::csv_lines::csv_lines;
use super::meter_file::decode;
use super::probe::Refusal;
use super::throttle::ThrottleLook;
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Joules, Seconds, Watts};
use std::io::Read;
use std::path::Path;

/// The largest file that is read: a line for every 0.1 s of a day is less than half of it.
const MAX_BYTES: u64 = 32 << 20;

/// No recording counts more than this.
const MOST: Joules = Joules(1e12);

/// The first two columns of every recording.
const HEAD: [&str; 2] = ["t_s", "energy_j"];

/// The columns that may follow, in the order of [`Reason`](super::throttle::Reason).
const SLOWDOWNS: [&str; 6] =
    ["power_cap_s", "thermal_s", "hardware_thermal_s", "power_brake_s", "hardware_s", "sync_s"];

/// One line of the file.
struct Row {
    at: Seconds,
    /// The energy until then, or why there was none.
    energy: Result<Joules, NoData>,
    /// For how long the device had been slowed down until then; none where there is no such column.
    slowed_ns: [Option<u64>; 6],
}

/// A recording that is being replayed.
pub struct Recorded {
    rows: Vec<Row>,
    /// Rows that have passed.
    passed: usize,
    opened_at: Option<Seconds>,
}

impl Recorded {
    /// Opens the recording in `file` as the source `name`, which is said to cover `boundary`.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is none.
    pub fn open(name: &str, file: &Path, boundary: Boundary) -> Result<Channel<Recorded>, Refusal> {
        let wrong = |cause, why: String| Refusal::new(cause, format!("{}: {why}", file.display()));
        let text = read_text(file).map_err(|why| wrong(NoData::NotSupported, why))?;
        let rows = parse(&text).map_err(|why| wrong(NoData::Implausible, why))?;
        let steps: Vec<f64> = rows.windows(2).map(|pair| (pair[1].at - pair[0].at).0).collect();
        let period = crate::stats::median(&steps).unwrap_or(1.0);
        let stem = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let source = Source {
            name: name.to_owned(),
            provenance: Provenance::Modelled,
            boundary,
            method: format!(
                "a recording, not a measurement: the energies in {stem}, {} lines, replayed{}",
                rows.len(),
                if boundary == Boundary::NotStated { "; nobody states what it covers: say ?boundary=NAME" } else { "" }
            ),
            update_period_s: Seconds(period),
            relative_uncertainty: None,
            rated_w: steepest(&rows),
            sensing: Sensing::default(),
        };
        let recording = Recorded { rows, passed: 0, opened_at: None };
        Ok(Channel::new(source, recording, vec![Quantity::counter(Limits::NONE)]))
    }
}

impl Sensor for Recorded {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let opened_at = *self.opened_at.get_or_insert(now);
        let begin = self.rows[0].at;
        let mut samples = Vec::new();
        while let Some(row) = self.rows.get(self.passed).filter(|row| row.at - begin <= now - opened_at) {
            let count = row.energy.map(|energy| (energy / MICROJOULE).round() as u64);
            samples.push(Sample::count(opened_at + (row.at - begin), count));
            self.passed += 1;
        }
        if self.passed < self.rows.len() { Ok(samples) } else { Err(NoData::Lost) }
    }

    fn throttle(&mut self, _: Result<Watts, NoData>) -> Result<ThrottleLook, NoData> {
        let passed = self.passed.checked_sub(1).and_then(|last| self.rows.get(last)).ok_or(NoData::NotYet)?;
        let is_said = passed.slowed_ns.iter().any(Option::is_some);
        let look = ThrottleLook { counted_ns: passed.slowed_ns, ..ThrottleLook::default() };
        is_said.then_some(look).ok_or(NoData::NotSupported)
    }
}

/// The greatest power between two lines, which stands for what the recorded machine could draw.
fn steepest(rows: &[Row]) -> Option<Watts> {
    let power = |pair: &[Row]| Some((pair[1].energy.ok()? - pair[0].energy.ok()?) / (pair[1].at - pair[0].at));
    rows.windows(2).filter_map(power).filter(|power| power.0 > 0.0).reduce(|most, power| most.max(power))
}

fn parse(text: &str) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    let mut columns: Vec<usize> = Vec::new();
    for (index, line) in csv_lines(text, b',').enumerate() {
        let mut cells = line.fields.iter();
        let (Some(time), Some(energy)) = (cells.next(), cells.next()) else {
            return Err(line.error(&format!("it must be {}", HEAD.join(","))));
        };
        if index == 0 && [time, energy] == HEAD {
            columns = cells.map(slowdown).collect::<Result<_, _>>().map_err(|why| line.error(&why))?;
            continue;
        }
        let time: f64 = time.parse().map_err(|_| line.error("the time is no number of seconds"))?;
        if !time.is_finite() || rows.last().is_some_and(|last| last.at.0 >= time) {
            return Err(line.error("times must be finite and rise"));
        }
        let energy = energy_of(energy).map_err(|why| line.error(why))?;
        let slowed_ns = slowed(cells, &columns, rows.last()).map_err(|why| line.error(why))?;
        rows.push(Row { at: Seconds(time), energy, slowed_ns });
    }
    match rows.len() {
        0 | 1 => Err(format!("it must hold two lines or more of {}", HEAD.join(","))),
        _ => Ok(rows),
    }
}

/// The place of a column that the first line names behind those of every recording.
fn slowdown(name: &str) -> Result<usize, String> {
    let known = SLOWDOWNS.iter().position(|known| *known == name);
    let (head, known_names) = (HEAD.join(","), SLOWDOWNS.join(", "));
    known.ok_or_else(|| format!("`{name}` is no column; behind {head} may stand {known_names}"))
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

/// The slowdowns of one line.
fn slowed<'a>(
    mut cells: impl Iterator<Item = &'a str>,
    columns: &[usize],
    before: Option<&Row>,
) -> Result<[Option<u64>; 6], &'static str> {
    let mut slowed_ns = [None; 6];
    for &column in columns {
        let cell = cells.next().ok_or("a column is missing")?;
        let time: f64 = cell.parse().map_err(|_| "a slowdown is a number of seconds")?;
        let nanoseconds = (time * 1e9).round();
        let least = before.and_then(|before| before.slowed_ns[column]).unwrap_or(0);
        if !time.is_finite() || nanoseconds < least as f64 {
            return Err("a slowdown is finite and does not fall");
        }
        slowed_ns[column] = Some(nanoseconds as u64);
    }
    if cells.next().is_some() {
        return Err("more columns than the first line names");
    }
    Ok(slowed_ns)
}

fn read_text(file: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES { Err(format!("more than {MAX_BYTES} bytes")) } else { decode(&bytes) }
}
