//! An analyser behind SPEC's PTDaemon, a program of the user's own that is spoken to over TCP and is no part of this one.
//!
//! One line each way (port 8888):
//!
//! ```text
//! Hello               Hello, PTDaemon here!
//! Identify            WT310E,1000,1,...,version=1.10.0-...,OS=...,mode=power,...
//! SR,V,Auto  SR,A,Auto        Range V changed
//! RR                  Ranges,1,5.0,1,300.0: amperes, volts, each after whether the analyser ranges by itself; -1 for unknown
//! Go,1000,0,dawndusk  Starting untimed measurement, maximum 500000 samples at 1000ms with 0 rampup samples
//! RL                  Last 2 samples ..., then so many lines: Time,09-23-2020 14:40:23.964,Watts,81.2,Volts,...
//! Stop                Stopping untimed measurement
//! ```
//!
//! `RL` gives the samples that nobody has read yet, so none is lost between two looks; their powers are integrated by
//! the daemon's own times. The band is the analyser's by its data sheet, of the first power in the range that the daemon
//! tells; a known analyser whose range is not told is of the class that SPEC accepts, of an unknown one nothing is stated.
//! A daemon with its dummy device, which makes its numbers up, is no measurement and says so.

use super::channel::{Channel, Quantity, Sample, Sensor, Value};
use super::integral::GAP_PERIODS;
use super::network::Connection;
use super::plausible::PowerFilter;
use super::probe::Refusal;
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Seconds, Watts};
use std::time::{Duration, Instant};

/// Analysers by a part of the name that the daemon gives, the first that fits, and the limits of their power at 45 to
/// 66 Hz and power factor 1, as shares of the reading and of the range (Yokogawa, manuals IM WT310E-02EN and IM WT310-02EN,
/// section 7.3.2). Of others nothing is stated.
const ACCURACIES: [(&str, f64, f64); 6] = [
    ("WT310E", 0.001, 0.0005),
    ("WT332E", 0.001, 0.0005),
    ("WT333E", 0.001, 0.0005),
    ("WT310", 0.001, 0.001),
    ("WT332", 0.001, 0.001),
    ("WT333", 0.001, 0.001),
];

/// What SPEC accepts of an analyser (Power and Performance Benchmark Methodology: 1 % of uncertainty for each sample). A
/// known analyser whose range nobody tells is of this class.
const ACCEPTED: f64 = 0.01;

/// The widest band there is: a range that says nothing of so small a power.
const BAND_MAX: f64 = 0.99;

/// The first sample of a measurement that has just been started is waited for so long.
const FIRST_SAMPLE: Duration = Duration::from_secs(3);

/// Longest time for one question: an analyser may take a sampling interval to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Longest time for the end: less than the thread of a source is waited for.
const FAREWELL: Duration = Duration::from_secs(1);

/// More than any analyser that is accepted measures in one channel.
const CEILING: Watts = Watts(100_000.0);

/// What the daemon writes where its analyser gave no value.
const NO_VALUE: Watts = Watts(-1.0);

/// More unread samples than this in one answer are none of a daemon that was asked a moment ago.
const SAMPLES_MAX: usize = 10_000;

/// A daemon and its analyser.
pub struct PtDaemon {
    host: String,
    port: u16,
    connection: Option<Connection>,
    period: Seconds,
    filter: PowerFilter,
    /// The time of the last sample by the daemon's clock, and by one of our own that only rises.
    last: Option<(f64, Seconds)>,
    /// The last power that can be one, as it was told.
    latest: Option<Sample>,
    /// Samples that came with the opening.
    untold: Vec<(f64, Watts)>,
}

impl PtDaemon {
    /// Starts a measurement at the daemon on `host`, as the source `name`.
    ///
    /// # Errors
    /// A daemon that is none, or does not measure.
    pub fn open(name: &str, host: &str, port: u16) -> Result<Channel<PtDaemon>, Refusal> {
        let Begun { connection, identity, ranges } = begin(host, port, false)?;
        let is_dummy = identity.to_ascii_lowercase().contains("dummy");
        let analyser = identity.split(',').next().unwrap_or_default().to_owned();
        let version = identity.split(',').find_map(|part| part.strip_prefix("version=")).unwrap_or("unknown");
        let interval = identity.split(',').nth(1).and_then(|ms| ms.trim().parse::<f64>().ok()).unwrap_or(0.0);
        let period = Seconds((interval * 1e-3).clamp(1.0, 60.0));
        let mut filter = PowerFilter::below(CEILING);
        let quantity = Quantity::power(filter, period);
        let mut daemon = PtDaemon {
            host: host.to_owned(),
            port,
            connection: Some(connection),
            period,
            filter,
            last: None,
            latest: None,
            untold: Vec::new(),
        };
        daemon.await_first()?;
        let power = daemon.untold.iter().filter_map(|&(_, power)| filter.check(power).ok()).last();
        let (band, stated) = match is_dummy {
            true => (None, "made up by PTDaemon's dummy device, not a measurement".to_owned()),
            false => band(&analyser, ranges, power),
        };
        let source = Source {
            name: name.to_owned(),
            provenance: if is_dummy { Provenance::Modelled } else { Provenance::ExternalMeter },
            boundary: Boundary::Wall,
            method: format!("the analyser {analyser} behind PTDaemon {version}: {stated}"),
            update_period_s: period,
            relative_uncertainty: band,
            rated_w: None,
            sensing: Sensing { averaging_s: period, seen_share: 1.0 },
        };
        Ok(Channel::new(source, daemon, vec![quantity]))
    }

