//! Where a file names its units: in titles (`power.draw [W]`, `Power (mW)`, `power_kw`) and behind values (`57.30 W`).

use super::super::unit::{POWER_SYMBOLS, Unit, is_other, time_named};

/// Units that `--meter-unit` takes.
pub const POWER_WORDS: [&str; 4] = POWER_SYMBOLS;

/// What stands in brackets behind times and is no unit of theirs: numbers since 1970.
const EPOCHS: [&str; 4] = ["unix", "epoch", "posix", "unix time"];

/// A unit of power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerUnit {
    /// As it is written.
    pub name: &'static str,
    /// Watts in it.
    pub watts: f64,
}

impl PowerUnit {
    /// The unit of this name; a megawatt is none.
    pub fn named(text: &str) -> Option<PowerUnit> {
        match Unit::row(text)? {
            (name, Unit::Power(watts)) => Some(PowerUnit { name, watts: watts.0 }),
            (_, Unit::Energy(_)) => None,
        }
    }
}

/// What a title says of the unit of its numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said<T> {
    Nothing,
    Unit(T),
    /// The unit of something else.
    Other(String),
    /// Something in brackets that may be a unit or a remark.
    Unknown(String),
}

/// In which unit the powers of this title are.
pub(super) fn power_unit(title: &str) -> Said<PowerUnit> {
    match said(title, PowerUnit::named, |text| Unit::named(text).is_some() || is_other(text)) {
        // `Power (A)` may be the power of phase A.
        Said::Other(text) if text.chars().count() == 1 && bare(title).contains("power") => Said::Unknown(text),
        said => said,
    }
}

/// How many seconds is the unit of numbers among the times of this title.
pub(super) fn time_unit(title: &str) -> Said<f64> {
    let is_other = |text: &str| Unit::named(text).is_some() || is_other(text);
    match said(title, |text| time_named(text).map(|unit| unit.0), is_other) {
        Said::Unknown(text) if EPOCHS.contains(&text.to_ascii_lowercase().as_str()) => Said::Nothing,
        said => said,
    }
}

/// The unit of a title by any of its brackets, or without them by what stands behind its last mark, or all of it.
fn said<T>(title: &str, named: fn(&str) -> Option<T>, is_other: impl Fn(&str) -> bool) -> Said<T> {
    let in_brackets = bracketed(title);
    if let Some(last) = in_brackets.last() {
        let other = in_brackets.iter().find(|text| is_other(text));
        return match (in_brackets.iter().find_map(|text| named(text)), other) {
            (Some(unit), _) => Said::Unit(unit),
            (None, Some(other)) => Said::Other((*other).to_owned()),
            (None, None) => Said::Unknown((*last).to_owned()),
        };
    }
    let last = title.trim().rsplit(['_', ',', ' ', '/', '-', ':']).next().unwrap_or_default();
    match named(last) {
        Some(unit) => Said::Unit(unit),
        // A letter alone may be a phase or a rack.
        None if last.chars().count() > 1 && is_other(last) => Said::Other(last.to_owned()),
        None => Said::Nothing,
    }
}

/// What stands in brackets, each by itself.
fn bracketed(title: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), title);
    while let Some((_, behind)) = rest.split_once(['[', '(']) {
        let Some((inside, after)) = behind.split_once([']', ')']) else { break };
        found.push(inside.trim());
        rest = after;
    }
    found
}

/// A title in small letters, without a mark before it and without its brackets.
pub(super) fn bare(title: &str) -> String {
    let (mut bare, mut rest) = (String::new(), title.trim_start_matches('#'));
    while let Some((before, behind)) = rest.split_once(['[', '(']) {
        let Some((_, after)) = behind.split_once([']', ')']) else { break };
        bare.push_str(before);
        rest = after;
    }
    bare.push_str(rest);
    bare.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

/// A value and the unit behind it, `57.30 W`; a number without one has none.
pub(super) fn split_value(text: &str) -> (&str, Option<PowerUnit>) {
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_alphabetic() || c == '\u{b5}');
    match PowerUnit::named(&text[number.len()..]) {
        Some(unit) => (number.trim_end(), Some(unit)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_found_where_headers_and_values_have_it() {
        let watts = |title: &str| match power_unit(title) {
            Said::Unit(unit) => Some(unit.watts),
            _ => None,
        };
        for title in
            ["power.draw [W]", "Power (W)", "power_w", "Watts", "w", "load, W", "[W] Power", "Power (W) (mean)"]
        {
            assert_eq!(watts(title), Some(1.0), "{title}");
        }
        assert_eq!((watts("power_mw"), watts("Power (kW)"), watts("p-mW")), (Some(1e-3), Some(1e3), Some(1e-3)), "");
        for title in ["power", "state", "temperature.gpu", "now", "phase_a"] {
            assert_eq!(power_unit(title), Said::Nothing, "{title} has none");
        }
        let split = |text: &'static str| split_value(text).1.map(|unit| (split_value(text).0, unit.watts));
        assert_eq!(split("57.30 W"), Some(("57.30", 1.0)), "nvidia-smi's");
        assert_eq!(split("1.2kW"), Some(("1.2", 1e3)), "without a blank");
        assert_eq!((split("57.30"), split("unknown"), split("5 V")), (None, None, None), "no unit of power");
    }

    #[test]
    fn a_unit_of_something_else_is_never_taken_for_one_of_power() {
        for title in
            ["power [MW]", "energy_wh", "energy_kwh", "Voltage (V)", "Apparent Power (VA)", "GPU Temp [C]", "volts"]
        {
            assert!(matches!(power_unit(title), Said::Other(_)), "{title}: {:?}", power_unit(title));
        }
        for (title, text) in [("Power (CPU)", "CPU"), ("Power (A)", "A")] {
            assert_eq!(power_unit(title), Said::Unknown(text.into()), "it may be a unit for all that is known");
        }
        assert_eq!(bare("#Power (CPU) [x] now"), "power now", "brackets are no part of a name");
    }

    #[test]
    fn a_time_is_in_a_unit_that_is_known_or_asked_for() {
        let seconds = |title: &str| match time_unit(title) {
            Said::Unit(unit) => Some(unit),
            _ => None,
        };
        assert_eq!(
            (seconds("time (ms)"), seconds("Time (msec)"), seconds("t_s")),
            (Some(1e-3), Some(1e-3), Some(1.0)),
            ""
        );
        assert_eq!((seconds("time (hours)"), seconds("time [h]")), (Some(3600.0), Some(3600.0)), "");
        assert_eq!((time_unit("timestamp"), time_unit("Time (Unix)")), (Said::Nothing, Said::Nothing), "none is said");
        assert_eq!(time_unit("time (ticks)"), Said::Unknown("ticks".into()), "never seconds");
    }
}
