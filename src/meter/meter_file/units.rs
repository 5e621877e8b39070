//! Units of powers and times, as headers and values name them: `power.draw [W]`, `Power (mW)`, `power_kw`, `57.30 W`.

/// Prefixes and names of a watt, and how many watts it is.
const POWERS: [(&str, f64); 15] = [
    ("uW", 1e-6),
    ("\u{b5}W", 1e-6),
    ("\u{3bc}W", 1e-6),
    ("mW", 1e-3),
    ("mw", 1e-3),
    ("milliwatts", 1e-3),
    ("W", 1.0),
    ("w", 1.0),
    ("watt", 1.0),
    ("watts", 1.0),
    ("Watt", 1.0),
    ("Watts", 1.0),
    ("kW", 1e3),
    ("kw", 1e3),
    ("kilowatts", 1e3),
];

/// Names of times, and how many seconds each is.
const TIMES: [(&str, f64); 8] = [
    ("s", 1.0),
    ("sec", 1.0),
    ("seconds", 1.0),
    ("ms", 1e-3),
    ("us", 1e-6),
    ("\u{b5}s", 1e-6),
    ("ns", 1e-9),
    ("min", 60.0),
];

/// Units that `--meter-unit` takes.
pub const POWER_WORDS: [&str; 4] = ["uW", "mW", "W", "kW"];

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
        let (_, watts) = POWERS.iter().find(|(name, _)| *name == text)?;
        let name = POWER_WORDS.into_iter().zip([1e-6, 1e-3, 1.0, 1e3]).find(|(_, each)| each == watts)?.0;
        Some(PowerUnit { name, watts: *watts })
    }

    /// The unit in which a column of this title is, where the title says so.
    pub(super) fn of_title(title: &str) -> Option<PowerUnit> {
        unit_of(title).and_then(PowerUnit::named)
    }
}

/// Seconds in the unit of a column of times of this title; none where the title has no unit of time.
pub(super) fn time_unit(title: &str) -> Option<f64> {
    let unit = unit_of(title)?;
    TIMES.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds)
}

/// What stands in brackets at the end of a title, or behind its last underscore, comma or blank, or all of it.
fn unit_of(title: &str) -> Option<&str> {
    let title = title.trim();
    let in_brackets = |open: char, close: char| Some(title.strip_suffix(close)?.rsplit_once(open)?.1.trim());
    in_brackets('[', ']').or_else(|| in_brackets('(', ')')).or_else(|| title.rsplit(['_', ',', ' ', '/']).next())
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
        let watts = |title: &str| PowerUnit::of_title(title).map(|unit| unit.watts);
        for title in ["power.draw [W]", "Power (W)", "power_w", "Watts", "w", "Board Power Draw [W]", "load, W"] {
            assert_eq!(watts(title), Some(1.0), "{title}");
        }
        assert_eq!((watts("power_mw"), watts("Power (kW)"), watts("p [mW]")), (Some(1e-3), Some(1e3), Some(1e-3)), "");
        for title in ["power", "state", "power [MW]", "energy_wh", "temperature.gpu", "now"] {
            assert_eq!(watts(title), None, "{title} is no power with a unit");
        }
        let split = |text: &'static str| split_value(text).1.map(|unit| (split_value(text).0, unit.watts));
        assert_eq!(split("57.30 W"), Some(("57.30", 1.0)), "nvidia-smi's");
        assert_eq!(split("1.2kW"), Some(("1.2", 1e3)), "without a blank");
        assert_eq!((split("57.30"), split("unknown"), split("5 V")), (None, None, None), "no unit of power");
        assert_eq!(
            (time_unit("time (ms)"), time_unit("t_s"), time_unit("timestamp")),
            (Some(1e-3), Some(1.0), None),
            ""
        );
    }
}
