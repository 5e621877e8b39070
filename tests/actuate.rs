//! The power limits: what is promised of them, on limits and trees of the test's own. Nothing of this machine is touched.

use dawndusk::actuator::power_limit::power_limit_of;
use dawndusk::actuator::{Actuator, ActuatorError, Outcome, PowerLimit, StateFolder, power_limits_of, recover};
use dawndusk::meter::sysfs::Tree;
use dawndusk::reading::NoData;
use dawndusk::units::{Seconds, Watts};
use std::path::Path;
use std::sync::{Arc, Mutex};

const FOUND: u64 = 300_000_000;

/// What a driver makes of a setting.
#[derive(Clone, Copy)]
enum Manner {
    Obeys,
    Ignores,
    RoundsTo(u64),
    Forbids,
}

struct FakeLimit {
    limit: Arc<Mutex<u64>>,
    manner: Manner,
}

impl PowerLimit for FakeLimit {
    fn name(&self) -> String {
        "fake".into()
    }

    fn key(&self) -> String {
        "fake".into()
    }

    fn range(&mut self, _found: u64) -> Result<(u64, u64), NoData> {
        Ok((100_000_000, 400_000_000))
    }

    fn read(&mut self) -> Result<u64, NoData> {
        Ok(*self.limit.lock().expect("no thread panics with it"))
    }

    fn set(&mut self, microwatts: u64) -> Result<(), NoData> {
        let mut limit = self.limit.lock().expect("no thread panics with it");
        match self.manner {
            Manner::Forbids => return Err(NoData::NoPermission),
            Manner::RoundsTo(rounded) if microwatts != FOUND => *limit = rounded,
            Manner::Obeys | Manner::RoundsTo(_) => *limit = microwatts,
            Manner::Ignores => {}
        }
        Ok(())
    }

    fn remedy(&self) -> String {
        "ask root".into()
    }

    fn by_hand(&self, microwatts: u64) -> String {
        format!("turn it to {microwatts}")
    }
}

struct Bench {
    limit: Arc<Mutex<u64>>,
    actuator: Actuator,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(manner: Manner) -> Bench {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let limit = Arc::new(Mutex::new(FOUND));
        let power_limit: Box<dyn PowerLimit> = Box::new(FakeLimit { limit: Arc::clone(&limit), manner });
        let state = StateFolder::at(folder.path().join("state"));
        let actuator = Actuator::new(vec![power_limit], "fake", state).expect("a limit that can be read");
        Bench { limit, actuator, folder }
    }

    fn limit(&self) -> u64 {
        *self.limit.lock().expect("no thread panics with it")
    }

    fn outcomes(&mut self, t: f64, budget: f64) -> Vec<Outcome> {
        self.actuator.follow(Seconds(t), Watts(budget)).iter().map(|setting| setting.outcome).collect()
    }

    fn has_state(&self) -> bool {
        self.folder.path().join("state/actuator.json").exists()
    }
}

#[test]
fn the_limit_stands_a_little_above_the_budget_and_never_leaves_its_range() {
    let mut bench = Bench::new(Manner::Obeys);
    assert_eq!(bench.outcomes(0.0, 290.0), [], "five percent above would be more than was found: nothing to do");
    assert!(!bench.has_state(), "and nothing was touched");
    assert_eq!(bench.outcomes(1.0, 200.0), [Outcome::Set], "a lower budget");
    assert_eq!(bench.limit(), 210_000_000, "1.05 of it");
    assert!(bench.has_state(), "what was found is on the disk");
    assert_eq!(bench.outcomes(1.5, 150.0), [], "within a second of the last setting");
    assert_eq!(bench.outcomes(2.1, 203.0), [], "less than a step away");
    assert_eq!(bench.outcomes(2.2, 20.0), [Outcome::Set], "far below");
    assert_eq!(bench.limit(), 100_000_000, "the lowest limit");
    assert_eq!(bench.outcomes(4.0, 900.0), [Outcome::Set], "far above");
    assert_eq!(bench.limit(), FOUND, "never above what was found");
    assert_eq!(bench.outcomes(6.0, 120.0), [Outcome::Set], "down again");
    let restored: Vec<Outcome> = bench.actuator.restore().iter().map(|setting| setting.outcome).collect();
    assert_eq!((restored, bench.limit()), (vec![Outcome::Restored], FOUND), "and back in the end");
    assert!(!bench.has_state(), "the state file is gone");
}

