//! A program of the user's own that prints a number a line: the door to every sensor for which there is a command.
//!
//! | line | is |
//! |---|---|
//! | `81.5` | in the unit that was said (`exec,unit=W:COMMAND`) |
//! | `power_w=81.5` | a power, integrated between lines by the times at which they come |
//! | `energy_j=4711.5` | a count of energy that rises |
//! | both, with a space between | the energy counts, the power is shown |
//!
//! The first good line says which of them the program gives. Empty lines are passed over; any other line, and one that is too
//! long or cut, is a look that brought nothing. A silence of [`GAP_PERIODS`] periods is [`NoData::Timeout`], the program's end [`NoData::Ended`].

use super::channel::{Channel, Sample, Sensor, Value};
use super::doors::Exec as ExecAddress;
use super::integral::GAP_PERIODS;
use super::probe::Refusal;
use super::program::{End, Program};
use super::program_lines::{LINE_MAX, Line};
use super::settings::{Settings, Steps, Unit, microjoules};
use crate::reading::NoData;
use crate::units::{Joules, Seconds, Watts};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

/// The first line is waited for so long, and for three periods at least: a program has to start.
const FIRST_LINE: Seconds = Seconds(5.0);

/// After the last line a program has so long to end, before it is told how it did.
const LAST_BREATH: Duration = Duration::from_millis(200);

/// The cost of the program is asked for no more often: it takes a few files.
const COST_PERIOD: Duration = Duration::from_secs(1);

/// What a program says of its troubles, behind a sentence.
fn told(trouble: &str) -> String {
    if trouble.is_empty() { String::new() } else { format!("; it says: {trouble}") }
}

/// What a line says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Said {
    power: Option<Watts>,
    energy: Option<Joules>,
}

/// A program under way.
pub struct Exec {
    program: Program,
    settings: Settings,
    /// What its first good line was: whether it has a power and an energy.
    kind: (bool, bool),
    last_line: Instant,
    steps: Steps,
    /// Its CPU time, and when that was asked for.
    cost: (Instant, Option<Seconds>),
    /// The line by which it was opened.
    untold: Option<Line>,
}

/// How long the first line of such a program is waited for.
pub(super) fn first_line(settings: &Settings) -> Seconds {
    FIRST_LINE.max(settings.period * 3.0)
}

impl Exec {
    /// Starts the program as the source `name` and waits for its first good line.
    ///
    /// # Errors
    /// Why there is none.
    pub fn open(name: &str, address: &ExecAddress) -> Result<Channel<Exec>, Refusal> {
        let started = Program::start(&address.command, &address.variables);
        let program =
            started.map_err(|error| Refusal::new(NoData::NotSupported, format!("it does not start: {error}")))?;
        let settings = address.settings.clone();
        let cost = (Instant::now(), program.cpu_time());
        let mut exec = Exec {
            program,
            settings,
            kind: (false, false),
            last_line: Instant::now(),
            steps: Steps::default(),
            cost,
            untold: None,
        };
        let said = exec.await_first()?;
        let settings = &address.settings;
        exec.kind = (said.power.is_some(), said.energy.is_some());
        let (quantities, kind) = match exec.kind {
            (true, true) => {
                (vec![settings.counter(), settings.power().shown()], "its energy, counted, beside its power")
            }
            (false, true) => (vec![settings.counter()], "its energy, counted"),
            _ => (vec![settings.power()], "its power, integrated"),
        };
        let whose = match &address.profile {
            Some(profile) => format!("a program by the profile {profile}"),
            None => "a program of the user's own".to_owned(),
        };
        let cost = if exec.cost.1.is_some() { "" } else { "; what it costs is not known here" };
        let source = settings.source(name, &format!("{whose}, a number a line: {kind}{cost}"));
        let period = settings.period * 0.5;
        Ok(Channel::new(source, exec, quantities).polled_every(period))
    }

    fn await_first(&mut self) -> Result<Said, Refusal> {
        let patience = first_line(&self.settings);
        let until = Instant::now() + Duration::try_from_secs_f64(patience.0).unwrap_or_default();
        let mut last: Option<String> = None;
        loop {
            let bad = last.as_ref().map(|line| format!("; its last line was {line}")).unwrap_or_default();
            match self.program.lines.take_before(until) {
                Ok(line) if line.text.is_empty() && line.is_whole => {}
                Ok(line) => match said_by(&line, &self.settings) {
                    Ok(said) => {
                        self.last_line = line.came;
                        self.untold = Some(line);
                        return Ok(said);
                    }
                    Err(()) => last = Some(shown(&line)),
                },
                Err(RecvTimeoutError::Timeout) if last.is_some() => {
                    let unit =
                        if self.settings.unit.is_none() { "; for plain numbers say exec,unit=W:COMMAND" } else { "" };
                    return Err(Refusal::new(NoData::Implausible, format!("no line of it is a number{bad}"))
                        .with_remedy(format!("let it print power_w=NUMBER or energy_j=NUMBER a line{unit}")));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let trouble = told(&self.program.trouble());
                    return Err(Refusal::new(NoData::Timeout, format!("it printed no line in {patience}{trouble}"))
                        .with_remedy(
                            "let it print a line each period and not hold lines back (such as `stdbuf -oL COMMAND`)",
                        ));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.refused_by_its_end(&bad)),
            }
        }
    }

