//! Power limits that a killed flight left, through the program: shown by `doctor`, put back by `bench`, and nothing is
//! measured under one that cannot be put back. Trees of the test's own; nothing of this machine is touched.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const LIMIT: &str = "class/powercap/intel-rapl:0/constraint_0_power_limit_uw";
const FOUND: &str = "200000000";
const LEFT: &str = "105000000";

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().expect("a file in a folder")).expect("folders can be made");
    std::fs::write(path, text).expect("files can be written");
}

/// Which start of the system this is.
fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// A package under a limit that a flight set before it was killed.
fn killed(boot: &str) -> TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    write(root.path(), LIMIT, LEFT);
    write(root.path(), "class/powercap/intel-rapl:0/name", "package-0");
    let state = serde_json::json!({ "boot": boot, "limits": [[LIMIT, 200_000_000]] });
    write(root.path(), "state/actuator.json", &state.to_string());
    write(root.path(), "state/actuator.lock", "");
    root
}

fn dawndusk(root: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
    command.env("DAWNDUSK_SYSFS", root).env("DAWNDUSK_STATE", root.join("state"));
    command.env("DAWNDUSK_MODELS", root.join("models")).env("DAWNDUSK_CACHE", root.join("cache"));
    command.args(words).stdin(Stdio::null()).output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn limit(root: &Path) -> String {
    std::fs::read_to_string(root.join(LIMIT)).expect("the limit is there").trim().to_owned()
}

fn limit_lines(root: &Path) -> Vec<Value> {
    let output = dawndusk(root, &["doctor", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let checks = found["checks"].as_array().expect("a list").clone();
    checks.into_iter().filter(|check| check["area"] == "limit").collect()
}

const BENCH: [&str; 8] = ["bench", "--adapter", "cpu", "--length", "quick", "--workloads", "fma", "-r"];

fn bench(root: &Path) -> Output {
    dawndusk(root, &[&BENCH[..], &["1"]].concat())
}

#[test]
fn doctor_names_the_limit_what_it_is_what_it_was_and_how_to_mend_it_and_touches_nothing() {
    let root = killed(&boot());
    let lines = limit_lines(root.path());
    let [line] = lines.as_slice() else { panic!("one line: {lines:?}") };
    assert_eq!((&line["state"], &line["name"]), (&"warn".into(), &LIMIT.into()), "{line}");
    let finding = line["finding"].as_str().expect("in words");
    assert!(finding.contains("left it at 105.0 W") && finding.contains("was 200.0 W"), "both values: {finding}");
    let remedy = line["remedy"].as_str().expect("in words");
    assert!(remedy.contains("dawndusk bench") && remedy.contains(&format!("echo {FOUND} > ")), "two ways: {remedy}");
    assert_eq!(limit(root.path()), LEFT, "doctor only looks");
    assert!(root.path().join("state/actuator.json").exists(), "and leaves the state to those who put it back");
    write(root.path(), LIMIT, FOUND);
    assert!(limit_lines(root.path()).is_empty(), "put back by hand: nothing is left");
}

#[test]
fn doctor_is_silent_about_limits_of_an_earlier_start_and_while_a_flight_lives() {
    assert!(limit_lines(killed("another start of the system").path()).is_empty(), "they did not survive it");
    let root = killed(&boot());
    let lock = std::fs::File::options().write(true).open(root.path().join("state/actuator.lock")).expect("it is there");
    lock.lock().expect("nobody else has it");
    assert!(limit_lines(root.path()).is_empty(), "a flight that lives puts its limits back by itself");
    drop(lock);
    assert_eq!(limit_lines(root.path()).len(), 1, "and when it is gone they are shown");
    std::fs::remove_file(root.path().join("state/actuator.lock")).expect("it is there");
    assert_eq!(limit_lines(root.path()).len(), 1, "without a lock as well");
    assert!(!root.path().join("state/actuator.lock").exists(), "and none is made by looking");
    write(root.path(), "state/actuator.json", "{ half a ");
    let lines = limit_lines(root.path());
    assert!(lines[0]["finding"].as_str().is_some_and(|text| text.contains("remove it")), "what is no state: {lines:?}");
}

#[test]
fn bench_puts_the_limit_back_before_it_measures_and_says_so() {
    let root = killed(&boot());
    let output = bench(root.path());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("back at 200.0 W"), "one line: {}", said(&output));
    assert_eq!(limit(root.path()), FOUND, "as it was found");
    assert!(!root.path().join("state/actuator.json").exists(), "and only once");
    assert!(!said(&bench(root.path())).contains("a flight was killed"), "the next one has nothing to say");
}

#[test]
fn nothing_is_measured_under_a_limit_that_cannot_be_put_back() {
    let root = killed(&boot());
    // A folder in the place of the file: it is there, and nobody can write it, not even root.
    std::fs::remove_file(root.path().join(LIMIT)).expect("it is there");
    std::fs::create_dir(root.path().join(LIMIT)).expect("folders can be made");
    let results = root.path().join("results").to_string_lossy().into_owned();
    let run = ["run", "--adapter", "cpu", "--length", "quick", "--workloads", "fma", "--results", &results];
    for output in [bench(root.path()), dawndusk(root.path(), &run)] {
        assert_eq!(output.status.code(), Some(1), "refused: {}", said(&output));
        let text = said(&output);
        assert!(text.contains(LIMIT) && text.contains("cannot be put back to 200.0 W"), "with its name: {text}");
        assert!(output.stdout.is_empty(), "no figure is given");
    }
    assert!(root.path().join("state/actuator.json").exists(), "it stays for the next start");
    let lines = limit_lines(root.path());
    assert!(lines[0]["finding"].as_str().is_some_and(|text| text.contains("left it at unknown")), "{lines:?}");
}

#[test]
fn where_nobody_can_tell_what_a_kill_left_doctor_says_so_and_nothing_is_measured() {
    let root = killed(&boot());
    let state = root.path().join("state/actuator.json");
    // A folder in the place of the file: it is there, and nobody can read it, not even root.
    std::fs::remove_file(&state).expect("it is there");
    std::fs::create_dir(&state).expect("folders can be made");
    let lines = limit_lines(root.path());
    assert!(lines[0]["finding"].as_str().is_some_and(|text| text.contains("actuator.json")), "names it: {lines:?}");
    let output = bench(root.path());
    assert_eq!(output.status.code(), Some(1), "refused: {}", said(&output));
    assert!(said(&output).contains("actuator.json") && output.stdout.is_empty(), "and why: {}", said(&output));
}
