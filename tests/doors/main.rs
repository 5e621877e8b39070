//! Meters that nothing here knows, through the program: programs, web servers, profiles of them, sums, and every way in which
//! they fail. Each device is a stand-in on loopback or a script.

#![cfg(unix)]

mod analyser;
mod flights;
mod logins;
mod profiles;
mod programs;
mod servers;
mod shelly;
mod sums;
mod web;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program on a machine without sensors of its own.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
    command.env("DAWNDUSK_SYSFS", folder).env("DAWNDUSK_CACHE", folder.join("cache"));
    command.env("DAWNDUSK_MODELS", folder.join("models")).env_remove("DAWNDUSK_METER_PASSWORD");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn bare() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// What a command says that has come to its end.
pub(crate) fn said(mut command: Command) -> Said {
    let output = command.output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code().expect("it ends by itself"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// What `devices` says of the sources at `meters`, with more in its environment.
pub(crate) fn sources_with(meters: &[&str], more: &[(&str, &str)]) -> Vec<Value> {
    let folder = bare();
    let mut command = program(folder.path());
    command.args(["devices", "--json"]).envs(more.iter().copied());
    for meter in meters {
        command.args(["--meter", meter]);
    }
    let said = said(command);
    // 14 where one of them cannot be used; the list comes first.
    assert!([0, 14].contains(&said.code), "{}: {}", said.code, said.err);
    let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
    document["power_sources"].as_array().expect("a list").clone()
}

/// The line of the source `name`.
pub(crate) fn named(sources: &[Value], name: &str) -> Value {
    let found = sources.iter().find(|source| source["name"] == name);
    found.unwrap_or_else(|| panic!("no source {name}: {sources:#?}")).clone()
}

/// The one source at `meter`, by the name that it gets.
pub(crate) fn source(meter: &str, name: &str) -> Value {
    named(&sources_with(&[meter], &[]), name)
}

/// Cause and sentence of a source that is refused.
pub(crate) fn refusal(source: &Value) -> (String, String) {
    let text = |key: &str| source["refusal"][key].as_str().unwrap_or_default().to_owned();
    assert!(source["refusal"].is_object(), "it is not refused: {source:#}");
    (text("cause"), format!("{}; {}", text("detail"), text("remedy")))
}

/// The power that a source gave.
pub(crate) fn watts(source: &Value) -> f64 {
    assert!(source["refusal"].is_null(), "it is refused: {source:#}");
    source["power_w"].as_f64().unwrap_or_else(|| panic!("no power: {source:#}"))
}

/// A command line that is refused: its exit code and what it says.
pub(crate) fn refused(arguments: &[&str]) -> (i32, String) {
    let folder = bare();
    let mut command = program(folder.path());
    command.args(arguments);
    let said = said(command);
    (said.code, said.err)
}
