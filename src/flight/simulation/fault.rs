//! What can go wrong in a simulated flight, and when: `NAME[=VALUE]@START[+DURATION]`, in simulated seconds.
//!
//! | fault | value (default) | what happens |
//! |---|---|---|
//! | `nan` | | readings are no numbers |
//! | `zero` | | the power reads 0 W, the counter does not answer |
//! | `stuck` | | new readings, but always the last value |
//! | `silent` | | no new reading |
//! | `counter-reset` | | the energy counter begins again at zero; an instant |
//! | `counter-lost` | | the counter is lost and begins again at zero afterwards: what is left of a wrap whose range the meter does not know. A wrap of known range is mended by the meter, and no reading shows it |
//! | `gain` | factor (1.2) | the sensor shows so many times what it showed |
//! | `stamps` | seconds (3600) | readings are stamped so much late, or early if negative: a source that stamps by the wall clock, and the wall clock steps. Nothing else in a flight looks at the wall clock |
//! | `clock` | seconds (3600) | the monotonic clock leaps forward, as some do over a suspend; an instant |
//! | `suspend` | | nothing runs: no tick, no reading, no batch. The machine draws idle power and the satellite flies on |
//! | `load` | factor (1.4) | an item of work costs so many times the energy above idle |
//! | `starved` | | there is no work to admit |
//! | `cap` | share left (0.5) | the limit on the compute falls |
//! | `array` | share lost (0.2) | strings of the solar array are lost |
//! | `radiator` | share lost (0.2) | panels of the radiator are lost: they neither emit nor absorb |
//! | `forecast` | factor (1.1) | the array in the forecast, over the array as flown |
//!
//! Without a duration a fault lasts to the end. Several may be active at once; factors of the same kind
//! multiply. The seconds of `stamps` and `clock` are the machine's.

use crate::envelope::Condition;
use crate::units::Seconds;
use std::fmt;
use std::str::FromStr;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Readings are no numbers.
    NotANumber,
    /// 0 W.
    Zero,
    /// Always the same value.
    Stuck,
    /// No new reading.
    Silent,
    /// The counter begins again.
    CounterReset,
    /// The counter is lost, and begins again afterwards.
    CounterLost,
    /// The sensor's gain changes by a factor.
    Gain,
    /// Readings carry wrong times.
    Stamps,
    /// The monotonic clock leaps.
    Clock,
    /// Nothing runs.
    Suspend,
    /// Work costs more.
    Load,
    /// No work.
    Starved,
    /// The compute's limit falls.
    Cap,
    /// Part of the array is lost.
    Array,
    /// Part of the radiator is lost.
    Radiator,
    /// The forecast of the array is wrong.
    Forecast,
}

/// What a kind is called, and the value it takes.
#[derive(Clone, Copy, Debug)]
struct Form {
    kind: FaultKind,
    name: &'static str,
    /// Default, lowest and highest.
    value: Option<(f64, f64, f64)>,
    /// Has no duration.
    instant: bool,
}

const fn form(kind: FaultKind, name: &'static str) -> Form {
    Form { kind, name, value: None, instant: false }
}

const fn valued(kind: FaultKind, name: &'static str, default: f64, low: f64, high: f64) -> Form {
    Form { kind, name, value: Some((default, low, high)), instant: false }
}

/// Every kind, in the order of the table above.
const FORMS: [Form; 16] = [
    form(FaultKind::NotANumber, "nan"),
    form(FaultKind::Zero, "zero"),
    form(FaultKind::Stuck, "stuck"),
    form(FaultKind::Silent, "silent"),
    Form { instant: true, ..form(FaultKind::CounterReset, "counter-reset") },
    form(FaultKind::CounterLost, "counter-lost"),
    valued(FaultKind::Gain, "gain", 1.2, 0.1, 10.0),
    valued(FaultKind::Stamps, "stamps", 3600.0, -1e6, 1e6),
    Form { instant: true, ..valued(FaultKind::Clock, "clock", 3600.0, 0.0, 1e6) },
    form(FaultKind::Suspend, "suspend"),
    valued(FaultKind::Load, "load", 1.4, 1.0, 10.0),
    form(FaultKind::Starved, "starved"),
    valued(FaultKind::Cap, "cap", 0.5, 0.0, 1.0),
    valued(FaultKind::Array, "array", 0.2, 0.0, 1.0),
    valued(FaultKind::Radiator, "radiator", 0.2, 0.0, 0.99),
    valued(FaultKind::Forecast, "forecast", 1.1, 0.1, 10.0),
];

