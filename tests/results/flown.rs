//! The flight that every test looks at, and words for looking.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// What the first recording draws before the work, and from then on; the second one shows a tenth more.
pub(crate) const IDLE_W: f64 = 20.0;
pub(crate) const BUSY_W: f64 = 60.0;
pub(crate) const MORE: f64 = 1.1;

/// Idle power is watched for a second in a quick flight, from the first look on.
const IDLE_S: f64 = 1.2;

/// In the recording's own time: the driver says that the board was hot.
pub(crate) const HOT_FROM_S: f64 = 6.0;

pub(crate) struct Flight {
    folder: TempDir,
    directory: PathBuf,
}

pub(crate) fn dawndusk(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
    command.args(words).stdin(Stdio::null()).output().expect("it runs")
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Energies and the time for which it was hot, ten times a second.
fn recording(gain: f64, with_heat: bool) -> String {
    let mut text = if with_heat { "t_s,energy_j,thermal_s\n" } else { "t_s,energy_j\n" }.to_owned();
    for line in 0..3000 {
        let t = f64::from(line) * 0.1;
        let energy = gain * (IDLE_W * t.min(IDLE_S) + BUSY_W * (t - IDLE_S).max(0.0));
        text.push_str(&format!("{t:.1},{energy:.4}"));
        if with_heat {
            text.push_str(&format!(",{:.2}", (t - HOT_FROM_S).max(0.0) * 0.1));
        }
        text.push('\n');
    }
    text
}

impl Flight {
    fn fly() -> Flight {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("files can be written");
            format!("recorded://{}?boundary=wall", path.display())
        };
        let (one, two) = (file("one.csv", recording(1.0, true)), file("two.csv", recording(MORE, false)));
        let results = folder.path().join("results");
        let at = results.to_string_lossy().into_owned();
        let words = ["run", "unlimited", "--adapter", "cpu", "--length", "quick", "--compression", "560"];
        let more = ["--workloads", "fma", "--meter", &one, "--meter", &two, "--results", &at];
        let output = dawndusk(&[&words[..], &more].concat());
        assert_eq!(output.status.code(), Some(0), "nothing is limited: {}", said(&output));
        let mut found = std::fs::read_dir(&results).expect("the results folder is there");
        let directory = found.next().expect("one result").expect("it can be listed").path();
        Flight { folder, directory }
    }
}

fn flight() -> &'static Flight {
    static FLIGHT: OnceLock<Flight> = OnceLock::new();
    FLIGHT.get_or_init(Flight::fly)
}

/// A copy of the result, and a place for files beside it.
pub(crate) struct Copied {
    folder: TempDir,
    pub(crate) directory: PathBuf,
}

pub(crate) fn copied() -> Copied {
    let flight = flight();
    assert!(flight.folder.path().exists(), "the flight is kept until the last test");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let directory = folder.path().join("result");
    let copied = Copied { folder, directory };
    copied.put(&files(&flight.directory));
    copied
}

/// Names and contents of all files in a folder.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn files(directory: &Path) -> Files {
    let entries = std::fs::read_dir(directory).expect("it can be listed").flatten();
    let file = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, std::fs::read(entry.path()).expect("it can be read"))
    };
    entries.map(file).collect()
}

impl Copied {
    /// Makes the directory hold these files and no others.
    pub(crate) fn put(&self, files: &Files) {
        drop(std::fs::remove_dir_all(&self.directory));
        std::fs::create_dir_all(&self.directory).expect("folders can be made");
        for (name, bytes) in files {
            std::fs::write(self.directory.join(name), bytes).expect("files can be written");
        }
    }

    /// A file beside the result.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).expect("files can be written");
        path.to_string_lossy().into_owned()
    }

    pub(crate) fn command(&self, verb: &str, words: &[&str]) -> Output {
        let directory = self.directory.to_string_lossy().into_owned();
        dawndusk(&[&[verb, directory.as_str()], words].concat())
    }

    /// `report` with these words, which must end well; the result after it.
    pub(crate) fn report(&self, words: &[&str]) -> Value {
        let output = self.command("report", words);
        assert_eq!(output.status.code(), Some(0), "report {words:?}: {}", said(&output));
        self.result()
    }

    pub(crate) fn result(&self) -> Value {
        let text = std::fs::read_to_string(self.directory.join("result.json")).expect("result.json is there");
        serde_json::from_str(&text).expect("it is JSON")
    }

    pub(crate) fn summary(&self) -> String {
        let text = std::fs::read_to_string(self.directory.join("summary.txt")).expect("summary.txt is there");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Every page is what the journal gives.
    pub(crate) fn is_sound(&self) {
        let output = self.command("verify", &[]);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "it verifies: {answer} {}", said(&output));
    }
}

/// The number at a place of a document.
pub(crate) fn number(document: &Value, pointer: &str) -> f64 {
    document.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {pointer}: {document:#}"))
}

/// A phase of a merged file.
pub(crate) fn phase<'a>(result: &'a Value, file: usize, name: &str) -> &'a Value {
    let phases = result["meter_files"][file]["phases"].as_array().expect("phases");
    phases.iter().find(|phase| phase["phase"] == name).unwrap_or_else(|| panic!("no phase {name}: {phases:#?}"))
}

/// A steady power, `rate` times a second for a minute from before the flight, but for a hole.
pub(crate) fn steady(power: f64, rate: u32, hole: (f64, f64)) -> String {
    let times = (0..60 * rate).map(|line| f64::from(line) / f64::from(rate) - 1.0);
    let seen = times.filter(|t| !(hole.0 <= *t && *t < hole.1));
    seen.fold("t_s,power_w\n".to_owned(), |text, t| format!("{text}{t:.4},{power}\n"))
}
