//! The main job from the command line to the result directory, with its exit codes. Short orbits of two twins: what is
//! tested is the way, not the machine.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

fn dawndusk(arguments: &[&str], results: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
    command.args(arguments).arg("--results").arg(results).stdin(Stdio::null());
    command
}

fn only_result(results: &Path) -> PathBuf {
    let mut found = std::fs::read_dir(results).expect("the results folder is there");
    let first = found.next().expect("one result").expect("it can be listed").path();
    assert!(found.next().is_none(), "and no more");
    first
}

fn result(directory: &Path) -> Value {
    let text = std::fs::read_to_string(directory.join("result.json")).expect("result.json is there");
    serde_json::from_str(&text).expect("it is JSON")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// No driver at all: the orbit is flown by the twins, and every page says so.
#[test]
fn without_any_vulkan_driver_a_whole_orbit_is_flown_and_can_be_verified() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let words = ["run", "--length", "quick", "--compression", "560", "--workloads", "fma,gemv"];
    let mut command = dawndusk(&words, results.path());
    let output = command.env("VK_ICD_FILENAMES", "/nonexistent").output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "unmeasured, and no limit broken: {}", said(&output));
    let directory = only_result(results.path());
    let files =
        ["result.json", "journal.jsonl", "timeline.csv", "conditions.json", "summary.txt", "report.html", "SHA256SUMS"];
    for name in files {
        assert!(directory.join(name).exists(), "{name} is part of a result");
    }
    let result = result(&directory);
    assert_eq!(result["verdict"]["class"], "UNMEASURED", "no watt was measured: {}", result["verdict"]);
    let energy = &result["flight"]["energy"];
    assert_eq!(energy["kind"], "modelled", "and the energy says so");
    assert!(energy["source"].as_str().is_some_and(|source| source.contains("CPU time")), "from what: {energy}");
    assert!(energy["low_j"].is_null() && energy["high_j"].is_null(), "a model has no band: {energy}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("twin:cpu"), "the table says what ran");
    let verify = Command::new(env!("CARGO_BIN_EXE_dawndusk")).arg("verify").arg(&directory).output().expect("it runs");
    assert_eq!(verify.status.code(), Some(0), "the pages are what the journal gives: {}", said(&verify));
}

#[test]
fn without_a_governor_the_breach_is_reported_and_the_exit_code_is_13() {
    let results = tempfile::tempdir().expect("a temporary directory");
    // A floor just under the initial charge, and an array that an idle machine alone outdraws: on a busy machine as well.
    let words = ["run", "--adapter", "cpu", "--length", "quick", "--compression", "1000", "--workloads", "fma"];
    let words =
        [&words[..], &["--governor", "off", "--set", "battery.soc_min=0.79", "--set", "array.power_w=20000"]].concat();
    let output = dawndusk(&words, results.path()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(13), "the envelope is violated: {}", said(&output));
    let breach = &result(&only_result(results.path()))["flight"]["breaches"]["charge"];
    let (time, depth) = (breach["time_s"].as_f64(), breach["deepest_share"].as_f64());
    assert!(
        time.is_some_and(|time| time > 0.0) && depth.is_some_and(|depth| depth > 0.0),
        "how long, how deep: {breach}"
    );
}

/// Every phase lasts as long as a meter of one hertz needs, and the wait is told before it begins.
#[test]
fn a_meter_that_is_renewed_once_a_second_flies_a_whole_orbit() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let file = results.path().join("steady.csv");
    let lines: String = (0..300).map(|second| format!("{second},{}\n", 9 * second)).collect();
    std::fs::write(&file, format!("t_s,energy_j\n{lines}")).expect("it can be written");
    let meter = format!("recorded://{}?boundary=wall", file.display());
    let words = ["run", "unlimited", "--adapter", "cpu", "--length", "quick", "--compression", "560"];
    let words = [&words[..], &["--workloads", "fma", "--meter", &meter]].concat();
    let results = results.path().join("results");
    let output = dawndusk(&words, &results).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "nothing is broken by sampling: {}", said(&output));
    assert!(said(&output).contains("renewed every 1 s, so the flight takes about"), "told before: {}", said(&output));
    let result = result(&only_result(&results));
    let idle = result["idle_power_w"].as_f64().expect("it was read");
    assert!((idle - 9.0).abs() < 0.1, "several updates make an idle power: {idle} W");
    let full = result["unconstrained"][0]["power_w"].as_f64().expect("it was read");
    assert!((full - 9.0).abs() < 0.1, "and that of a workload: {full} W");
    assert!(result["flight"]["counted_share"].as_f64().is_some_and(|share| share > 0.99), "{}", result["flight"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_in_flight_leaves_a_readable_partial_result_and_exit_code_130() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let words = ["run", "--adapter", "cpu", "--length", "quick", "--workloads", "fma"];
    let child =
        dawndusk(&words, results.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let child = wait_for_departure(child, results.path());
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a process number")).expect("not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is alive");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "interrupted");
    let result = result(&only_result(results.path()));
    assert_eq!(result["verdict"]["class"], "INVALID", "partial");
    assert!(result["flight"]["ticks"].as_u64().is_some_and(|ticks| ticks > 0), "with the ticks until then");
}

/// Until the journal says that the satellite has left.
#[cfg(unix)]
fn wait_for_departure(mut child: Child, results: &Path) -> Child {
    for _ in 0..600 {
        std::thread::sleep(Duration::from_millis(100));
        let journals = std::fs::read_dir(results).into_iter().flatten().flatten();
        let mut texts = journals.filter_map(|entry| std::fs::read_to_string(entry.path().join("journal.jsonl")).ok());
        if texts.any(|text| text.matches("\"event\":\"tick\"").count() > 5) {
            return child;
        }
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before it left");
    }
    panic!("it did not leave within a minute");
}

/// What the loop costs cannot be judged in a second; that it is measured in pairs and printed can.
#[test]
fn the_cost_of_the_loop_is_measured_in_pairs_and_printed_with_its_range() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
    command.args(["bench", "--overhead", "3", "--overhead-seconds", "0.3", "--adapter", "cpu", "--workloads", "fma"]);
    let output = command.arg("--json").stdin(Stdio::null()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "it ends well: {}", said(&output));
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let row = &found["rows"][0];
    assert_eq!(row["workload"], "fma", "the one that was asked for: {found}");
    assert_eq!(row["samples_percent"].as_array().map(Vec::len), Some(3), "one for each pair: {row}");
    let cost = &row["overhead_percent"];
    assert!(cost["low"].as_f64() <= cost["median"].as_f64(), "with its range: {cost}");
    let median = cost["median"].as_f64().expect("a figure");
    assert!((-100.0..100.0).contains(&median), "a share of the rate: {median} %");
    let meter = &found["meter"];
    assert!(meter["waited_s"].as_f64().is_some_and(|time| time > 0.0), "a look takes time: {meter}");
    let taken = meter["work_share"].as_f64().expect("a share");
    assert!((0.0..1.0).contains(&taken), "the most that it takes from the work: {taken}");
    let share = meter["core_share"].as_f64().expect("the CPU time is known where the model is");
    assert!((0.0..1.0).contains(&share), "a share of one core: {share}");
}