impl FaultKind {
    fn form(self) -> &'static Form {
        // The forms stand in the order of the kinds; a unit test holds them to it.
        &FORMS[self as usize]
    }

    /// Whether work gets dearer by it or stops, of which the spacecraft knows nothing.
    pub fn is_of_work(self) -> bool {
        matches!(self, Self::Load | Self::Suspend | Self::Starved)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.form().name
    }
}

/// A fault of a flight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How far; see the table above. Nothing for kinds without a value.
    pub value: f64,
    /// From when on, simulated seconds.
    pub start: Seconds,
    /// For how long, simulated seconds. None: to the end.
    pub duration: Option<Seconds>,
}

/// A text that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "fault `{text}`: {reason}; expected NAME[=VALUE]@START[+DURATION] in simulated seconds, NAME one of {}",
    names()
)]
pub struct FaultError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Every name with the range of its value.
fn names() -> String {
    let name = |form: &Form| match form.value {
        Some((default, low, high)) => format!("{}={low}..{high} ({default})", form.name),
        None => form.name.to_owned(),
    };
    FORMS.iter().map(name).collect::<Vec<_>>().join(", ")
}

impl Fault {
    /// A fault of this kind with its default value, from `start` on.
    pub fn new(kind: FaultKind, start: Seconds, duration: Option<Seconds>) -> Fault {
        Fault { kind, value: kind.form().value.map_or(0.0, |(default, ..)| default), start, duration }
    }

    /// Why it cannot be flown, if it cannot.
    pub fn flaw(&self) -> Option<String> {
        let form = self.kind.form();
        let times = [Some(self.start), self.duration].into_iter().flatten();
        if times.into_iter().any(|time| !(time.is_finite() && time.0 >= 0.0)) {
            return Some("times must be finite and at least 0 s".to_owned());
        }
        if form.instant && self.duration.is_some() {
            return Some(format!("`{}` is an instant and takes no duration", form.name));
        }
        let (_, low, high) = form.value?;
        let fits = (low..=high).contains(&self.value);
        (!fits).then(|| format!("value {} must lie within {low} to {high}", self.value))
    }

    /// Whether it has begun at simulated time `now` and not ended.
    pub fn is_active(&self, now: Seconds) -> bool {
        self.has_begun(now) && self.end().is_none_or(|end| now < end)
    }

    fn has_begun(&self, now: Seconds) -> bool {
        now >= self.start
    }

    fn end(&self) -> Option<Seconds> {
        self.duration.map(|duration| self.start + duration)
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Fault, FaultError> {
        let refuse = |reason: String| FaultError { text: text.to_owned(), reason };
        let number =
            |part: &str, what: &str| part.parse::<f64>().map_err(|_| refuse(format!("{what} `{part}` is no number")));
        let (what, when) = text.split_once('@').ok_or_else(|| refuse("no @START".to_owned()))?;
        let (name, value) = what.split_once('=').map_or((what, None), |(name, value)| (name, Some(value)));
        let form = FORMS.iter().find(|form| form.name == name);
        let form = form.ok_or_else(|| refuse(format!("unknown name `{name}`")))?;
        // An exponent may have a sign: 1e+3 is a start, not a start and a duration.
        let split = when.char_indices().find(|(at, c)| *c == '+' && !when[..*at].ends_with(['e', 'E']));
        let (start, duration) = match split {
            Some((at, _)) => (&when[..at], Some(number(&when[at + 1..], "duration")?)),
            None => (when, None),
        };
        let mut fault = Fault::new(form.kind, Seconds(number(start, "start")?), duration.map(Seconds));
        match value {
            Some(_) if form.value.is_none() => return Err(refuse(format!("`{name}` takes no value"))),
            Some(value) => fault.value = number(value, "value")?,
            None => {}
        }
        fault.flaw().map_or(Ok(fault), |reason| Err(refuse(reason)))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if self.kind.form().value.is_some() {
            write!(f, "={}", self.value)?;
        }
        write!(f, "@{}", self.start.0)?;
        self.duration.map_or(Ok(()), |duration| write!(f, "+{}", duration.0))
    }
}

/// The faults of a flight, asked at a simulated time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults<'a>(pub(super) &'a [Fault]);

impl<'a> Faults<'a> {
    fn active(self, kind: FaultKind, now: Seconds) -> impl Iterator<Item = &'a Fault> {
        self.0.iter().filter(move |fault| fault.kind == kind && fault.is_active(now))
    }

