//! `doctor`, `devices` and `--meter` through the program: what is said of a machine that a test has made up.

use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

struct Said {
    code: i32,
    out: String,
    err: String,
}

/// The program on a machine whose tree of attributes is `sysfs`, with nothing in its store and a cache of its own.
fn dawndusk(sysfs: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
    command.env("DAWNDUSK_SYSFS", sysfs).env("DAWNDUSK_MODELS", sysfs.join("models"));
    command.env("DAWNDUSK_CACHE", sysfs.join("cache"));
    let output = command.args(arguments).output().expect("the binary runs");
    Said {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn examined(sysfs: &Path, arguments: &[&str]) -> (i32, Value) {
    let said = dawndusk(sysfs, &[&["doctor", "--json"], arguments].concat());
    let document = serde_json::from_str(&said.out);
    (said.code, document.unwrap_or_else(|error| panic!("one JSON document: {error}\n{}\n{}", said.out, said.err)))
}

fn line<'a>(document: &'a Value, area: &str, name: &str) -> &'a Value {
    let checks = document["checks"].as_array().expect("a list");
    let is_it = |check: &&Value| check["area"] == area && check["name"] == name;
    checks.iter().find(is_it).unwrap_or_else(|| panic!("no line for {area} {name}: {document:#}"))
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().expect("a file in a folder")).expect("folders can be made");
    std::fs::write(path, text).expect("files can be written");
}

fn bare() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// A Jetson that draws 15 W.
fn jetson() -> TempDir {
    let root = bare();
    for (file, text) in [("name", "ina3221"), ("in1_label", "VDD_IN"), ("in1_input", "5000"), ("curr1_input", "3000")] {
        write(root.path(), &format!("class/hwmon/hwmon0/{file}"), text);
    }
    root
}

fn recording(root: &Path) -> String {
    let lines: String = (0..600).map(|line| format!("{},{}\n", f64::from(line) * 0.1, line * 5)).collect();
    write(root, "looks.csv", &format!("t_s,energy_j\n{lines}"));
    format!("recorded://{}?boundary=wall", root.join("looks.csv").display())
}

#[test]
fn a_machine_without_a_power_source_is_told_what_stands_in_and_what_it_is_worth() {
    let root = bare();
    let (code, found) = examined(root.path(), &[]);
    if found["power"]["provenance"] != "modelled" {
        // A machine whose board is measured has nothing standing in.
        assert_eq!(line(&found, "power", "cpu-time")["state"], "pass", "the model is not needed: {found:#}");
        return;
    }
    assert_eq!((code, &found["overall"]), (0, &Value::from("warn")), "it works, for less: {found:#}");
    assert_eq!(found["power"]["source"], "cpu-time", "the model");
    let worth = found["power"]["worth"].as_str().expect("in words");
    assert!(
        worth.contains("no source measures") && worth.contains("never ranked") && worth.contains("no band"),
        "{worth}"
    );
    let model = line(&found, "power", "cpu-time");
    assert_eq!(model["state"], "warn", "a model is no pass where nothing measures");
    assert!(model["reads"]["relative_uncertainty"].is_null(), "no band: {model}");
    let rapl = line(&found, "power", "rapl");
    assert_eq!(rapl["state"], "warn", "not there");
    assert!(rapl["finding"].as_str().is_some_and(|text| text.contains("powercap")), "what was tried: {rapl}");
    assert!(rapl["remedy"].is_string() && rapl["reads"].is_null(), "and how to mend it, without a number: {rapl}");
}

#[test]
fn a_source_says_what_it_reads_how_often_how_well_and_of_what() {
    let root = jetson();
    let (_, found) = examined(root.path(), &[]);
    let module = line(&found, "power", "jetson");
    assert_eq!(module["state"], "pass", "it was read: {module}");
    let number = |key: &str| module.pointer(&format!("/reads/{key}")).and_then(Value::as_f64).unwrap_or(f64::NAN);
    assert!((number("power_w") - 15.0).abs() < 1e-9, "5 V and 3 A: {module}");
    assert!((number("update_period_s") - 0.1).abs() < 1e-9, "its period: {module}");
    assert!((number("relative_uncertainty") - 0.05).abs() < 1e-9, "its band: {module}");
    assert_eq!(module["reads"]["boundary"], "module", "what it covers");
    let listed = dawndusk(root.path(), &["devices"]);
    let text = listed.out.lines().find(|line| line.contains("jetson")).expect("devices lists it");
    for fragment in ["15.0 W", "CPU and GPU together", "new every 0.100 s", "within 5 %", "VDD_IN"] {
        assert!(text.contains(fragment), "`{fragment}` is part of the line: {text}");
    }
}

