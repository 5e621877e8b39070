//! `doctor`, `devices` and `--meter` through the program: what is said of a machine that a test has made up.

mod adapters;
mod meters;

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

/// What `doctor` says of a machine whose NVIDIA library is made up by `text`.
fn with_library(root: &Path, text: &str) -> (i32, Value) {
    write(root, "library.toml", text);
    let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
    command.env("DAWNDUSK_SYSFS", root).env("DAWNDUSK_MODELS", root.join("models"));
    command.env("DAWNDUSK_CACHE", root.join("cache")).env("DAWNDUSK_NVML", root.join("library.toml"));
    let output = command.args(["doctor", "--json"]).output().expect("the binary runs");
    let document = serde_json::from_slice(&output.stdout).expect("one JSON document");
    (output.status.code().expect("it ends by itself"), document)
}

/// The page of `devices` on the same machine.
fn devices_with_library(mut command: Command, root: &Path) -> String {
    command.env("DAWNDUSK_SYSFS", root).env("DAWNDUSK_NVML", root.join("library.toml"));
    let output = command.arg("devices").output().expect("the binary runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const H100: &str = r#"
[[board]]
name = "NVIDIA H100 80GB HBM3"
id = "GPU-7"
architecture = "hopper"
power_w = 250.0
energy_period_s = 0.04
processes = []
[board.says]
power_usage = 248000
"field 186" = 251000
"field 185" = 249000
enforced_limit = 700000
default_limit = 700000
lowest_limit = 200000
highest_limit = 700000
event_reasons = 1
temperature = 314150
core_clock = 1980
memory_clock = 2619
"field 82" = 55
partitioned = 0
persistent = 1
"#;

/// A Jetson that draws 15 W.
fn jetson() -> TempDir {
    let root = bare();
    for (file, text) in [("name", "ina3221"), ("in1_label", "VDD_IN"), ("in1_input", "5000"), ("curr1_input", "3000")] {
        write(root.path(), &format!("class/hwmon/hwmon0/{file}"), text);
    }
    write(root.path(), "firmware/devicetree/base/compatible", "nvidia,p3767-0005\0nvidia,tegra234\0");
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
    for fragment in ["15.0 W", "one module", "new every 0.100 s", "within 5 %", "VDD_IN"] {
        assert!(text.contains(fragment), "`{fragment}` is part of the line: {text}");
    }
}

#[test]
fn a_board_in_order_passes_line_by_line() {
    let root = bare();
    let (_, found) = with_library(root.path(), H100);
    let source = line(&found, "power", "nvml-stand-in:0");
    let period = source["reads"]["update_period_s"].as_f64().expect("seen");
    assert!((0.03..0.06).contains(&period), "the counter's period, 40 ms: {source}");
    assert_eq!(source["reads"]["rated_w"], 700.0, "and full power, by its limit");
    for about in ["limit", "slowed by", "partitions", "other processes", "persistence", "conditions"] {
        let name = format!("nvml-stand-in:0 {about}");
        assert_eq!(line(&found, "board", &name)["state"], "pass", "{about}: {found:#}");
    }
    let conditions = line(&found, "board", "nvml-stand-in:0 conditions")["finding"].as_str().expect("in words");
    let listed = Command::cargo_bin("dawndusk").expect("the binary is built");
    let listed = devices_with_library(listed, root.path());
    assert!(listed.contains("its board: limit 700.0 W, core clock 1980 MHz"), "devices says it too: {listed}");
    for fragment in [
        "core clock 1980 MHz",
        "chip temperature 41 °C",
        "memory temperature 55 °C",
        "instant power 251.0 W",
        "module power: not supported",
    ] {
        assert!(conditions.contains(fragment), "`{fragment}`: each is there or has its cause: {conditions}");
    }
    let limit = line(&found, "board", "nvml-stand-in:0 limit")["finding"].as_str().expect("in words");
    assert!(limit.contains("700 W") && limit.contains("200 W to 700 W"), "{limit}");
}

#[test]
fn a_shared_capped_partitioned_board_warns_and_says_how_to_mend_it() {
    let root = bare();
    let text = H100
        .replace("processes = []", "processes = [4242, 17]")
        .replace("enforced_limit = 700000", "enforced_limit = 500000")
        .replace("partitioned = 0", "partitioned = 1")
        .replace("persistent = 1", "persistent = 0")
        .replace("event_reasons = 1", "event_reasons = 4");
    let (code, found) = with_library(root.path(), &text);
    assert_eq!((code, &found["overall"]), (0, &Value::from("warn")), "it works, for less: {found:#}");
    for (about, finding, remedy) in [
        ("limit", "500 W, and 700 W", "nvidia-smi -i GPU-7 -pl 700"),
        ("slowed by", "power limit", "nothing else loads"),
        ("partitions", "the whole board", "-mig 0"),
        ("other processes", "2 other processes are on the board (17, 4242)", "end them"),
        ("persistence", "unloads", "nvidia-persistenced"),
    ] {
        let check = line(&found, "board", &format!("nvml-stand-in:0 {about}"));
        assert_eq!(check["state"], "warn", "{about}: {check}");
        assert!(check["finding"].as_str().is_some_and(|text| text.contains(finding)), "{about}: {check}");
        assert!(check["remedy"].as_str().is_some_and(|text| text.contains(remedy)), "{about}: {check}");
    }
}

#[test]
fn a_run_on_a_shared_or_partitioned_board_is_not_ranked_and_says_why() {
    let root = bare();
    let text = H100.replace("processes = []", "processes = [4242, 17]").replace("partitioned = 0", "partitioned = 1");
    write(root.path(), "library.toml", &text);
    let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
    command.env("DAWNDUSK_SYSFS", root.path()).env("DAWNDUSK_NVML", root.path().join("library.toml"));
    command.env("DAWNDUSK_CACHE", root.path().join("cache"));
    command.args(["run", "unlimited", "--adapter", "cpu", "--length", "quick", "--compression", "1000"]);
    command
        .args(["--workloads", "fma", "--meter", "nvml-stand-in:0"])
        .arg("--results")
        .arg(root.path().join("results"));
    let output = command.output().expect("the binary runs");
    let mut results = std::fs::read_dir(root.path().join("results")).expect("a result");
    let directory = results.next().expect("one result").expect("it can be listed").path();
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).expect("a page");
    let result: Value = serde_json::from_str(&read("result.json")).expect("one JSON document");
    let said = (result["verdict"]["unranked_because"].to_string(), String::from_utf8_lossy(&output.stderr));
    for reason in ["the board is cut into instances", "2 other processes were on the board"] {
        assert!(said.0.contains(reason), "`{reason}` speaks against it: {said:?}");
        assert!(read("summary.txt").contains(reason), "`{reason}` is on the page");
    }
    assert_eq!(result["conditions"]["sharing"]["other_processes"]["value"], serde_json::json!([17, 4242]), "and who");
}

#[test]
fn a_hot_or_lost_board_fails_and_what_is_missing_has_its_cause() {
    let root = bare();
    let hot = H100.replace("event_reasons = 1", "event_reasons = 72");
    let (code, found) = with_library(root.path(), &hot);
    assert_eq!((code, &found["overall"]), (10, &Value::from("fail")), "the hardware protects itself from heat");
    let gone = H100.replace("core_clock = 1980", "core_clock = \"lost\"").replace("memory_clock = 2619\n", "");
    let (_, found) = with_library(root.path(), &gone);
    let conditions = line(&found, "board", "nvml-stand-in:0 conditions");
    assert_eq!(conditions["state"], "fail", "a clock that was lost: {conditions}");
    let text = conditions["finding"].as_str().expect("in words");
    assert!(text.contains("core clock: the device is lost, memory clock: not supported"), "each its own cause: {text}");
}

#[test]
fn an_amd_board_at_its_cap_says_so_and_asks_nothing_that_amd_has_not() {
    let root = bare();
    let files = [
        ("name", "amdgpu"),
        ("power1_average", "298000000"),
        ("power1_cap", "300000000"),
        ("power1_cap_default", "300000000"),
        ("temp1_input", "64000"),
        ("freq1_input", "2100000000"),
        ("device/uevent", "DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n"),
    ];
    files.iter().for_each(|(file, text)| write(root.path(), &format!("class/hwmon/hwmon0/{file}"), text));
    let (_, found) = examined(root.path(), &[]);
    let about = |what: &str| line(&found, "board", &format!("amdgpu:0000:03:00.0 {what}"));
    assert_eq!(about("slowed by")["state"], "warn", "kept at its cap: {}", about("slowed by"));
    assert_eq!(about("limit")["state"], "pass", "{}", about("limit"));
    let conditions = about("conditions")["finding"].as_str().expect("in words");
    assert!(
        conditions.contains("core clock 2100 MHz") && conditions.contains("chip temperature 64 °C"),
        "{conditions}"
    );
    let names = found["checks"].as_array().expect("a list").iter().filter_map(|check| check["name"].as_str());
    assert!(names.clone().all(|name| !name.ends_with("persistence")), "no such thing there");
    assert!(names.clone().any(|name| name.ends_with("conditions")), "but this");
}

#[test]
fn a_made_up_library_that_cannot_be_read_is_named() {
    let root = bare();
    let (_, found) = with_library(root.path(), "[[board]]\nname = 3\n");
    let library = line(&found, "power", "nvml-stand-in");
    assert_eq!(library["state"], "fail", "{library}");
    assert!(library["finding"].as_str().is_some_and(|text| text.contains("library.toml")), "{library}");
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