    /// Whether one of this kind is active.
    pub(super) fn any(self, kind: FaultKind, now: Seconds) -> bool {
        self.active(kind, now).next().is_some()
    }

    /// The product of the values of this kind.
    pub(super) fn factor(self, kind: FaultKind, now: Seconds) -> f64 {
        self.active(kind, now).map(|fault| fault.value).product()
    }

    /// The sum of the values of this kind, in seconds.
    pub(super) fn shift(self, kind: FaultKind, now: Seconds) -> Seconds {
        Seconds(self.active(kind, now).map(|fault| fault.value).sum())
    }

    /// How many of this kind have begun, and how many have ended.
    pub(super) fn count(self, kind: FaultKind, now: Seconds) -> (usize, usize) {
        let of = || self.0.iter().filter(|fault| fault.kind == kind);
        let begun = of().filter(|fault| fault.has_begun(now)).count();
        (begun, of().filter(|fault| fault.end().is_some_and(|end| now >= end)).count())
    }

    /// When the next one begins or ends.
    pub(super) fn next_edge(self, now: Seconds) -> Seconds {
        let edges = self.0.iter().flat_map(|fault| [Some(fault.start), fault.end()].into_iter().flatten());
        edges.filter(|edge| *edge > now).fold(Seconds(f64::INFINITY), Seconds::min)
    }

    /// What becomes of the satellite, by simulated time.
    pub(super) fn conditions(self) -> Vec<(Seconds, Condition)> {
        let edges = self.0.iter().flat_map(|fault| [Some(fault.start), fault.end()]).flatten();
        let mut times: Vec<Seconds> = std::iter::once(Seconds::ZERO).chain(edges).collect();
        times.sort_by(|one, two| one.0.total_cmp(&two.0));
        let mut conditions: Vec<(Seconds, Condition)> = Vec::new();
        for time in times {
            let condition = self.condition(time);
            if conditions.last().map_or(Condition::SOUND, |(_, last)| *last) != condition {
                conditions.push((time, condition));
            }
        }
        conditions
    }

    /// What they leave of the satellite.
    pub(super) fn condition(self, now: Seconds) -> Condition {
        let left = |kind| self.active(kind, now).map(|fault| 1.0 - fault.value).product();
        Condition {
            array: left(FaultKind::Array),
            radiator: left(FaultKind::Radiator),
            compute: self.factor(FaultKind::Cap, now),
            forecast: self.factor(FaultKind::Forecast, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_from_its_own_words() {
        for (at, form) in FORMS.iter().enumerate() {
            assert_eq!(form.kind as usize, at, "{} stands in its place", form.name);
            let duration = (!form.instant).then_some(Seconds(30.0));
            let fault = Fault::new(form.kind, Seconds(100.5), duration);
            assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault), "{fault}");
        }
    }

    #[test]
    fn an_exponent_is_no_duration() {
        let fault: Fault = "nan@1e+3+20".parse().expect("a fault");
        assert_eq!((fault.start, fault.duration), (Seconds(1000.0), Some(Seconds(20.0))), "{fault}");
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_names_and_ranges() {
        for text in
            ["", "nan", "nan@", "naan@5", "nan=1@5", "load=0.5@5", "load=x@5", "silent@-1", "clock@5+1", "cap@5+nan"]
        {
            let message = text.parse::<Fault>().expect_err("no fault").to_string();
            for part in [text, "counter-reset", "load=1..10 (1.4)", "@START"] {
                assert!(message.contains(part), "`{message}` holds `{part}`");
            }
        }
    }
}