#[test]
fn what_is_there_and_lies_fails_and_is_not_a_number() {
    let root = bare();
    write(root.path(), "class/hwmon/hwmon0/name", "amdgpu");
    write(root.path(), "class/hwmon/hwmon0/power1_average", "0");
    let (code, found) = examined(root.path(), &[]);
    let board = line(&found, "power", "hwmon0");
    assert_eq!((code, &board["state"]), (10, &Value::from("fail")), "0 W from a running board: {board}");
    assert!(board["reads"].is_null(), "no number is made of it: {board}");
    assert_eq!(found["overall"], "fail", "as good as its worst line");
}

#[test]
fn a_requirement_that_is_not_met_is_exit_code_14_after_the_document() {
    let measured = jetson();
    assert_eq!(examined(measured.path(), &["--require", "power"]).0, 0, "a rail measures");
    let root = bare();
    let (code, found) = examined(root.path(), &["--require", "power"]);
    let here = found["power"]["provenance"] == "modelled";
    assert_eq!(code, if here { 14 } else { 0 }, "nothing measures here: {here}");
    let (code, _) = examined(root.path(), &["--require", "power", "--meter", &recording(root.path())]);
    assert_eq!(code, if here { 14 } else { 0 }, "a recording does not measure");
}

#[test]
fn weights_clocks_and_cache_have_their_lines() {
    let root = bare();
    write(root.path(), "devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
    let (_, found) = examined(root.path(), &[]);
    let weights = line(&found, "weights", "smollm2-135m");
    assert_eq!(weights["state"], "warn", "an empty store: {weights}");
    assert_eq!(weights["remedy"], "dawndusk models pull smollm2-135m", "the very words");
    assert_eq!(line(&found, "clock", "source")["state"], "warn", "a slow clock is named");
    assert_eq!(line(&found, "clock", "steadiness")["state"], "pass", "time stands neither still nor leaps");
    assert_eq!(line(&found, "cache", "folder")["state"], "pass", "it can be written");
    assert_eq!(line(&found, "candle", "cpu")["state"], "pass", "the CPU is always there");
    let left = std::fs::read_dir(root.path().join("cache/tuning")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "the trial file is taken away again");
    std::fs::create_dir_all(root.path().join("models")).expect("folders can be made");
    let occupied = root.path().join("occupied");
    std::fs::write(&occupied, b"a file").expect("files can be written");
    let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
    let output = command.args(["doctor", "--json"]).env("DAWNDUSK_CACHE", &occupied).env("DAWNDUSK_SYSFS", root.path());
    let output = output.env("DAWNDUSK_MODELS", root.path().join("models")).output().expect("the binary runs");
    let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(line(&found, "cache", "folder")["state"], "warn", "a file where the folder should be");
}

#[test]
fn the_page_for_people_has_a_word_a_line_and_the_whole_last() {
    let root = jetson();
    let said = dawndusk(root.path(), &["doctor"]);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines.last().is_some_and(|line| line.starts_with("overall: ")), "{}", said.out);
    for line in &lines {
        let is_line =
            ["pass  ", "warn  ", "fail  ", "      ", "power: ", "overall: "].iter().any(|w| line.starts_with(w));
        assert!(is_line, "every line says how it stands: {line}");
    }
}

#[test]
fn a_meter_asked_for_by_name_or_address_is_used_or_refused_with_what_there_is() {
    let root = jetson();
    let address = recording(root.path());
    let bench = ["bench", "--adapter", "cpu", "--length", "quick", "--workloads", "fma", "-r", "1"];
    let said = dawndusk(root.path(), &[&bench[..], &["--meter", &address]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("a recording, not a measurement") && said.out.contains("modelled"), "{}", said.out);
    let said = dawndusk(root.path(), &[&bench[..], &["--meter", "wattmeter"]].concat());
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("wattmeter") && said.err.contains("jetson, rapl, cpu-time"),
        "what there is: {}",
        said.err
    );
    let said = dawndusk(root.path(), &[&bench[..], &["--meter", "rapl"]].concat());
    assert_eq!(said.code, 14, "it is there and cannot be read: {}", said.err);
    for (text, fragment) in
        [("shelly://", "no host"), ("ptd://a:99999", "99999"), ("recorded://x?boundary=moon", "moon")]
    {
        let said = dawndusk(root.path(), &[&bench[..], &["--meter", text]].concat());
        assert_eq!(said.code, 2, "{text}: {}", said.err);
        assert!(said.err.contains("--meter") && said.err.contains(fragment), "{text}: {}", said.err);
    }
}
