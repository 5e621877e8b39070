//! `profile list`, `show` and `check`.

use super::arguments::{Overrides, ProfileVerb};
use super::{Exit, Failure, answer, answer_either, answer_json};
use crate::envelope::Shown;
use crate::meter::meter_profile;
use crate::model;
use crate::profile::{self, Kind, Shipped};
use jiff::Timestamp;
use serde::Serialize;

/// One line of `profile list`.
#[derive(Serialize)]
struct Listed {
    kind: &'static str,
    name: &'static str,
    summary: String,
}

/// Does what the verb says.
pub(super) fn profile(verb: &ProfileVerb) -> Result<Exit, Failure> {
    match verb {
        ProfileVerb::List { output } => list(output.json)?,
        ProfileVerb::Show { satellite, date, overrides, output } if profile::kind(satellite) == Kind::Meter => {
            only_of_satellites(satellite, "meter", overrides)?;
            if date.is_some() {
                return Err(Failure::input(format!("--date: {satellite} is a meter, and only a satellite has dates")));
            }
            let text = meter_profile::text_of(satellite).map_err(Failure::input)?;
            let table = text.parse::<toml::Table>().map_err(Failure::input)?;
            answer_either(output.json, &table, || text)?;
        }
        ProfileVerb::Show { satellite, date, overrides, output } => {
            let profile = profile::satellite(satellite, &overrides.set).map_err(Failure::input)?;
            let date = date.unwrap_or(profile.orbit.start);
            let shown = Shown::new(&profile, date);
            match output.json {
                true => answer_json(&shown)?,
                false => answer(&page(&shown, satellite, date)?),
            }
        }
        ProfileVerb::Check { name, overrides, output } => check(name, overrides, output.json)?,
    }
    Ok(Exit::Valid)
}

/// What can be set in a profile of another kind than a satellite: nothing.
fn only_of_satellites(name: &str, kind: &str, overrides: &Overrides) -> Result<(), Failure> {
    match overrides.set.is_empty() {
        true => Ok(()),
        false => Err(Failure::input(format!("--set: {name} is a {kind}, and only a satellite's keys can be set"))),
    }
}

/// A satellite, a machine as `bench --sweep` writes it, or a meter.
fn check(name: &str, overrides: &Overrides, json: bool) -> Result<(), Failure> {
    let acceptable = |kind: &str| {
        answer_either(json, &serde_json::json!({ kind: name, "acceptable": true }), || format!("{name}: acceptable\n"))
    };
    let kind = match profile::kind(name) {
        kind @ (Kind::Machine | Kind::Meter) if !overrides.set.is_empty() => {
            let kind = if kind == Kind::Meter { "meter" } else { "machine" };
            return only_of_satellites(name, kind, overrides);
        }
        Kind::Meter => return meter_profile::check(name).map_err(Failure::input).and_then(|()| acceptable("meter")),
        Kind::Machine => profile::machine(name).map(|_| "machine"),
        Kind::Satellite => profile::satellite(name, &overrides.set).map(|_| "satellite"),
    };
    acceptable(kind.map_err(Failure::input)?)
}

fn list(json: bool) -> Result<(), Failure> {
    let shipped = |kind, profiles: &'static [Shipped]| {
        profiles.iter().map(move |entry| Listed { kind, name: entry.name, summary: entry.summary().to_owned() })
    };
    let models = model::Profile::names().map(|name| {
        let licence = model::Profile::named(name).map(|profile| profile.licence).unwrap_or_default();
        Listed { kind: "model", name, summary: format!("weights under {licence}; see `dawndusk models list`") }
    });
    let listed = shipped("satellite", profile::SATELLITES).chain(shipped("machine", profile::MACHINES));
    let listed: Vec<Listed> = listed.chain(models).chain(shipped("meter", profile::METERS)).collect();
    if json {
        return answer_json(&listed);
    }
    for entry in &listed {
        answer(&format!("{:<10} {:<20} {}\n", entry.kind, entry.name, entry.summary));
    }
    Ok(())
}

/// The derived figures as `key value` lines, for people.
fn page(shown: &Shown, satellite: &str, date: Timestamp) -> Result<String, Failure> {
    let document = serde_json::to_value(shown).map_err(|error| Failure::tool(format!("JSON: {error}")))?;
    let mut text = format!("{satellite} on {date}\n");
    lines(&mut text, "", &document);
    Ok(text)
}

fn lines(text: &mut String, path: &str, value: &serde_json::Value) {
    match value {
        serde_json::Value::Object(keys) => {
            for (key, value) in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                lines(text, &path, value);
            }
        }
        value => text.push_str(&format!("  {path:<46} {value}\n")),
    }
}