    /// Waits for the first sample that is one, for a while.
    fn await_first(&mut self) -> Result<(), Refusal> {
        let until = Instant::now() + FIRST_SAMPLE;
        let has_value = |samples: &[(f64, Watts)]| samples.iter().any(|&(_, power)| power != NO_VALUE);
        while !has_value(&self.untold) && Instant::now() < until {
            let taken = self.take()?;
            self.untold.extend(taken);
            if !has_value(&self.untold) {
                std::thread::sleep(FIRST_SAMPLE / 30);
            }
        }
        match self.untold.len() {
            count if count > 0 && !has_value(&self.untold) => {
                let detail = format!(
                    "{}:{}: all of {count} samples are -1, by which PTDaemon says that it has no value",
                    self.host, self.port
                );
                Err(Refusal::new(NoData::MeterError, detail).with_remedy(
                    "look at the analyser: its inputs and its range, that it is switched on and no one uses its keys",
                ))
            }
            _ => Ok(()),
        }
    }

    /// The samples that are new, over a connection that is made again where it was lost.
    fn take(&mut self) -> Result<Vec<(f64, Watts)>, Refusal> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => begin(&self.host, self.port, true)?.connection,
        };
        let samples = unread(&mut connection)?;
        self.connection = Some(connection);
        Ok(samples)
    }

    /// A power of the daemon, with a time that only rises.
    fn sample(&mut self, now: Seconds, (at, power): (f64, Watts)) -> Sample {
        let clock = match self.last {
            // A clock that was set, by the season or by hand: the samples themselves come once a period.
            Some((before, clock)) if !(0.0..=600.0).contains(&(at - before)) => clock + self.period,
            Some((before, clock)) => clock + Seconds(at - before),
            None => Seconds::ZERO,
        };
        self.last = Some((at, clock));
        Sample { quantity: 0, taken_at: now, clock, value: Ok(Value::Power(power)) }
    }
}

impl Sensor for PtDaemon {
    /// A daemon that answers without a new sample has nothing to say of now, and an analyser's own error is no power.
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let taken = match std::mem::take(&mut self.untold) {
            untold if untold.is_empty() => self.take().map_err(|refusal| refusal.cause)?,
            untold => untold,
        };
        let mut samples = Vec::with_capacity(taken.len() + 1);
        for (at, power) in taken {
            let value = if power == NO_VALUE { Err(NoData::MeterError) } else { self.filter.check(power) };
            match value {
                Ok(power) => {
                    let sample = self.sample(now, (at, power));
                    self.latest = Some(sample);
                    samples.push(sample);
                }
                Err(cause) => samples.push(Sample::power(now, Err(cause))),
            }
        }
        // Where nothing but errors has come for a while, what was good last does not hold any more.
        let cause = samples.last().and_then(|last| last.value.err());
        if let Some(cause) =
            cause.filter(|_| self.latest.is_none_or(|last| now - last.taken_at > self.period * GAP_PERIODS))
        {
            return Err(cause);
        }
        // What was good last still holds.
        let latest = self.latest.ok_or(NoData::NotYet)?;
        samples.extend(samples.last().is_none_or(|last| last.value.is_err()).then_some(latest));
        Ok(samples)
    }
}

impl Drop for PtDaemon {
    /// Ends the measurement, over a new connection where the old one was lost. A daemon that does not listen any more keeps
    /// its samples to itself.
    fn drop(&mut self) {
        let until = Instant::now() + FAREWELL;
        let said = |connection: &mut Connection, text: &str| {
            connection.send(&format!("{text}\r\n"), until).and_then(|()| connection.line(until))
        };
        let connection = self.connection.take().map_or_else(
            || {
                let mut again = Connection::open(&self.host, self.port, until)?;
                said(&mut again, "Hello").map(|_| again)
            },
            Ok,
        );
        drop(connection.and_then(|mut connection| said(&mut connection, "Stop")));
    }
}

