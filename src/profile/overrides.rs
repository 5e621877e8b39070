//! Overrides of profile keys: `--set orbit.altitude_km=700`.
//!
//! The value is TOML; what is not TOML (a bare word such as `direct` or `18:00`) is a string. Of several overrides of
//! one key the last holds. The plane of an orbit may change its kind: overriding `orbit.ltan` drops the profile's
//! inclination and node, and overriding both `orbit.inclination_deg` and `orbit.raan_deg` drops its `ltan`.

use super::error::{ProfileError, one_line};
use super::ranges::SATELLITE;
use super::schema::{self, Place};
use std::str::FromStr;
use toml::{Table, Value};

/// One override.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// `section.key`.
    pub path: String,
    /// What the key becomes.
    pub value: Value,
}

impl FromStr for Override {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Override, ProfileError> {
        let expected = "expected KEY.PATH=VALUE, such as orbit.altitude_km=700 or orbit.ltan=18:00";
        let bad = || ProfileError::new(format!("--set {}", one_line(text)), expected);
        let (path, value) = text.split_once('=').ok_or_else(bad)?;
        let (path, value) = (path.trim(), value.trim());
        if path.is_empty() || value.is_empty() {
            return Err(bad());
        }
        // A line break would let a value bring further keys along.
        let parsed =
            (!value.contains(['\n', '\r'])).then(|| format!("value = {value}").parse::<Table>().ok()).flatten();
        let value = match parsed.and_then(|mut table| table.remove("value")) {
            // Instants and local times are strings in a profile.
            None | Some(Value::Datetime(_)) => Value::String(value.to_owned()),
            Some(value) => value,
        };
        Ok(Override { path: path.to_owned(), value })
    }
}

const LTAN: &str = "orbit.ltan";
const INCLINATION: &str = "orbit.inclination_deg";
const RAAN: &str = "orbit.raan_deg";

/// Writes `overrides` into `table`. Keys that no satellite has are refused.
pub(super) fn apply(table: &mut Table, overrides: &[Override], place: &Place<'_>) -> Result<(), ProfileError> {
    let sets = |path: &str| overrides.iter().any(|item| item.path == path);
    if let Some(orbit) = table.get_mut("orbit").and_then(Value::as_table_mut) {
        if sets(LTAN) && !sets(INCLINATION) && !sets(RAAN) {
            orbit.remove("inclination_deg");
            orbit.remove("raan_deg");
        }
        if sets(INCLINATION) && sets(RAAN) && !sets(LTAN) {
            orbit.remove("ltan");
        }
    }
    for item in overrides {
        let known = SATELLITE.iter().any(|key| key.path == item.path);
        let Some((section, key)) = item.path.split_once('.').filter(|_| known) else {
            return Err(schema::unknown(&item.path, SATELLITE, place));
        };
        let slot = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Some(inside) = slot.as_table_mut() {
            inside.insert(key.to_owned(), item.value.clone());
        }
    }
    Ok(())
}
