//! Times of samples: seconds from any origin, numbers since 1970, or instants.
//!
//! An instant without a zone is read as UTC; the offset of the merge puts it right.

use super::numbers::Decimal;
use crate::units::Seconds;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// From here on a number is an instant, not a time since the meter was started: September 2001 in seconds, and the same
/// number of milliseconds, microseconds and nanoseconds from 1973 on, which in the unit before are the years after 5100.
const UNIX_TIME_FROM: f64 = 1e9;
const SCALES: [(f64, f64); 4] = [(1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (UNIX_TIME_FROM, 1.0)];

/// How loggers write an instant without a zone: Grafana and GPU-Z, nvidia-smi, databases.
const INSTANTS: [&str; 3] = ["%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];

/// What an error says of them.
pub(super) const FORMS: &str = "seconds, or an instant such as 2026-11-22T10:11:12.5Z, 2026-11-22 10:11:12.5 or 2026/11/22 \
                                10:11:12.5";

/// Seconds, and whether they are since 1970. A number is in the unit that the column names, if it names one.
pub(super) fn time(text: &str, decimal: Decimal, unit: Option<f64>) -> Option<(f64, bool)> {
    let text = text.trim();
    if let Some(number) = decimal.number(text) {
        if let Some(unit) = unit {
            let seconds = number * unit;
            return Some((seconds, seconds >= UNIX_TIME_FROM));
        }
        let scale = SCALES.iter().find(|(from, _)| number >= *from);
        return Some((number * scale.map_or(1.0, |(_, scale)| *scale), scale.is_some()));
    }
    instant(text).or_else(|| instant(&text.replacen(',', ".", 1))).map(|at| (since_1970(at).0, true))
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| INSTANTS.iter().find_map(|form| in_utc(form, text)))
}

/// An instant of a clock whose zone nobody tells.
pub(super) fn in_utc(form: &str, text: &str) -> Option<Timestamp> {
    Some(DateTime::strptime(form, text).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Seconds since 1970, to within a microsecond in this century.
pub fn since_1970(at: Timestamp) -> Seconds {
    Seconds(at.as_second() as f64 + f64::from(at.subsec_nanosecond()) * 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_instant_is_read_in_every_form() {
        for text in [
            "2026-11-22T10:00:00.5Z",
            "2026-11-22T11:00:00.5+01:00",
            "2026-11-22 10:00:00.5",
            "2026/11/22 10:00:00.500",
            "2026-11-22 10:00:00,500",
            "2026-11-22T10:00:00.5",
            "1795341600.5",
            "1795341600500",
            "1795341600500000",
        ] {
            let (at, is_instant) = time(text, Decimal::Point, None).unwrap_or_else(|| panic!("{text} is an instant"));
            assert!((at - 1_795_341_600.5).abs() < 1e-3 && is_instant, "{text}: {at}");
        }
        assert_eq!(time("12,5", Decimal::Comma, None), Some((12.5, false)), "seconds");
        assert_eq!(time("2500", Decimal::Point, Some(1e-3)), Some((2.5, false)), "milliseconds by the header");
        for text in ["never", "", "11/22/2026 10:00:00", "10:00:00"] {
            assert_eq!(time(text, Decimal::Point, None), None, "{text:?} is none");
        }
    }
}
