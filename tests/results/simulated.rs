//! `simulate --results`: a result as `run` writes one, that says on every page that no machine was used.

use crate::flown::said;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) fn dawndusk(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dawndusk")).args(words).stdin(Stdio::null()).output().expect("it runs")
}

pub(crate) fn simulate(results: &Path, more: &[&str]) -> Output {
    let results = results.to_str().expect("a path in UTF-8");
    let words =
        ["simulate", "leo-100kw", "--rated", "350", "--idle", "0.3", "--sensor-period", "0.1", "--results", results];
    dawndusk(&[&words, more].concat())
}

pub(crate) fn only_result(results: &Path) -> PathBuf {
    let mut found = std::fs::read_dir(results).expect("the folder is there").map(|entry| entry.expect("listed").path());
    let first = found.next().expect("one result");
    assert!(found.next().is_none(), "and no more");
    first
}

#[test]
fn a_simulated_result_is_written_reported_and_verified_and_says_what_it_is() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let output = simulate(results.path(), &["--fault", "array=0.2@3000", "--jitter", "0.3"]);
    assert_eq!(output.status.code(), Some(0), "no limit is broken: {}", said(&output));
    let directory = only_result(results.path());
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).expect("the page is there");
    for name in ["result.json", "conditions.json", "journal.jsonl", "summary.txt"] {
        assert!(read(name).contains("SIMULATED"), "{name} says that it is simulated");
    }
    let result: Value = serde_json::from_str(&read("result.json")).expect("it is JSON");
    assert_eq!(result["verdict"]["class"], "UNMEASURED", "{}", result["verdict"]);
    assert_eq!(result["verdict"]["ranked"], false, "never ranked");
    assert_eq!(result["flight"]["energy"]["kind"], "modelled", "no watt was measured");
    let conditions = &result["conditions"];
    assert_eq!(conditions["source"]["name"], "simulated", "the power source");
    assert_eq!(conditions["adapter_class"], "simulated", "no adapter");
    assert_eq!(conditions["cpu_threads"], 0, "and no machine: {conditions}");
    let notes = result["verdict"]["notes"].to_string();
    assert!(notes.contains("no machine was used") && notes.contains("array=0.2@3000"), "{notes}");
    let (before, path) = (read("result.json"), directory.to_str().expect("a path in UTF-8"));
    for verb in ["report", "verify"] {
        let output = dawndusk(&[verb, path]);
        assert_eq!(output.status.code(), Some(0), "{verb}: {}", said(&output));
    }
    assert!(before == read("result.json"), "the report is the same again");
}

#[test]
fn without_a_governor_the_breach_is_exit_code_13_as_in_a_run() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let output = simulate(results.path(), &["--governor", "off", "--json"]);
    assert_eq!(output.status.code(), Some(13), "{}", said(&output));
    let result: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(result["verdict"]["envelope_violated"], true, "{}", result["verdict"]);
}

#[test]
fn what_does_not_go_with_one_whole_flight_is_refused_before_anything_is_written() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let cases: [&[&str]; 8] = [
        &["--governor", "all"],
        &["--load", "90000"],
        &["--duration", "600"],
        &["--sky", "constant"],
        &["--trace", "day.csv"],
        &["--own-sensors"],
        &["--batch", "0"],
        &["--sensor-gain", "0"],
    ];
    for more in cases {
        let output = simulate(results.path(), more);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", said(&output));
        let word = more[0].trim_start_matches("--").split('-').next_back().expect("a word");
        assert!(said(&output).contains(word), "{more:?} is named: {}", said(&output));
    }
    assert!(std::fs::read_dir(results.path()).expect("it is there").next().is_none(), "nothing is written");
}

#[test]
fn a_meter_that_is_too_coarse_for_the_battery_says_why_nothing_runs() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let slow = ["--sensor-period", "20", "--compression", "300"];
    let words = ["simulate", "leo-100kw", "--rated", "350", "--results", results.path().to_str().expect("UTF-8")];
    let output = dawndusk(&[&words[..], &slow].concat());
    let reason = "nothing runs because the meter's resolution in time is too coarse: it is renewed every 20.0 s";
    assert!(said(&output).contains(reason), "when it departs: {}", said(&output));
    let directory = only_result(results.path());
    let text = std::fs::read_to_string(directory.join("result.json")).expect("the page is there");
    let result: Value = serde_json::from_str(&text).expect("it is JSON");
    let notes = result["verdict"]["notes"].to_string();
    assert!(notes.contains(reason) && notes.contains("30.0 % lie between floor and full"), "in the result: {notes}");
    let output = dawndusk(&["verify", directory.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let results = tempfile::tempdir().expect("a temporary directory");
    let output = simulate(results.path(), &[]);
    assert!(!said(&output).contains("nothing runs"), "a fast one says nothing of it: {}", said(&output));
}
