//! Meters that are renewed once a second, and one that blocks, in whole flights of the program: a plug and an analyser's
//! daemon on loopback whose power follows the CPU time of the flight, and a counter whose file does not answer.
//!
//! The two flights take what the slowest phases need, not quite three minutes each, side by side.

use crate::analyser::{WT310, daemon_with};
use crate::network::{Reply, gen2, text};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the stand-ins show of an idle machine, and of one core at work.
const IDLE_W: f64 = 20.0;
const CORE_W: f64 = 80.0;

/// CPU seconds of a process; none once it has ended.
fn cpu_time(process: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// A meter at the plug: the mean power since it was asked for last, half a second ago at least.
#[derive(Default)]
struct Plug {
    process: Arc<AtomicU32>,
    last: Option<(Instant, f64)>,
    watts: f64,
}

impl Plug {
    fn watts(&mut self) -> f64 {
        let (now, used) = (Instant::now(), cpu_time(self.process.load(Ordering::Relaxed)).unwrap_or(0.0));
        let Some((since, before)) = self.last else {
            (self.last, self.watts) = (Some((now, used)), IDLE_W);
            return IDLE_W;
        };
        let elapsed = (now - since).as_secs_f64();
        if elapsed >= 0.5 {
            (self.last, self.watts) =
                (Some((now, used)), IDLE_W + CORE_W * ((used - before) / elapsed).clamp(0.0, 1.2));
        }
        self.watts
    }
}

/// A plug of the second generation at an address, and whom it watches.
fn plug() -> (String, Arc<AtomicU32>) {
    let process: Arc<AtomicU32> = Arc::default();
    let mut plug = Plug { process: Arc::clone(&process), ..Plug::default() };
    let port = gen2(move || {
        text(&format!(r#"{{"id":0,"output":true,"apower":{:.1},"aenergy":{{"total":1.0}}}}"#, plug.watts()))
    });
    (format!("shelly://127.0.0.1:{port}"), process)
}

/// A daemon before an analyser at an address, and whom it watches.
fn analyser() -> (String, Arc<AtomicU32>) {
    let process: Arc<AtomicU32> = Arc::default();
    let mut plug = Plug { process: Arc::clone(&process), ..Plug::default() };
    let began = jiff::Timestamp::now();
    let mut told = 0;
    let (port, _) = daemon_with(WT310, move || {
        let whole = (jiff::Timestamp::now().duration_since(began).as_secs_f64() + 1.0) as i64;
        if whole <= told {
            return text("No sample data");
        }
        let watts = plug.watts();
        let sample = |second: i64| {
            let at = (began + jiff::SignedDuration::from_secs(second)).strftime("%m-%d-%Y %H:%M:%S%.3f");
            format!("Time,{at},Watts,{watts:.3},Volts,230.1,Amps,0.3,PF,0.98,Mark,dawndusk")
        };
        let samples: Vec<String> = (told + 1..=whole).map(sample).collect();
        told = whole;
        Reply::Text(format!("Last {} samples\r\n{}", samples.len(), samples.join("\r\n")))
    });
    (format!("ptd://127.0.0.1:{port}"), process)
}

fn command(words: &[&str], meter: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
    command.args(words).args(["--adapter", "cpu", "--meter", meter]);
    // One core is the flight's, the rest is the meter's and its own loop's.
    command.env("RAYON_NUM_THREADS", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A whole flight; what it said, and its result.
fn flown(words: &[&str], (meter, process): (String, Arc<AtomicU32>)) -> (String, Value) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut command = command(words, &meter);
    let child = command.arg("--results").arg(folder.path()).spawn().expect("it starts");
    process.store(child.id(), Ordering::Relaxed);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let result = result_in(folder.path()).unwrap_or_else(|| panic!("a result: {said}"));
    (said, result)
}

fn result_in(folder: &Path) -> Option<Value> {
    let directory = std::fs::read_dir(folder).ok()?.flatten().next()?.path();
    serde_json::from_str(&std::fs::read_to_string(directory.join("result.json")).ok()?).ok()
}

/// A quick flight by such a meter says how long it takes, and has an energy with bounds for itself and each workload.
fn flies(meter: (String, Arc<AtomicU32>), name: &str) {
    let (said, result) = flown(&["run", "unlimited", "--length", "quick", "--workloads", "fma,copy"], meter);
    assert!(said.contains(&format!("{name} is renewed every 1 s, so the flight takes about")), "beforehand: {said}");
    let has_bounds = |energy: &Value, what: &str| {
        assert_eq!(energy["kind"], "measured", "{what}: {energy}");
        let figure = |key: &str| energy[key].as_f64().unwrap_or_else(|| panic!("{what} has no {key}: {energy}"));
        assert!(figure("low_j") < figure("value_j") && figure("value_j") < figure("high_j"), "{what}: {energy}");
    };
    let flight = &result["flight"];
    has_bounds(&flight["energy"], "the flight");
    for (list, what) in [(&result["unconstrained"], "unconstrained"), (&flight["workloads"], "in flight")] {
        let workloads = list.as_array().expect("a list");
        assert_eq!(workloads.len(), 2, "{what}: {list}");
        for workload in workloads {
            has_bounds(&workload["energy"], &format!("{} {what}", workload["name"]));
        }
    }
    let (rated, full) = (&result["scale"]["rated_w"], &result["scale"]["full_w"]);
    assert!(
        result["scale"]["rated_is_calibrated"] == true && rated == full,
        "the most that was seen: {}",
        result["scale"]
    );
    assert!(result["scale_statement"].to_string().contains("the most that calibration saw"), "stated as such");
    let broken: Vec<&Value> = result["verdict"]["constraints"].as_array().expect("a list").iter().collect();
    let broken: Vec<&&Value> = broken.iter().filter(|one| one["satisfied"] != true).collect();
    assert!(broken.is_empty(), "nothing speaks against it: {broken:?}");
}

#[test]
fn a_plug_and_an_analyser_that_are_renewed_every_second_drive_a_quick_flight_with_an_energy_for_each_workload() {
    let by_plug = std::thread::spawn(|| flies(plug(), "shelly:0"));
    flies(analyser(), "ptd:0");
    by_plug.join().expect("it ended well");
}

/// Starts, reads what it says until `wanted` is in it, and ends it.
fn says(words: &[&str], wanted: &str) -> String {
    let (meter, process) = plug();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut command = command(words, &meter);
    let mut child = command.current_dir(folder.path()).spawn().expect("it starts");
    process.store(child.id(), Ordering::Relaxed);
    let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let mut said = String::new();
    for line in lines.map_while(Result::ok) {
        said = said + &line + "\n";
        if line.contains(wanted) {
            break;
        }
    }
    child.kill().expect("it can be ended");
    child.wait().expect("it has ended");
    assert!(said.contains(wanted), "{words:?} must say `{wanted}`: {said}");
    said
}

#[test]
fn quick_and_standard_start_with_a_slow_plug_and_say_how_long_they_take() {
    fn seconds(length: &str) -> f64 {
        let said = says(&["run", "--length", length, "--workloads", "fma", "--results", "r"], "idle: ");
        let told = said.split("the flight takes about ").nth(1).and_then(|rest| rest.split(' ').next());
        told.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{length} says its time: {said}"))
    }
    let begun = ["quick", "standard"].map(|length| std::thread::spawn(move || seconds(length)));
    let [quick, standard] = begun.map(|begun| begun.join().expect("it ended well"));
    assert!(100.0 < quick && quick < standard && standard < 400.0, "{quick} s and {standard} s");
}

#[test]
fn a_sweep_and_the_cost_of_the_loop_last_as_long_as_a_slow_plug_needs() {
    let sweep = std::thread::spawn(|| says(&["bench", "--workloads", "fma", "--sweep", "machine.toml"], "duty  10 %"));
    let said = says(&["bench", "--workloads", "fma", "--overhead", "1"], "the loop costs");
    assert!(said.contains("shelly:0 is renewed every 1 s, so an arm lasts 7 s instead of 2 s"), "{said}");
    let said = sweep.join().expect("it ended well");
    assert!(said.contains("so each duty is held for 28 s instead of 5 s, about 224 s in all"), "{said}");
    let duty = said.lines().find(|line| line.contains("duty  10 %")).expect("just seen");
    assert!(duty.ends_with(" W") && !duty.contains("no"), "a power is measured: {duty}");
}

/// A package whose counter runs at 60 W until it is told to block.
struct Package {
    root: TempDir,
    began: Instant,
    is_blocked: Arc<Mutex<bool>>,
}

const COUNTER: &str = "class/powercap/intel-rapl:0/energy_uj";

impl Package {
    fn new() -> Package {
        let root = tempfile::tempdir().expect("a temporary directory");
        let zone = root.path().join("class/powercap/intel-rapl:0");
        std::fs::create_dir_all(&zone).expect("folders can be made");
        let limits = [("constraint_0_name", "long_term"), ("constraint_0_power_limit_uw", "200000000")];
        for (file, text) in [("name", "package-0"), ("max_energy_range_uj", "262143328850"), limits[0], limits[1]] {
            std::fs::write(zone.join(file), format!("{text}\n")).expect("files can be written");
        }
        let package = Package { root, began: Instant::now(), is_blocked: Arc::default() };
        package.show();
        package.run();
        package
    }

    fn counter(&self) -> PathBuf {
        self.root.path().join(COUNTER)
    }

    /// Puts a file in the counter's place at once, as a reader sees it.
    fn show(&self) {
        show(&self.counter(), self.began);
    }

    fn run(&self) {
        let (counter, began, is_blocked) = (self.counter(), self.began, Arc::clone(&self.is_blocked));
        std::thread::spawn(move || {
            // Until the folder is gone with its test.
            while counter.parent().is_some_and(Path::exists) {
                let is_blocked = is_blocked.lock().expect("no test panics here");
                if !*is_blocked {
                    show(&counter, began);
                }
                drop(is_blocked);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    }

    /// Nobody who opens the counter gets an answer for so long.
    fn block(&self, duration: Duration) {
        let pipe = self.counter().with_extension("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("it is part of every Unix");
        assert!(made.success(), "a pipe can be made");
        *self.is_blocked.lock().expect("no test panics here") = true;
        std::fs::rename(&pipe, self.counter()).expect("it can be put in place");
        std::thread::sleep(duration);
        let energy = energy(self.began);
        std::fs::write(self.counter(), energy).expect("whoever waits is answered");
        *self.is_blocked.lock().expect("no test panics here") = false;
    }
}

fn energy(began: Instant) -> String {
    format!("{:.0}\n", began.elapsed().as_secs_f64() * 60.0 * 1e6)
}

fn show(counter: &Path, began: Instant) {
    let fresh = counter.with_extension("new");
    if std::fs::write(&fresh, energy(began)).is_ok() {
        drop(std::fs::rename(&fresh, counter));
    }
}

/// The times of the ticks so far, and how many of them had no reading in time.
fn ticks(folder: &Path) -> (Vec<f64>, usize) {
    let directory = std::fs::read_dir(folder).into_iter().flatten().flatten().next();
    let journal = directory.and_then(|directory| std::fs::read_to_string(directory.path().join("journal.jsonl")).ok());
    let journal = journal.unwrap_or_default();
    let entries = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ticks: Vec<Value> = entries.filter(|entry| entry["event"] == "tick").collect();
    let unread = ticks.iter().filter(|tick| tick["no_reading"].to_string().contains("timeout")).count();
    (ticks.iter().filter_map(|tick| tick["flight_s"].as_f64()).collect(), unread)
}

fn departed(child: &mut Child, folder: &Path) {
    let began = Instant::now();
    while ticks(folder).0.len() < 20 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before it left");
        assert!(began.elapsed() < Duration::from_secs(90), "it did not leave within 90 s");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_source_that_blocks_for_ten_seconds_makes_no_tick_wait() {
    const TICK: f64 = 0.05;
    let (package, results) = (Package::new(), tempfile::tempdir().expect("a temporary directory"));
    let mut command = command(&["run", "unlimited", "--length", "quick", "--workloads", "fma"], "rapl");
    command.env("DAWNDUSK_SYSFS", package.root.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.arg("--results").arg(results.path()).spawn().expect("it starts");
    departed(&mut child, results.path());
    let from = ticks(results.path()).0.last().copied().expect("it has left");
    package.block(Duration::from_secs(10));
    child.wait().expect("it ends");
    let (times, unread) = ticks(results.path());
    assert!(unread > 100, "the source was blocked, and the ticks say so: {unread}");
    let longest = |is_meant: &dyn Fn(f64) -> bool| {
        let steps = times.windows(2).filter(|pair| is_meant(pair[1])).map(|pair| pair[1] - pair[0]);
        steps.fold(0.0, f64::max)
    };
    let is_blocked = |at: f64| from <= at && at <= from + 11.0;
    let (blocked, otherwise) = (longest(&is_blocked), longest(&|at| !is_blocked(at)));
    // A machine that is busy with other tests makes ticks late as well, with a source that answers.
    let most = (2.0 * TICK).max(1.5 * otherwise);
    assert!(blocked < most.min(0.4), "a tick of {blocked} s while the source was blocked, {otherwise} s otherwise");
}
