//! Ctrl-C, a polite kill and a terminal that closes, sent to the program in every phase of a short flight, while it
//! benchmarks and while it fetches: exit code 130 soon after, whole pages where something was measured, and nothing left
//! where nothing was. What a kill leaves can be reported. Nothing here judges a speed.

#![cfg(unix)]

use dawndusk::actuator::{Actuator, Outcome, StateFolder, power_limits_of, put_back_at_once};
use dawndusk::meter::sysfs::Tree;
use dawndusk::units::{Seconds, Watts};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What is promised, and what a machine that is busy with other tests adds to it.
const SOON: Duration = Duration::from_secs(2 + 2);

/// An orbit of 6 s.
const RUN: [&str; 7] = ["run", "--length", "quick", "--compression", "1000", "--workloads", "copy,gemm"];

fn program(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number")).expect("not zero");
    kill_process(pid, signal).expect("it is alive");
}

/// How it ends, and how long that takes.
fn end(mut child: Child) -> (ExitStatus, Duration) {
    let began = Instant::now();
    let status = child.wait().expect("it ends");
    (status, began.elapsed())
}

fn wait(child: &mut Child, what: &str, mut until: impl FnMut() -> bool) {
    let began = Instant::now();
    while !until() {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before {what}");
        assert!(began.elapsed() < Duration::from_secs(90), "{what} did not come within 90 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A flight, with folders of its own.
struct Flight {
    child: Child,
    results: TempDir,
    _cache: TempDir,
}

impl Flight {
    fn begin() -> Flight {
        let folder = || tempfile::tempdir().expect("a temporary directory");
        let (results, cache) = (folder(), folder());
        let mut command = program(&RUN);
        let child = command.arg("--results").arg(results.path()).env("DAWNDUSK_CACHE", cache.path()).spawn();
        Flight { child: child.expect("it starts"), results, _cache: cache }
    }

    fn directories(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.results.path()).expect("it is there").flatten().map(|entry| entry.path()).collect()
    }

    fn wait_for(&mut self, event: &str, times: usize) {
        let key = format!("\"event\":\"{event}\"");
        let results = self.results.path().to_owned();
        wait(&mut self.child, event, || journal(&results).matches(&key).count() >= times);
    }

    /// Ends with exit code 130 soon after `signal`; the directories that are left.
    fn stop(self, phase: &str, signal: Signal) -> (TempDir, Vec<PathBuf>) {
        send(&self.child, signal);
        let directories = self.directories();
        let Flight { child, results, _cache } = self;
        let (status, took) = end(child);
        assert_eq!(status.code(), Some(130), "{phase}");
        assert!(took < SOON, "{phase}: {took:?}");
        let left = directories.into_iter().filter(|directory| directory.exists()).collect();
        (results, left)
    }

    /// The same, where something was measured: every page is there and is what the journal gives.
    fn stop_with_pages(self, phase: &str, signal: Signal) -> Value {
        let (_results, left) = self.stop(phase, signal);
        let [directory] = left.as_slice() else { panic!("{phase}: one result: {left:?}") };
        pages(phase, directory)
    }
}

fn journal(results: &Path) -> String {
    let folders = std::fs::read_dir(results).into_iter().flatten().flatten();
    folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("journal.jsonl")).ok()).collect()
}

