//! A machine that a test makes up: a tree of attributes whose counters run, a library in a file, and the program on it.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The tree, and what runs in it until it is dropped.
pub(crate) struct Machine {
    root: TempDir,
    running: Vec<JoinHandle<()>>,
    ends: Arc<AtomicBool>,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let root = tempfile::tempdir().expect("a temporary directory");
        Machine { root, running: Vec::new(), ends: Arc::default() }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        put(&self.path(file), text);
    }

    /// Writes each of `files` below `folder`.
    pub(crate) fn files(&self, folder: &str, files: &[(&str, &str)]) {
        files.iter().for_each(|(file, text)| self.write(&format!("{folder}/{file}"), text));
    }

    /// Lets `files` follow the time: each is written anew every 5 ms with what `text` gives for its seconds.
    pub(crate) fn run(&mut self, files: &[&str], text: impl Fn(f64, usize) -> String + Send + 'static) {
        let paths: Vec<PathBuf> = files.iter().map(|file| self.path(file)).collect();
        let write = move |seconds: f64| {
            paths.iter().enumerate().for_each(|(index, path)| put(path, &text(seconds, index)));
        };
        write(0.0);
        let (start, ends) = (Instant::now(), Arc::clone(&self.ends));
        self.running.push(std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                write(start.elapsed().as_secs_f64());
                std::thread::sleep(Duration::from_millis(5));
            }
        }));
    }

    /// A counter of microjoules at `watts`, give or take what a busy machine writes late.
    pub(crate) fn counter(&mut self, file: &str, watts: f64) {
        self.run(&[file], move |seconds, _| format!("{:.0}\n", 5e9 + seconds * watts * 1e6));
    }

    /// A CPU package that draws `watts`, with these limits of the long and short term.
    pub(crate) fn package(&mut self, watts: f64, limits: &[(&str, &str)]) {
        let folder = "class/powercap/intel-rapl:0";
        self.files(folder, &[("name", "package-0"), ("max_energy_range_uj", "262143328850")]);
        self.files(folder, limits);
        self.counter(&format!("{folder}/energy_uj"), watts);
    }

    /// The program with `arguments`, on this machine.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
        let root = self.root.path();
        command.env("DAWNDUSK_SYSFS", root).env("DAWNDUSK_MODELS", root.join("models"));
        command.env("DAWNDUSK_CACHE", root.join("cache")).env("DAWNDUSK_STATE", root.join("state"));
        // A machine without a library says so in a file.
        if !self.path("library.toml").exists() {
            self.write("library.toml", "");
        }
        command.env("DAWNDUSK_NVML", root.join("library.toml")).args(arguments);
        command
    }

    /// What `doctor --json` says.
    pub(crate) fn doctor(&self) -> Found {
        self.doctor_with(&[])
    }

    /// The same with these arguments.
    pub(crate) fn doctor_with(&self, arguments: &[&str]) -> Found {
        let output = self.command(&[&["doctor", "--json"], arguments].concat()).output().expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let document = serde_json::from_str(&text);
        let said = || format!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
        Found(document.unwrap_or_else(|error| panic!("one JSON document: {error}\n{}", said())))
    }

    /// A quick run of one kernel on the CPU by the source `meter`.
    pub(crate) fn flown(&self, meter: &str) -> Flown {
        self.flown_with(&["--meter", meter])
    }

    /// The same with these arguments.
    pub(crate) fn flown_with(&self, arguments: &[&str]) -> Flown {
        let results = self.path("results");
        let fixed = ["run", "unlimited", "--adapter", "cpu", "--length", "quick", "--compression", "1000"];
        let mut command = self.command(&[&fixed[..], &["--workloads", "fma"], arguments].concat());
        let output = command.arg("--results").arg(&results).output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let mut listed = std::fs::read_dir(&results).unwrap_or_else(|_| panic!("a result: {said}"));
        let directory = listed.next().expect("one result").expect("it can be listed").path();
        let page = |name: &str| std::fs::read_to_string(directory.join(name)).expect("a page");
        let parsed = |text: &str| serde_json::from_str(text).expect("one JSON document");
        Flown {
            result: parsed(&page("result.json")),
            journal: page("journal.jsonl").lines().map(parsed).collect(),
            said,
        }
    }
}

/// A flight that is over.
pub(crate) struct Flown {
    pub(crate) result: Value,
    journal: Vec<Value>,
    pub(crate) said: String,
}

impl Flown {
    /// What the flight drew, as it is in the journal: with its energy, or why there is none.
    pub(crate) fn drawn(&self) -> &Value {
        let arrived = self.journal.iter().find(|entry| entry["event"] == "arrived");
        &arrived.unwrap_or_else(|| panic!("it arrived: {}", self.said))["drawn"]
    }

    /// The highest power of any tick; none where none was counted.
    pub(crate) fn highest_w(&self) -> Option<f64> {
        self.journal.iter().filter_map(|entry| entry["power_w"].as_f64()).reduce(f64::max)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.running.drain(..) {
            thread.join().expect("no writer panics");
        }
    }
}

/// Whole at any time: nobody reads half a file.
fn put(path: &Path, text: &str) {
    let folder = path.parent().expect("a file in a folder");
    std::fs::create_dir_all(folder).expect("folders can be made");
    let mut name = path.file_name().expect("a file has a name").to_owned();
    name.push(".new");
    let new = folder.join(name);
    std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path)).expect("files can be written");
}

/// What `doctor` found.
pub(crate) struct Found(pub(crate) Value);

impl Found {
    /// The line of a power source.
    pub(crate) fn line(&self, name: &str) -> &Value {
        let checks = self.0["checks"].as_array().expect("a list");
        let is_it = |check: &&Value| check["area"] == "power" && check["name"] == name;
        checks.iter().find(is_it).unwrap_or_else(|| panic!("no line for {name}: {:#}", self.0))
    }

    pub(crate) fn finding(&self, name: &str) -> &str {
        self.line(name)["finding"].as_str().expect("in words")
    }

    pub(crate) fn boundary(&self, name: &str) -> &str {
        let line = self.line(name);
        line["reads"]["boundary"].as_str().unwrap_or_else(|| panic!("it reads: {line:#}"))
    }

    pub(crate) fn number(&self, name: &str, key: &str) -> f64 {
        let line = self.line(name);
        line["reads"][key].as_f64().unwrap_or_else(|| panic!("{key}: {line:#}"))
    }

    /// The source that a run would take.
    pub(crate) fn chosen(&self) -> &str {
        self.0["power"]["source"].as_str().unwrap_or_else(|| panic!("a choice: {:#}", self.0["power"]))
    }
}