#[test]
fn a_setting_that_is_refused_ignored_or_spoilt_is_given_up_and_one_that_is_rounded_is_said() {
    let mut ignored = Bench::new(Manner::Ignores);
    assert_eq!(ignored.outcomes(0.0, 200.0)[0], Outcome::Refused, "it was read back");
    assert_eq!(ignored.outcomes(9.0, 150.0), [], "and is not tried again");
    let mut forbidden = Bench::new(Manner::Forbids);
    let said = forbidden.actuator.follow(Seconds(0.0), Watts(200.0))[0].to_string();
    assert!(said.contains("ask root") && said.contains("pacing goes on"), "one line with the remedy: {said}");
    let mut rounded = Bench::new(Manner::RoundsTo(220_000_000));
    assert_eq!(rounded.outcomes(0.0, 200.0), [Outcome::Rounded], "above the budget: still a backstop");
    let mut spoilt = Bench::new(Manner::RoundsTo(150_000_000));
    assert_eq!(spoilt.outcomes(0.0, 200.0), [Outcome::Refused, Outcome::Restored], "below the budget: put back");
    assert_eq!(spoilt.limit(), FOUND, "at once");
}

#[test]
fn a_panic_puts_the_limit_back() {
    let mut bench = Bench::new(Manner::Obeys);
    let (limit, folder) = (Arc::clone(&bench.limit), bench.folder.path().to_owned());
    assert_eq!(bench.outcomes(0.0, 200.0), [Outcome::Set], "it is set");
    let Bench { actuator, folder: _folder, .. } = bench;
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = actuator;
        panic!("in mid-flight");
    }));
    assert!(outcome.is_err(), "it panicked");
    assert_eq!(*limit.lock().expect("it is not held"), FOUND, "as it was found");
    assert!(!folder.join("state/actuator.json").exists(), "nothing is left to put back");
}

#[test]
fn two_flights_do_not_hold_the_limits_at_once_and_a_source_without_a_limit_is_told() {
    let mut first = Bench::new(Manner::Obeys);
    assert_eq!(first.outcomes(0.0, 200.0), [Outcome::Set], "the first one");
    let limit = Arc::new(Mutex::new(FOUND));
    let power_limit: Box<dyn PowerLimit> = Box::new(FakeLimit { limit: Arc::clone(&limit), manner: Manner::Obeys });
    let state = StateFolder::at(first.folder.path().join("state"));
    assert!(recover(&state, &Tree::new(first.folder.path())).lines.is_empty(), "a flight that lives needs no help");
    let mut second = Actuator::new(vec![power_limit], "fake", state).expect("it can be read");
    let said = second.follow(Seconds(0.0), Watts(200.0))[0].to_string();
    assert!(said.contains("another flight"), "{said}");
    assert_eq!(*limit.lock().expect("it is not held"), FOUND, "and nothing was set");
    drop((first, second));
    let power_limit: Box<dyn PowerLimit> = Box::new(FakeLimit { limit: Arc::clone(&limit), manner: Manner::Obeys });
    let folder = tempfile::tempdir().expect("a temporary directory");
    write(folder.path(), "actuator.json", "{}");
    let mut third =
        Actuator::new(vec![power_limit], "fake", StateFolder::at(folder.path().into())).expect("it can be read");
    let said = third.follow(Seconds(0.0), Watts(200.0))[0].to_string();
    assert!(said.contains("still to be put back"), "what a killed flight left is not written over: {said}");
    let none = Actuator::new(Vec::new(), "cpu-time", StateFolder::at(folder.path().join("other")));
    assert!(matches!(none, Err(ActuatorError::NoPowerLimit(source)) if source == "cpu-time"), "the source is named");
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().expect("a file in a directory")).expect("directories can be made");
    std::fs::write(path, text).expect("files can be written");
}

