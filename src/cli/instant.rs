//! Dates on the command line: a day, which begins at 00:00 UTC, or an instant.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::ops::RangeInclusive;

/// The years for which the closed-form Sun of the Astronomical Almanac is good.
const YEARS: RangeInclusive<i16> = 1950..=2049;

/// Reads a day such as 2027-01-01 or an instant such as 2027-01-01T12:00:00Z.
///
/// # Errors
/// A sentence that says what may stand there.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    let midnight = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let parsed = text.parse::<Timestamp>().ok().or_else(|| text.parse::<Date>().ok().and_then(midnight));
    let Some(instant) = parsed else {
        return Err("it must be a day such as 2027-01-01 or an instant such as 2027-01-01T12:00:00Z".to_owned());
    };
    match YEARS.contains(&instant.to_zoned(TimeZone::UTC).year()) {
        true => Ok(instant),
        false => Err("the closed-form Sun is good for the years 1950 to 2049".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        assert_eq!(instant("2027-01-01"), instant("2027-01-01T00:00:00Z"), "the same instant");
        assert_eq!(instant("2027-01-01T02:00:00+02:00"), instant("2027-01-01"), "an offset is heeded");
    }

    #[test]
    fn what_is_no_date_or_beyond_the_almanac_is_refused() {
        for text in ["", "yesterday", "2027-02-30", "2027-01-01T25:00:00Z", "1949-12-31", "2050-01-01T00:00:00Z"] {
            assert!(instant(text).is_err(), "{text:?} is refused");
        }
    }
}
