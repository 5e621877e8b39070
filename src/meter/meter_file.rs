//! Powers from a file that some meter wrote while a flight went on, to be merged into its journal afterwards.
//!
//! Two forms, told apart by their lines:
//!
//! * CSV: a time and watts a line, with or without a header; separated by commas, or by semicolons where the first line has
//!   one. Where the header names them, the columns may stand anywhere: `t_s`, `time`, `time_s`, `timestamp`, `seconds`;
//!   `power_w`, `watts`, `power`, `w`. A time is a number of seconds from any origin, a number of seconds since 1970 (from 1e9
//!   on), or an instant such as `2026-11-22T11:10:15.5Z`.
//! * The log of PTDaemon, `spl.txt` in an MLPerf submission: `Time,09-23-2020 14:40:23.964,Watts,81.2,...`, in the local time of
//!   the machine that wrote it, which is read as UTC: the offset puts it right.
//!
//! What it says of a window is [`super::replay`]'s to tell.

use super::csv_lines::csv_lines;
use crate::units::{Seconds, Watts};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// No meter of one machine shows more, and a day at ten samples a second is less.
const POWER_MAX: Watts = Watts(1e6);
const SAMPLES_MAX: usize = 1_000_000;

/// From here on a number is an instant, not a time since the meter was started: September 2001.
const UNIX_TIME_FROM: f64 = 1e9;

/// What a meter wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterFile {
    samples: Vec<(Seconds, Watts)>,
    /// True where times are seconds since 1970, false where they are since an origin that nobody knows.
    pub is_wall_clock: bool,
    /// True for PTDaemon's log.
    pub is_spl: bool,
    /// Lines whose power cannot be: not a number, negative, or too large.
    pub dropped: u64,
    period: Seconds,
}

impl MeterFile {
    /// Reads `text`.
    ///
    /// # Errors
    /// A line that is neither, times that do not rise, fewer than two powers.
    pub fn parse(text: &str) -> Result<MeterFile, String> {
        let is_spl = text.lines().any(|line| spl_sample(line).is_some());
        let (lines, is_wall_clock) = if is_spl { (spl(text), true) } else { csv(text)? };
        let mut samples: Vec<(Seconds, Watts)> = Vec::new();
        let mut dropped = 0;
        for (number, at, power) in lines {
            if !(power.is_finite() && (0.0..=POWER_MAX.0).contains(&power.0)) {
                dropped += 1;
                continue;
            }
            if samples.last().is_some_and(|last| at <= last.0.0) {
                return Err(format!("line {number}: the time does not rise"));
            }
            samples.push((Seconds(at), power));
            if samples.len() > SAMPLES_MAX {
                return Err(format!("more than {SAMPLES_MAX} samples"));
            }
        }
        let steps: Vec<f64> = samples.windows(2).map(|pair| (pair[1].0 - pair[0].0).0).collect();
        let period = crate::stats::median(&steps).map(Seconds);
        let period =
            period.ok_or("it must hold two powers or more: lines of a time in seconds and watts, or PTDaemon's log")?;
        Ok(MeterFile { samples, is_wall_clock, is_spl, dropped, period })
    }

    /// The median time between two samples.
    pub fn period(&self) -> Seconds {
        self.period
    }

    /// How many there are.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// The same samples on another clock, `shift` later.
    pub fn shifted(mut self, shift: Seconds) -> MeterFile {
        self.samples.iter_mut().for_each(|sample| sample.0 += shift);
        self
    }

    /// Times and powers, in the order of time.
    pub fn all(&self) -> &[(Seconds, Watts)] {
        &self.samples
    }

    /// Whether any sample lies from `begin` to `end`.
    pub fn has_any(&self, begin: Seconds, end: Seconds) -> bool {
        self.samples.iter().any(|(at, _)| (begin..=end).contains(at))
    }
}

/// Number of the line, time, power.
type Line = (usize, f64, Watts);

fn spl(text: &str) -> Vec<Line> {
    let sample = |(index, line)| spl_sample(line).map(|(at, power)| (index + 1, at, power));
    text.lines().enumerate().filter_map(sample).collect()
}

/// A sample of PTDaemon's log: seconds of its clock, and power. The first `Watts` are the sum of all channels.
pub(super) fn spl_sample(line: &str) -> Option<(f64, Watts)> {
    let mut fields = line.trim().split(',');
    let first = fields.next()?;
    let time = if first == "Time" { fields.next()? } else { first };
    let at = DateTime::strptime("%m-%d-%Y %H:%M:%S%.f", time.trim()).ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let is_watts = fields.next()? == "Watts";
    let power: f64 = fields.next()?.trim().parse().ok()?;
    is_watts.then_some((since_1970(at).0, Watts(power)))
}

fn csv(text: &str) -> Result<(Vec<Line>, bool), String> {
    const TIMES: [&str; 5] = ["t_s", "time", "time_s", "timestamp", "seconds"];
    const POWERS: [&str; 4] = ["power_w", "watts", "power", "w"];
    let mut columns = (0, 1);
    let mut is_wall_clock = None;
    let mut lines = Vec::new();
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let has_semicolons = text.lines().map(str::trim).find(is_said).is_some_and(|line| line.contains(';'));
    for line in csv_lines(text, if has_semicolons { b';' } else { b',' }) {
        if lines.is_empty() && is_wall_clock.is_none() {
            let place = |names: &[&str]| {
                line.fields.iter().position(|field| names.contains(&field.to_ascii_lowercase().as_str()))
            };
            if let (Some(time), Some(power)) = (place(&TIMES), place(&POWERS)) {
                columns = (time, power);
                // A header is read once.
                is_wall_clock = Some(None);
                continue;
            }
        }
        let field = |column: usize| line.fields.get(column).ok_or_else(|| line.error("it must be a time and watts"));
        let (at, is_instant) =
            instant(field(columns.0)?).ok_or_else(|| line.error("the time is neither seconds nor an instant"))?;
        if is_wall_clock.flatten().is_some_and(|before: bool| before != is_instant) {
            return Err(line.error("some times are instants and some are not"));
        }
        is_wall_clock = Some(Some(is_instant));
        // A power that is no number is a sample that was lost, not the end of the file.
        let power = field(columns.1)?.parse().unwrap_or(f64::NAN);
        lines.push((line.number(), at, Watts(power)));
    }
    Ok((lines, is_wall_clock.flatten().unwrap_or(false)))
}

/// Seconds, and whether they are since 1970.
fn instant(text: &str) -> Option<(f64, bool)> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then_some((seconds, seconds >= UNIX_TIME_FROM));
    }
    text.parse::<Timestamp>().ok().map(|at| (since_1970(at).0, true))
}

/// Seconds since 1970, to within a microsecond in this century.
pub fn since_1970(at: Timestamp) -> Seconds {
    Seconds(at.as_second() as f64 + f64::from(at.subsec_nanosecond()) * 1e-9)
}