#[test]
fn the_power_limits_of_a_tree_are_the_caps_of_the_boards_and_packages_and_nothing_else() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let chip = "class/hwmon/hwmon3";
    for (file, text) in [
        ("name", "amdgpu"),
        ("power1_average", "90000000"),
        ("power1_cap", "300000000"),
        ("power1_cap_min", "150000000"),
        ("power1_cap_max", "330000000"),
    ] {
        write(root.path(), &format!("{chip}/{file}"), text);
    }
    for (zone, name) in [("intel-rapl:0", "package-0"), ("intel-rapl:1", "package-1"), ("intel-rapl:0:0", "core")] {
        write(root.path(), &format!("class/powercap/{zone}/name"), name);
        write(root.path(), &format!("class/powercap/{zone}/constraint_0_power_limit_uw"), "200000000");
    }
    let tree = Tree::new(root.path());
    let mut caps = power_limits_of("amdgpu:hwmon3", &tree);
    assert_eq!(caps.len(), 1, "one board");
    assert_eq!(caps[0].range(FOUND), Ok((150_000_000, 330_000_000)), "as the driver says");
    let state = StateFolder::at(root.path().join("state"));
    let mut packages = Actuator::new(power_limits_of("rapl", &tree), "rapl", state).expect("two packages");
    let settings = packages.follow(Seconds(0.0), Watts(200.0));
    assert!(settings.iter().all(|setting| setting.asked_w == Watts(105.0)), "half of 210 W each: {settings:?}");
    assert_eq!(settings.len(), 2, "the core is inside its package");
    drop(packages);
    let file = root.path().join("class/powercap/intel-rapl:1/constraint_0_power_limit_uw");
    assert_eq!(std::fs::read_to_string(file).expect("it is there"), "200000000", "put back");
    for key in ["class/hwmon/../../etc/power1_cap", "/etc/passwd", "class/hwmon/hwmon3/name", "class/hwmon//power1_cap"]
    {
        assert!(power_limit_of(key, &tree).is_none(), "{key} is no power limit");
    }
    assert!(power_limits_of("cpu-time", &tree).is_empty(), "a model has no power limit");
}

#[cfg(unix)]
mod in_flight {
    use super::write;
    use rustix::process::{Pid, Signal, kill_process};
    use serde_json::Value;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::JoinHandle;
    use std::time::{Duration, Instant};

    const ZONE: &str = "class/powercap/intel-rapl:0";
    const LIMIT: &str = "constraint_0_power_limit_uw";

    /// A package that draws 100 W, in a tree of its own.
    struct Package {
        root: tempfile::TempDir,
        stop: Arc<AtomicBool>,
        counter: Option<JoinHandle<()>>,
    }

    impl Package {
        fn new() -> Package {
            let root = tempfile::tempdir().expect("a temporary directory");
            for (file, text) in [
                ("name", "package-0"),
                ("max_energy_range_uj", "262143328850"),
                ("energy_uj", "0"),
                (LIMIT, "200000000"),
                ("constraint_0_name", "long_term"),
            ] {
                write(root.path(), &format!("{ZONE}/{file}"), text);
            }
            let stop = Arc::new(AtomicBool::new(false));
            let (ours, folder, began) = (Arc::clone(&stop), root.path().join(ZONE), Instant::now());
            let counter = std::thread::spawn(move || {
                while !ours.load(Ordering::Relaxed) {
                    let energy = (began.elapsed().as_secs_f64() * 100e6) as u64;
                    // A reader never sees half a number.
                    let scratch = folder.join("scratch");
                    std::fs::write(&scratch, energy.to_string()).expect("files can be written");
                    std::fs::rename(scratch, folder.join("energy_uj")).expect("in one folder");
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            Package { root, stop, counter: Some(counter) }
        }

        fn command(&self, words: &[&str]) -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
            command.args(words).arg("--results").arg(self.root.path().join("results"));
            command.env("DAWNDUSK_SYSFS", self.root.path()).env("DAWNDUSK_STATE", self.root.path().join("state"));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        }

        fn fly(&self, more: &[&str]) -> Child {
            let words = ["run", "--adapter", "cpu", "--length", "quick", "--workloads", "fma", "--compression", "100"];
            self.command(&[&words[..], more].concat()).spawn().expect("it starts")
        }

        fn limit(&self) -> String {
            std::fs::read_to_string(self.root.path().join(ZONE).join(LIMIT)).expect("the limit is there")
        }

        fn journal(&self) -> String {
            let folders = std::fs::read_dir(self.root.path().join("results")).into_iter().flatten().flatten();
            folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("journal.jsonl")).ok()).collect()
        }