fn pages(phase: &str, directory: &Path) -> Value {
    let verified = program(&["verify"]).arg(directory).status().expect("it runs");
    assert_eq!(verified.code(), Some(0), "{phase}: the pages are what the journal gives");
    let text = std::fs::read_to_string(directory.join("result.json")).expect("result.json is there");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn while_a_flight_prepares_it_ends_and_leaves_no_directory() {
    // Opening the device, the tuner's trials, the first batches: whatever is under way by then.
    for (delay, signal) in [(0, Signal::INT), (150, Signal::TERM), (400, Signal::HUP), (800, Signal::INT)] {
        let mut flight = Flight::begin();
        let results = flight.results.path().to_owned();
        let has_begun = || std::fs::read_dir(&results).is_ok_and(|mut found| found.next().is_some());
        wait(&mut flight.child, "the result directory", has_begun);
        std::thread::sleep(Duration::from_millis(delay));
        let phase = format!("{delay} ms after the start of the preparation");
        let is_measuring = |flight: &Flight| journal(flight.results.path()).contains("conditions");
        let was_measuring = is_measuring(&flight);
        let (_results, left) = flight.stop(&phase, signal);
        match left.as_slice() {
            [] => assert!(!was_measuring, "{phase}: what was measured stays"),
            // A quick machine may have begun to measure in this very moment.
            [directory] => drop(pages(&phase, directory)),
            more => panic!("{phase}: {more:?}"),
        }
    }
}

#[test]
fn before_the_flight_is_calibrated_it_ends_with_what_was_measured() {
    for (phase, event, delay, signal) in [
        ("idle", "conditions", 0, Signal::INT),
        ("verification", "idle", 0, Signal::TERM),
        ("verification or warm-up", "idle", 500, Signal::HUP),
    ] {
        let mut flight = Flight::begin();
        flight.wait_for(event, 1);
        std::thread::sleep(Duration::from_millis(delay));
        let result = flight.stop_with_pages(phase, signal);
        assert_eq!(result["verdict"]["class"], "INVALID", "{phase}: it is not a whole flight");
    }
}

#[test]
fn while_the_workloads_are_calibrated_it_ends_with_what_was_measured() {
    let mut flight = Flight::begin();
    flight.wait_for("idle", 1);
    // Verification, warm-up and the first repeats take about a second.
    std::thread::sleep(Duration::from_millis(1500));
    let result = flight.stop_with_pages("unconstrained", Signal::INT);
    assert_eq!(result["verdict"]["class"], "INVALID", "it is not a whole flight");
    let mut flight = Flight::begin();
    flight.wait_for("unconstrained", 1);
    let result = flight.stop_with_pages("identification", Signal::INT);
    let rates = result["unconstrained"].as_array().map(Vec::len);
    assert!(rates.is_some_and(|rates| rates > 0), "with the rates: {}", result["unconstrained"]);
}

#[test]
fn in_orbit_it_ends_with_the_ticks_until_then() {
    let mut flight = Flight::begin();
    flight.wait_for("tick", 5);
    let result = flight.stop_with_pages("orbit", Signal::HUP);
    assert!(result["flight"]["ticks"].as_u64().is_some_and(|ticks| ticks >= 5), "{}", result["flight"]);
}

#[test]
fn after_the_orbit_it_ends_with_a_whole_orbit_and_exit_code_130_all_the_same() {
    let mut flight = Flight::begin();
    flight.wait_for("arrived", 1);
    let result = flight.stop_with_pages("idle after", Signal::INT);
    assert!(result["flight"]["ticks"].as_u64().is_some_and(|ticks| ticks > 10), "{}", result["flight"]);
}

#[test]
fn a_kill_in_flight_leaves_a_journal_from_which_the_pages_are_written() {
    let mut flight = Flight::begin();
    flight.wait_for("tick", 10);
    send(&flight.child, Signal::KILL);
    flight.child.wait().expect("it ends");
    let directories = flight.directories();
    let [directory] = directories.as_slice() else { panic!("one result: {directories:?}") };
    assert!(!directory.join("result.json").exists(), "nobody could write the pages");
    let reported = program(&["report"]).arg(directory).status().expect("it runs");
    assert_eq!(reported.code(), Some(0), "the journal is enough");
    let result = pages("kill", directory);
    assert!(result["flight"]["ticks"].as_u64().is_some_and(|ticks| ticks >= 10), "{}", result["flight"]);
}

#[test]
fn a_benchmark_ends_in_every_mode_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let profile = folder.path().join("here.toml");
    let sweep = profile.to_string_lossy().into_owned();
    let modes: [&[&str]; 3] = [&["-r", "50"], &["--sweep", &sweep], &["--overhead", "50"]];
    for mode in modes {
        for delay in [300, 3500] {
            let temporary = tempfile::tempdir().expect("a temporary directory");
            let mut command = program(&["bench", "--workloads", "copy,gemm"]);
            command.args(mode).env("DAWNDUSK_CACHE", folder.path().join("cache")).env("TMPDIR", temporary.path());
            let child = command.spawn().expect("it starts");
            std::thread::sleep(Duration::from_millis(delay));
            send(&child, Signal::INT);
            let (status, took) = end(child);
            assert_eq!(status.code(), Some(130), "{mode:?} after {delay} ms");
            assert!(took < SOON, "{mode:?} after {delay} ms: {took:?}");
            let left: Vec<_> = std::fs::read_dir(temporary.path()).expect("it is there").flatten().collect();
            assert!(left.is_empty(), "{mode:?}: {left:?}");
            let kept = std::fs::read_dir(folder.path()).expect("it is there").flatten();
            let kept: Vec<_> = kept.map(|entry| entry.file_name()).filter(|name| name != "cache").collect();
            assert!(kept.is_empty(), "{mode:?}: {kept:?}");
        }
    }
}

