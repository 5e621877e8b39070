//! The units that meters, their files and people name: one table for all of them.
//!
//! A symbol is taken as it stands, since `mW` and `MW` are not the same; a word (`Watts`, `milliseconds`) in any case.

use crate::units::{JOULES_PER_WATT_HOUR, Joules, Seconds, Watts};

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// A power, in so many watts.
    Power(Watts),
    /// A count of energy, in so many joules.
    Energy(Joules),
}

/// A unit, its symbol, and how else it is written.
type Row = (&'static str, Unit, &'static [&'static str]);

const UNITS: [Row; 10] = [
    ("uW", Unit::Power(Watts(1e-6)), &["\u{b5}W", "\u{3bc}W", "uw", "microwatt", "microwatts"]),
    ("mW", Unit::Power(Watts(1e-3)), &["mw", "milliwatt", "milliwatts"]),
    ("W", Unit::Power(Watts(1.0)), &["w", "watt", "watts"]),
    ("kW", Unit::Power(Watts(1e3)), &["KW", "kw", "kilowatt", "kilowatts"]),
    ("uJ", Unit::Energy(Joules(1e-6)), &["\u{b5}J", "\u{3bc}J", "uj", "microjoule", "microjoules"]),
    ("mJ", Unit::Energy(Joules(1e-3)), &["mj", "millijoule", "millijoules"]),
    ("J", Unit::Energy(Joules(1.0)), &["j", "joule", "joules"]),
    ("kJ", Unit::Energy(Joules(1e3)), &["KJ", "kj", "kilojoule", "kilojoules"]),
    ("Wh", Unit::Energy(Joules(JOULES_PER_WATT_HOUR)), &["wh", "watthours", "watt-hours"]),
    (
        "kWh",
        Unit::Energy(Joules(1e3 * JOULES_PER_WATT_HOUR)),
        &["KWh", "KWH", "kwh", "kilowatthours", "kilowatt-hours"],
    ),
];

/// The symbols, for messages.
pub const SYMBOLS: &str = "uW, mW, W, kW, uJ, mJ, J, kJ, Wh or kWh";

/// Symbols of the powers among them.
pub const POWER_SYMBOLS: [&str; 4] = ["uW", "mW", "W", "kW"];

/// Seconds of a time, its symbol, and how else it is written. An `m` alone is no time: it may be a metre.
const TIMES: [(&str, f64, &[&str]); 7] = [
    ("ns", 1e-9, &["nsec", "nanosecond", "nanoseconds"]),
    ("us", 1e-6, &["\u{b5}s", "\u{3bc}s", "usec", "microsecond", "microseconds"]),
    ("ms", 1e-3, &["msec", "msecs", "millis", "millisecond", "milliseconds"]),
    ("s", 1.0, &["sec", "secs", "second", "seconds"]),
    ("min", 60.0, &["mins", "minute", "minutes"]),
    ("h", 3600.0, &["hr", "hrs", "hour", "hours"]),
    ("d", 86_400.0, &["day", "days"]),
];

/// Symbols of the times, for messages.
pub const TIME_SYMBOLS: &str = "ns, us, ms, s, min, h and d";

/// Units of what is neither a power nor an energy that is read here: of electricity, heat, rates and data, and powers of a
/// whole plant.
const OTHERS: [&str; 44] = [
    "V", "mV", "kV", "volt", "volts", "A", "mA", "kA", "amp", "amps", "ampere", "amperes", "VA", "kVA", "MVA", "var",
    "kvar", "ohm", "Ah", "mAh", "Hz", "kHz", "MHz", "GHz", "C", "\u{b0}C", "F", "\u{b0}F", "K", "celsius", "kelvin",
    "%", "percent", "rpm", "MW", "GW", "MWh", "MJ", "hp", "BTU/h", "B", "MB", "GB", "MiB",
];

/// From so many letters on a name is a word; no two symbols of so many differ by their case alone.
const WORD: usize = 4;

fn is_named(symbol: &str, others: &[&str], text: &str) -> bool {
    let is_word = text.len() >= WORD;
    text == symbol || others.iter().any(|name| *name == text || (is_word && name.eq_ignore_ascii_case(text)))
}

impl Unit {
    /// The unit of this name.
    pub fn named(text: &str) -> Option<Unit> {
        Unit::row(text).map(|(_, unit)| unit)
    }

    /// The unit of this name, and its symbol.
    pub(super) fn row(text: &str) -> Option<(&'static str, Unit)> {
        let row = UNITS.iter().find(|(symbol, _, others)| is_named(symbol, others, text));
        row.map(|(symbol, unit, _)| (*symbol, *unit))
    }
}

/// The time of this name.
pub(super) fn time_named(text: &str) -> Option<Seconds> {
    let small = text.to_ascii_lowercase();
    TIMES.iter().find(|(symbol, _, others)| is_named(symbol, others, &small)).map(|(_, seconds, _)| Seconds(*seconds))
}

/// Whether `text` names a unit of something else, in any case.
pub(super) fn is_other(text: &str) -> bool {
    OTHERS.iter().any(|other| other.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_knows_every_unit_by_symbol_and_word() {
        let watts = |text: &str| match Unit::named(text) {
            Some(Unit::Power(watts)) => Some(watts.0),
            _ => None,
        };
        let joules = |text: &str| match Unit::named(text) {
            Some(Unit::Energy(joules)) => Some(joules.0),
            _ => None,
        };
        for (text, size) in [("uW", 1e-6), ("mW", 1e-3), ("W", 1.0), ("Watts", 1.0), ("WATTS", 1.0), ("kw", 1e3)] {
            assert_eq!((watts(text), joules(text)), (Some(size), None), "{text}");
        }
        for (text, size) in [("uJ", 1e-6), ("J", 1.0), ("Joules", 1.0), ("Wh", 3600.0), ("kWh", 3.6e6)] {
            assert_eq!((watts(text), joules(text)), (None, Some(size)), "{text}");
        }
        for text in ["MW", "MJ", "V", "VA", "", "hp", "Mw"] {
            assert_eq!(Unit::named(text), None, "{text} is none");
        }
        let symbols: Vec<&str> = UNITS.iter().map(|(symbol, _, _)| *symbol).collect();
        assert_eq!(symbols.join(", ").replace(", kWh", " or kWh"), SYMBOLS, "a message names all of them");
        let powers = |symbol: &&str| watts(symbol).is_some();
        assert_eq!(symbols.iter().copied().filter(powers).collect::<Vec<_>>(), POWER_SYMBOLS, "and the powers");
        let times: Vec<&str> = TIMES.iter().map(|(symbol, _, _)| *symbol).collect();
        assert_eq!(times.join(", ").replace(", d", " and d"), TIME_SYMBOLS, "and the times");
    }

    #[test]
    fn a_time_is_known_by_every_usual_name_and_no_other() {
        for (text, size) in [("ms", 1e-3), ("msec", 1e-3), ("Hours", 3600.0), ("h", 3600.0), ("S", 1.0), ("min", 60.0)]
        {
            assert_eq!(time_named(text), Some(Seconds(size)), "{text}");
        }
        for text in ["", "m", "ticks", "UTC", "W"] {
            assert_eq!(time_named(text), None, "{text} is none");
        }
    }

    #[test]
    fn what_is_measured_in_volts_or_degrees_is_no_power() {
        for text in ["V", "volts", "VA", "kva", "MW", "\u{b0}C", "%"] {
            assert!(is_other(text) && Unit::named(text).is_none(), "{text}");
        }
        assert!(!is_other("CPU") && !is_other("W"), "a name, and a power");
    }
}
