//! Finds a profile, by shipped name or path, and reads it: the only file access of the pure half of this crate.

use super::error::{ProfileError, one_line};
use super::machine::{Machine, check_points};
use super::overrides::{Override, apply};
use super::ranges::{MACHINE, SATELLITE};
use super::satellite::Satellite;
use super::schema::{self, Key, Place};
use super::{rules, shipped};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use toml::{Table, Value};

/// Largest profile that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The satellite of a shipped name or a file, with `overrides` written over it, checked.
pub fn satellite(name_or_path: &str, overrides: &[Override]) -> Result<Satellite, ProfileError> {
    let (file, text) = text_of(name_or_path, "satellite", shipped::SATELLITES)?;
    satellite_from_text(&file, &text, overrides)
}

/// The satellite that `text` describes; `file` names it in messages.
pub fn satellite_from_text(file: &str, text: &str, overrides: &[Override]) -> Result<Satellite, ProfileError> {
    let mut table = parse(file, text, "satellite", SATELLITE)?;
    let place = Place { file, overridden: overrides.iter().map(|item| item.path.clone()).collect() };
    apply(&mut table, overrides, &place)?;
    checked(table, &place)
}

/// Holds a satellite that was made or changed in code against the same ranges and rules.
pub fn check(satellite: &Satellite) -> Result<(), ProfileError> {
    let place = Place { file: "satellite", overridden: Vec::new() };
    let table = Table::try_from(satellite).map_err(|cause| inconsistent(&place, &cause.to_string()))?;
    checked(table, &place).map(|_| ())
}

fn checked(mut table: Table, place: &Place<'_>) -> Result<Satellite, ProfileError> {
    // TOML has instants of its own; a profile holds them as text.
    if let Some(start) = table.get_mut("orbit").and_then(|orbit| orbit.get_mut("start"))
        && let Value::Datetime(instant) = start
    {
        *start = Value::String(instant.to_string());
    }
    schema::check(&table, SATELLITE, &[], "", place)?;
    let satellite: Satellite =
        table.try_into().map_err(|cause: toml::de::Error| inconsistent(place, cause.message()))?;
    rules::check(&satellite, place)?;
    Ok(satellite)
}

/// The machine of a shipped name or a file, checked.
pub fn machine(name_or_path: &str) -> Result<Machine, ProfileError> {
    let (file, text) = text_of(name_or_path, "machine", shipped::MACHINES)?;
    machine_from_text(&file, &text)
}

/// The machine that `text` describes; `file` names it in messages.
pub fn machine_from_text(file: &str, text: &str) -> Result<Machine, ProfileError> {
    let mut table = parse(file, text, "machine", MACHINE)?;
    if let Some(date) = table.get_mut("date")
        && let Value::Datetime(day) = date
    {
        *date = Value::String(day.to_string());
    }
    let place = Place { file, overridden: Vec::new() };
    schema::check(&table, MACHINE, &["point"], "", &place)?;
    check_points(&table, &place)?;
    table.try_into().map_err(|cause: toml::de::Error| inconsistent(&place, cause.message()))
}

/// What kind of profile a name or a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A satellite.
    Satellite,
    /// A machine.
    Machine,
    /// A meter.
    Meter,
}

/// Whether a shipped name or a file is a machine or a meter. Anything else, and whatever cannot be read, is held to be a
/// satellite, so that a fault is told once, by [`satellite`].
pub fn kind(name_or_path: &str) -> Kind {
    let is_shipped = |shipped: &[shipped::Shipped]| shipped.iter().any(|profile| profile.name == name_or_path);
    if is_shipped(shipped::SATELLITES) {
        return Kind::Satellite;
    }
    let text = read(Path::new(name_or_path), name_or_path, "profile").unwrap_or_default();
    let table = text.parse::<Table>().unwrap_or_default();
    let has = |keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
    let is_machine = has(&["point", "rated_w", "idle_w"]);
    // Where one key is misspelt the others still tell.
    let has_address = table.values().filter_map(Value::as_str).any(|text| text.contains("://"));
    let keys_of_a_meter = ["url", "command", "pointer", "parameters", "defaults", "settings"];
    if is_shipped(shipped::METERS) || has(&keys_of_a_meter) || (has_address && !is_machine) {
        return Kind::Meter;
    }
    if is_machine || is_shipped(shipped::MACHINES) { Kind::Machine } else { Kind::Satellite }
}

/// What the table of keys let through and the structures do not: only reached if the two disagree.
fn inconsistent(place: &Place<'_>, problem: &str) -> ProfileError {
    ProfileError::new(place.file, one_line(problem))
}

/// The name for messages and the text of a shipped profile or a file. A shipped name wins over a file of that name.
fn text_of(
    name_or_path: &str,
    kind: &str,
    shipped: &'static [shipped::Shipped],
) -> Result<(String, String), ProfileError> {
    if let Some(profile) = shipped.iter().find(|profile| profile.name == name_or_path) {
        return Ok((profile.name.to_owned(), profile.text.to_owned()));
    }
    let file = one_line(name_or_path);
    match std::fs::metadata(name_or_path).map_err(|cause| cause.kind()) {
        Err(io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
            let names: Vec<&str> = shipped.iter().map(|profile| profile.name).collect();
            let shipped = names.join(", ");
            let problem = format!("no such {kind} profile; shipped: {shipped}; or give the path of a TOML file");
            Err(ProfileError::new(file, problem))
        }
        _ => read(Path::new(name_or_path), &file, kind).map(|text| (file, text)),
    }
}

fn read(path: &Path, file: &str, kind: &str) -> Result<String, ProfileError> {
    let unreadable = |cause: io::Error| ProfileError::new(file, format!("cannot be read: {cause}"));
    // Asked before opening: opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a directory" } else { "a device or pipe" };
        return Err(ProfileError::new(file, format!("is {found}, not a file; expected a {kind} profile in TOML")));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ProfileError::new(file, format!("is larger than {MAX_BYTES} bytes; allowed: up to that")));
    }
    String::from_utf8(bytes).map_err(|cause| {
        let at = cause.utf8_error().valid_up_to();
        ProfileError::new(file, format!("is not UTF-8 (at byte {at}); expected TOML text"))
    })
}

/// The table of a text that is not empty.
fn parse(file: &str, text: &str, kind: &str, keys: &[Key]) -> Result<Table, ProfileError> {
    let table: Table = text.parse().map_err(|cause: toml::de::Error| {
        let start = cause.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count();
        ProfileError::new(file, format!("line {line}: is not TOML: {}", one_line(cause.message())))
    })?;
    if table.is_empty() {
        let needed = schema::sections(keys).join(", ");
        return Err(ProfileError::new(file, format!("is empty; expected a {kind} profile with the keys {needed}")));
    }
    Ok(table)
}