/// Opening a pipe that nobody writes into waits for ever, as a driver in trouble does.
#[test]
fn what_waits_for_ever_before_anything_was_measured_ends_as_well_and_its_unfinished_file_goes() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let pipe = folder.path().join("weights.gguf");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success(), "a pipe");
    let store = folder.path().join("store");
    let pull = || {
        let mut command = program(&["models", "pull", "smollm2-135m", "--from"]);
        command.arg(&pipe).env("DAWNDUSK_MODELS", &store).spawn().expect("it starts")
    };
    let mut child = pull();
    let files = || std::fs::read_dir(&store).into_iter().flatten().flatten().count();
    // It opens once somebody opens the other end; then it waits for bytes that do not come.
    let writer = std::fs::File::options().write(true).open(&pipe).expect("the program reads it");
    wait(&mut child, "the unfinished file", || files() > 0);
    send(&child, Signal::INT);
    let (status, took) = end(child);
    assert!(status.code() == Some(130) && took < SOON, "patience ends: {status}, {took:?}");
    assert_eq!(files(), 0, "what did not arrive in full is gone");
    drop(writer);

    let mut child = pull();
    let writer = std::fs::File::options().write(true).open(&pipe).expect("the program reads it");
    wait(&mut child, "the unfinished file", || files() > 0);
    send(&child, Signal::INT);
    std::thread::sleep(Duration::from_millis(700));
    send(&child, Signal::INT);
    let (status, took) = end(child);
    assert!(status.code() == Some(130) && took < Duration::from_millis(700), "again: at once: {status}, {took:?}");
    assert_eq!(files(), 0, "and tidy");
    drop(writer);
}

#[test]
fn a_command_that_fetches_weights_is_killed_with_the_program_that_waits_for_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (python, number) = (folder.path().join("python3"), folder.path().join("number"));
    std::fs::write(&python, format!("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", number.display())).expect("a script");
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
    let store = folder.path().join("store");
    let mut command = program(&["models", "pull", "smollm2-135m"]);
    let mut child = command.env("PATH", path).env("DAWNDUSK_MODELS", &store).spawn().expect("it starts");
    let started = || std::fs::read_to_string(&number).is_ok_and(|text| text.ends_with('\n'));
    wait(&mut child, "the command", started);
    send(&child, Signal::TERM);
    let (status, took) = end(child);
    assert!(status.code() == Some(130) && took < SOON, "{status}, {took:?}");
    let number = std::fs::read_to_string(&number).expect("it was started").trim().to_owned();
    assert!(!Path::new("/proc").join(number).exists() || !cfg!(target_os = "linux"), "it does not run on");
    assert_eq!(std::fs::read_dir(&store).expect("it was made").count(), 0, "nothing is left of it");
}

/// In this process, since an end at once is the end of all settings: no other test here may set a limit.
#[test]
fn an_end_at_once_puts_the_limits_back_and_from_then_on_none_is_changed() {
    const ZONE: &str = "class/powercap/intel-rapl:0";
    let root = tempfile::tempdir().expect("a temporary directory");
    let zone = root.path().join(ZONE);
    std::fs::create_dir_all(&zone).expect("folders can be made");
    let limit = zone.join("constraint_0_power_limit_uw");
    std::fs::write(zone.join("name"), "package-0\n").expect("files can be written");
    std::fs::write(&limit, "200000000\n").expect("files can be written");
    let found = || std::fs::read_to_string(&limit).expect("the limit is there").trim().to_owned();
    let tree = Tree::new(root.path());
    let state = root.path().join("state");
    let limits = power_limits_of("rapl", &tree);
    let mut actuator = Actuator::new(limits, "rapl", StateFolder::at(state.clone())).expect("a limit");
    let set = actuator.follow(Seconds(0.0), Watts(100.0));
    assert!(set.len() == 1 && found() == "105000000", "a flight follows its budget: {set:?}");
    let lines = put_back_at_once(&tree);
    assert!(lines.len() == 1 && lines[0].contains("back at 200.0 W"), "one line: {lines:?}");
    assert!(found() == "200000000" && !state.join("actuator.json").exists(), "as it was found, and nothing is owed");
    let late = actuator.follow(Seconds(10.0), Watts(50.0));
    assert_eq!(late[0].outcome, Outcome::Refused, "the flight's own thread comes too late: {late:?}");
    assert_eq!(found(), "200000000", "and changes nothing");
    assert!(put_back_at_once(&tree).is_empty(), "once is enough");
}