/// Half width of the band, k = 2, of `analyser` in `ranges` (amperes, volts) at `power`, and where it is from:
///
/// ```text
/// band = a + b · volts · amperes / power        a, b: shares of reading and range by the data sheet
/// ```
///
/// The first power is most often the least, idle, at which the share of the range weighs most.
fn band(analyser: &str, ranges: Option<(f64, f64)>, power: Option<Watts>) -> (Option<f64>, String) {
    let known = ACCURACIES.iter().find(|(name, ..)| analyser.to_ascii_uppercase().contains(name));
    let Some(&(_, of_reading, of_range)) = known else {
        return (None, "the power, integrated; its uncertainty is not stated".into());
    };
    let ranged = ranges.zip(power).filter(|(_, power)| power.0 > 0.0);
    let Some(((amperes, volts), power)) = ranged else {
        let class = "of the class that SPEC accepts, since nobody tells its range";
        return (Some(ACCEPTED), format!("the power, integrated; {class}"));
    };
    let band = (of_reading + of_range * volts * amperes / power.0).min(BAND_MAX);
    let by = format!("by its data sheet in the range of {volts:.0} V and {amperes} A at {power:.1}");
    (Some(band), format!("the power, integrated; {:.2} % {by}", 100.0 * band))
}

/// Amperes and volts of `Ranges,1,5.0,1,300.0`; none where either is unknown.
fn ranges(answer: &str) -> Option<(f64, f64)> {
    let fields: Vec<&str> = answer.strip_prefix("Ranges,")?.split(',').collect();
    let range =
        |index: usize| fields.get(index)?.trim().parse().ok().filter(|range: &f64| range.is_finite() && *range > 0.0);
    Some((range(1)?, range(3)?))
}

/// A measurement that has been started.
struct Begun {
    connection: Connection,
    identity: String,
    ranges: Option<(f64, f64)>,
}

/// Greets the daemon, asks who it is, lets it range by itself and starts a measurement.
fn begin(host: &str, port: u16, again: bool) -> Result<Begun, Refusal> {
    let until = Instant::now() + TIMEOUT;
    let wrong = |cause, what: String| Refusal::new(cause, format!("{host}:{port}: {what}"));
    let mut connection = Connection::open(host, port, until).map_err(|refusal| {
        refusal.with_remedy("start PTDaemon for the analyser, and let this machine through to its port")
    })?;
    let hello = command(&mut connection, "Hello")?;
    if !hello.starts_with("Hello, PTDaemon") {
        return Err(wrong(NoData::Implausible, format!("not a PTDaemon: it says `{}`", shortened(&hello))));
    }
    let identity = command(&mut connection, "Identify")?;
    if identity.contains("mode=temperature") {
        return Err(wrong(NoData::NotSupported, "this PTDaemon reads a thermometer".into())
            .with_remedy("name the port of the one that reads the analyser"));
    }
    // An analyser with fixed ranges refuses this, and measures all the same.
    command(&mut connection, "SR,V,Auto")?;
    command(&mut connection, "SR,A,Auto")?;
    let ranges = ranges(&command(&mut connection, "RR")?);
    if again {
        // The measurement that the lost connection left running would refuse the next one.
        command(&mut connection, "Stop")?;
    }
    let started = command(&mut connection, "Go,1000,0,dawndusk")?;
    if !started.starts_with("Starting") {
        return Err(wrong(NoData::NotSupported, format!("it does not start: `{}`", shortened(&started)))
            .with_remedy("end the measurement that somebody else has started there"));
    }
    Ok(Begun { connection, identity, ranges })
}

fn command(connection: &mut Connection, text: &str) -> Result<String, Refusal> {
    let until = Instant::now() + TIMEOUT;
    connection.send(&format!("{text}\r\n"), until)?;
    connection.line(until)
}

/// The samples since the last question: seconds of the daemon's clock, and power.
fn unread(connection: &mut Connection) -> Result<Vec<(f64, Watts)>, Refusal> {
    let head = command(connection, "RL")?;
    let garbage =
        |line: &str| Refusal::new(NoData::Implausible, format!("PTDaemon answered RL with `{}`", shortened(line)));
    if head.starts_with("No ") || head.starts_with("Insufficient") {
        return Ok(Vec::new());
    }
    let count = head.strip_prefix("Last ").and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
    let count = count.filter(|count| *count <= SAMPLES_MAX).ok_or_else(|| garbage(&head))?;
    let until = Instant::now() + TIMEOUT;
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let line = connection.line(until)?;
        samples.push(super::meter_file::spl_sample(&line).ok_or_else(|| garbage(&line))?);
    }
    Ok(samples)
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
