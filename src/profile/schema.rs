//! Holds a TOML table against a table of keys, so that a message can name file, key and allowed range.

use super::error::{ProfileError, one_line};
use super::satellite::local_time_h;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::fmt;
use toml::{Table, Value};

/// A key and what it may be.
pub(super) struct Key {
    /// `section.key`, or `key` at the top.
    pub(super) path: &'static str,
    pub(super) allowed: Allowed,
    pub(super) required: bool,
}

/// What a value may be.
pub(super) enum Allowed {
    /// A finite number; `without_low` leaves `low` itself out.
    Number { low: f64, high: f64, without_low: bool },
    /// A whole number, both ends included.
    Whole { low: i64, high: i64 },
    /// One of these words.
    Word(&'static [&'static str]),
    /// One line of text, not empty.
    Text,
    /// A local time `"HH:MM"`.
    LocalTime,
    /// A UTC instant in the span of the closed-form Sun.
    Instant,
    /// A day.
    Date,
}

/// The Almanac's closed-form Sun holds for these years.
const YEARS: std::ops::Range<i16> = 1950..2050;

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { low, high, without_low: false } => write!(f, "a number from {low} to {high}"),
            Self::Number { low, high, without_low: true } => write!(f, "a number over {low}, up to {high}"),
            Self::Whole { low, high } => write!(f, "a whole number from {low} to {high}"),
            Self::Word(words) => write!(f, "\"{}\"", words.join("\" or \"")),
            Self::Text => f.write_str("one line of text"),
            Self::LocalTime => f.write_str("a local time from \"00:00\" to \"23:59\", such as \"06:00\""),
            Self::Instant => write!(
                f,
                "a UTC instant such as \"2027-12-22T00:00:00Z\", from the year {} to {}",
                YEARS.start,
                YEARS.end - 1
            ),
            Self::Date => f.write_str("a day such as \"2027-12-22\""),
        }
    }
}

impl Allowed {
    fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Number { low, high, without_low } => number(value)
                .is_some_and(|number| number <= *high && if *without_low { number > *low } else { number >= *low }),
            Self::Whole { low, high } => value.as_integer().is_some_and(|number| (low..=high).contains(&&number)),
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Text => value.as_str().is_some_and(|text| !text.trim().is_empty() && !text.contains('\n')),
            Self::LocalTime => value.as_str().and_then(local_time_h).is_some(),
            Self::Instant => value
                .as_str()
                .and_then(|text| text.parse::<Timestamp>().ok())
                .is_some_and(|instant| YEARS.contains(&instant.to_zoned(TimeZone::UTC).year())),
            Self::Date => value.as_str().is_some_and(|text| text.parse::<Date>().is_ok()),
        }
    }
}

/// A number, whether it is written `650` or `650.0`. NaN and infinities pass here and fail every range.
pub(super) fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

/// Where the keys of a table come from, for messages.
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    /// Keys that a `--set` gave.
    pub(super) overridden: Vec<String>,
}

impl Place<'_> {
    /// The file, and the override of the first of these keys that has one.
    pub(super) fn of(&self, keys: &[&str]) -> String {
        match keys.iter().find(|&&key| self.overridden.iter().any(|path| path == key)) {
            Some(key) => format!("{} with --set {key}", self.file),
            None => self.file.to_owned(),
        }
    }
}

/// Refuses the first unknown, missing, ill-typed or impossible value of `table`. Keys that are tables or lists for
/// someone else to look into are named in `elsewhere`; `prefix` stands before the keys in messages.
pub(super) fn check(
    table: &Table,
    keys: &[Key],
    elsewhere: &[&str],
    prefix: &str,
    place: &Place<'_>,
) -> Result<(), ProfileError> {
    for (name, value) in table {
        if elsewhere.contains(&name.as_str()) || is_key(name, keys) {
            continue;
        }
        if !is_section(name, keys) {
            return Err(unknown(&format!("{prefix}{name}"), keys, place));
        }
        let Some(section) = value.as_table() else {
            let allowed = format!("a table [{name}]");
            return Err(refused(place, name, value, &allowed));
        };
        for inner in section.keys() {
            let path = format!("{name}.{inner}");
            if !is_key(&path, keys) {
                return Err(unknown(&path, keys, place));
            }
        }
    }
    for key in keys {
        match find(table, key.path) {
            None if key.required => {
                let key_path = format!("{prefix}{}", key.path);
                let allowed = key.allowed.to_string();
                return Err(ProfileError::missing(place.file, &key_path, &allowed));
            }
            Some(value) if !key.allowed.holds(value) => {
                let key_path = format!("{prefix}{}", key.path);
                return Err(refused(place, &key_path, value, &key.allowed.to_string()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The value at `section.key` or `key`.
pub(super) fn find<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((section, key)) => table.get(section)?.as_table()?.get(key),
        None => table.get(path),
    }
}

/// Sections of `keys`, or the keys themselves where they stand at the top, in order.
pub(super) fn sections(keys: &[Key]) -> Vec<&'static str> {
    let mut names: Vec<&str> = keys.iter().map(|key| key.path.split('.').next().unwrap_or(key.path)).collect();
    names.dedup();
    names
}

fn is_key(path: &str, keys: &[Key]) -> bool {
    keys.iter().any(|key| key.path == path)
}

fn is_section(name: &str, keys: &[Key]) -> bool {
    keys.iter().any(|key| key.path.split_once('.').is_some_and(|(section, _)| section == name))
}

fn refused(place: &Place<'_>, key: &str, value: &Value, allowed: &str) -> ProfileError {
    let found = match value {
        Value::String(text) => format!("{text:?}"),
        Value::Table(_) => "a table".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => other.to_string(),
    };
    ProfileError::refused(place.of(&[key]), key, one_line(&found), allowed)
}

/// An unknown key, with the nearest one and those of its section.
pub(super) fn unknown(path: &str, keys: &[Key], place: &Place<'_>) -> ProfileError {
    let nearest = keys.iter().map(|key| key.path).min_by_key(|known| distance(path, known)).unwrap_or_default();
    let section = path.split_once('.').map(|(section, _)| section).filter(|name| is_section(name, keys));
    let known = match section {
        Some(section) => {
            let inside = keys.iter().filter_map(|key| key.path.strip_prefix(section)?.strip_prefix('.'));
            format!("known keys in [{section}]: {}", inside.collect::<Vec<_>>().join(", "))
        }
        None => format!("known here: {}", sections(keys).join(", ")),
    };
    ProfileError::new(place.of(&[path]), format!("unknown key {}; nearest: {nearest}; {known}", one_line(path)))
}

/// Levenshtein's distance: the fewest letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    // No key is this long; a longer name is as far from all of them.
    const LONGEST: usize = 100;
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(LONGEST).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}