        fn state(&self) -> PathBuf {
            self.root.path().join("state/actuator.json")
        }
    }

    impl Drop for Package {
        fn drop(&mut self) {
            self.stop.store(true, Ordering::Relaxed);
            drop(self.counter.take().map(JoinHandle::join));
        }
    }

    fn wait(child: &mut Child, what: &str, mut until: impl FnMut() -> bool) {
        for _ in 0..900 {
            if until() {
                return;
            }
            assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{what} did not come within 90 s");
    }

    fn kill(child: &Child, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process number")).expect("not zero");
        kill_process(pid, signal).expect("it is alive");
    }

    fn settings(journal: &str) -> Vec<Value> {
        let entries = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["event"] == "power_limit").collect()
    }

    #[test]
    fn a_polite_kill_puts_the_limit_back_and_the_journal_holds_every_setting() {
        let package = Package::new();
        let mut child = package.fly(&["--actuate"]);
        wait(&mut child, "the first setting", || !settings(&package.journal()).is_empty());
        kill(&child, Signal::TERM);
        assert_eq!(child.wait().expect("it ends").code(), Some(130), "interrupted");
        assert_eq!(package.limit().trim(), "200000000", "as it was found");
        assert!(!package.state().exists(), "nothing is left to put back");
        let journal = package.journal();
        assert!(journal.contains(&format!("\"knob\":\"{ZONE}/{LIMIT}\"")), "the conditions name it: {journal}");
        let (first, last) = (&settings(&journal)[0], settings(&journal).pop().expect("settings"));
        assert_eq!(first["asked_w"], first["read_back_w"], "asked and read back: {first}");
        assert_eq!(last["outcome"], "restored", "and the end: {last}");
    }

    #[test]
    fn after_a_kill_that_nothing_survives_the_next_start_puts_the_limit_back_and_says_so() {
        let package = Package::new();
        let mut child = package.fly(&["--actuate"]);
        wait(&mut child, "the first setting", || package.limit().trim() != "200000000");
        kill(&child, Signal::KILL);
        child.wait().expect("it ends");
        assert_ne!(package.limit().trim(), "200000000", "nobody could put it back");
        assert!(package.state().exists(), "but it is written down");
        let output = package.command(&["run", "no-such-satellite"]).stderr(Stdio::piped()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("a flight was killed") && said.contains("back at 200.0 W"), "one line: {said}");
        assert_eq!(package.limit().trim(), "200000000", "as it was found");
        assert!(!package.state().exists(), "and only once");
    }

    #[test]
    fn without_the_flag_no_limit_is_touched() {
        let package = Package::new();
        let file: &Path = &package.root.path().join(ZONE).join(LIMIT);
        let written = || file.metadata().and_then(|facts| facts.modified()).expect("the limit is there");
        let before = written();
        let mut child = package.fly(&[]);
        wait(&mut child, "departure", || package.journal().matches("\"event\":\"tick\"").count() > 40);
        kill(&child, Signal::TERM);
        assert_eq!(child.wait().expect("it ends").code(), Some(130), "interrupted");
        assert!(settings(&package.journal()).is_empty(), "no setting is recorded");
        assert_eq!((written(), package.state().exists()), (before, false), "and nothing was written");
    }
}