    /// Why there is no meter where the program is at its end.
    fn refused_by_its_end(&mut self, bad: &str) -> Refusal {
        let end = self.end();
        let how = end.map_or_else(|| "its output, and goes on without".to_owned(), |end| end.to_string());
        let detail = format!("the program ended {how}{bad}{}", told(&self.program.last_trouble(LAST_BREATH)));
        match end {
            Some(end) if end.is_missing() => Refusal::new(NoData::NotSupported, detail)
                .with_remedy("install the program that it needs, or name it by its path"),
            _ => Refusal::new(NoData::Ended, detail).with_remedy(
                "it has to go on and print a line each period: such as `while :; do COMMAND; sleep 1; done`",
            ),
        }
    }

    /// How it ended; none where only its output did.
    fn end(&mut self) -> Option<End> {
        let asked = Instant::now();
        loop {
            match self.program.ended() {
                Some(end) => return Some(end),
                None if asked.elapsed() > LAST_BREATH => return None,
                None => std::thread::sleep(LAST_BREATH / 20),
            }
        }
    }

    /// The samples of a line that came at `at`.
    fn samples_of(&mut self, at: Seconds, line: &Line) -> Vec<Sample> {
        let Ok(Said { power, energy }) = said_by(line, &self.settings) else {
            return vec![Sample::new(0, at, Err(NoData::Implausible))];
        };
        let power = power.map(Value::Power).ok_or(NoData::Implausible);
        let count = energy.ok_or(NoData::Implausible).and_then(microjoules);
        let mut counted =
            || count.map_or_else(|cause| Sample::new(0, at, Err(cause)), |count| self.steps.sample(at, count));
        match self.kind {
            (true, true) => vec![counted(), Sample::new(1, at, power)],
            (false, true) => vec![counted()],
            _ => vec![Sample::new(0, at, power)],
        }
    }
}

impl Sensor for Exec {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let here = Instant::now();
        if here.saturating_duration_since(self.cost.0) >= COST_PERIOD {
            self.cost = (here, self.program.cpu_time());
        }
        let mut samples = Vec::new();
        let has_ended = loop {
            let line = match self.untold.take().map_or_else(|| self.program.lines.try_take(), Ok) {
                Ok(line) => line,
                Err(end) => break end == TryRecvError::Disconnected,
            };
            if line.text.is_empty() && line.is_whole {
                continue;
            }
            self.last_line = line.came;
            let at = now - Seconds(here.saturating_duration_since(line.came).as_secs_f64());
            samples.extend(self.samples_of(at, &line));
        };
        let silence = Seconds(here.saturating_duration_since(self.last_line).as_secs_f64());
        let is_silent = silence > self.settings.period * GAP_PERIODS;
        match has_ended {
            // What it said last is still told, unless that was long ago.
            true if samples.is_empty() || is_silent => Err(NoData::Ended),
            false if is_silent => Err(NoData::Timeout),
            _ => Ok(samples),
        }
    }

    fn cpu_time(&self) -> Option<Seconds> {
        self.cost.1
    }
}

/// The beginning of a line for people, and what is wrong with its length.
fn shown(line: &Line) -> String {
    let text: String = line.text.chars().filter(|c| !c.is_control()).take(80).collect();
    match (line.is_whole, line.text.len() < LINE_MAX) {
        (true, _) => format!("`{text}`"),
        (false, true) => format!("`{text}`, without its end"),
        (false, false) => format!("`{text}`..., longer than {LINE_MAX} bytes"),
    }
}

/// What a line says, by the settings; one that is cut may show another number than it was.
fn said_by(line: &Line, settings: &Settings) -> Result<Said, ()> {
    if line.is_whole { said(&line.text, settings) } else { Err(()) }
}

/// The same of its text.
fn said(text: &str, settings: &Settings) -> Result<Said, ()> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or(());
    let mut said = Said::default();
    for word in text.split_whitespace() {
        let (unit, value) = match word.split_once('=') {
            Some(("power_w", value)) => (Unit::Power(Watts(1.0)), value),
            Some(("energy_j", value)) => (Unit::Energy(Joules(1.0)), value),
            Some(_) => return Err(()),
            None => (settings.unit.ok_or(())?, word),
        };
        let value = number(value)? * settings.factor;
        let is_told_twice = match unit {
            Unit::Power(unit) => said.power.replace(unit * value).is_some(),
            Unit::Energy(unit) => said.energy.replace(unit * value).is_some(),
        };
        if is_told_twice {
            return Err(());
        }
    }
    if said == Said::default() { Err(()) } else { Ok(said) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_plain_number_or_names_what_it_says() {
        let mut milliwatts = Settings::default();
        milliwatts.unit = Some(Unit::Power(Watts(1e-3)));
        let power = |watts| Ok(Said { power: Some(Watts(watts)), energy: None });
        assert_eq!(said("81500", &milliwatts), power(81.5), "in the unit that was said");
        assert_eq!(said("power_w=81.5", &milliwatts), power(81.5), "in watts, whatever was said");
        assert_eq!(said("energy_j=12", &Settings::default()).map(|said| said.energy), Ok(Some(Joules(12.0))), "energy");
        let both = Said { power: Some(Watts(2.0)), energy: Some(Joules(5.0)) };
        assert_eq!(said("power_w=2 energy_j=5", &Settings::default()), Ok(both), "both");
        for bad in ["", "81.5 W", "nan", "watts=3", "power_w=", "power_w=1 power_w=2", "81,5"] {
            assert_eq!(said(bad, &milliwatts), Err(()), "{bad}");
        }
        assert_eq!(said("81.5", &Settings::default()), Err(()), "a number without a unit is none");
    }
}
