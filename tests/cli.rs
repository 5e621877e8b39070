//! The binary as a user meets it: one clear error for each bad input, and the exit code that the help text promises.

use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn dawndusk(arguments: &[&str]) -> Said {
    let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
    let output = command.args(arguments).output().expect("the binary runs");
    Said {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Exit code 2, nothing on standard output, and an error that holds every fragment.
fn refuses(arguments: &[&str], fragments: &[&str]) {
    let said = dawndusk(arguments);
    assert_eq!(said.code, 2, "{arguments:?} is bad input: {}", said.err);
    assert!(said.out.is_empty(), "{arguments:?} answers nothing: {}", said.out);
    for fragment in fragments {
        assert!(said.err.contains(fragment), "{arguments:?} must name `{fragment}`: {}", said.err);
    }
    assert!(!said.err.contains("panicked"), "{arguments:?} must not panic: {}", said.err);
}

fn json(arguments: &[&str]) -> Value {
    let said = dawndusk(arguments);
    assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
    serde_json::from_str(&said.out).expect("one JSON document and nothing else")
}

fn near(document: &Value, pointer: &str, expected: f64, tolerance: f64) {
    let found = document.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
    assert!((found - expected).abs() <= tolerance, "{pointer}: {found}, expected {expected} within {tolerance}");
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the temporary directory can be written");
    path.to_string_lossy().into_owned()
}

#[test]
fn a_bad_override_names_its_key_and_the_allowed_range() {
    let check = |set: &str, fragments: &[&str]| refuses(&["profile", "check", "leo-100kw", "--set", set], fragments);
    check("orbit.altitude_km=100", &["orbit.altitude_km", "100"]);
    check("orbit.ltan=25:00", &["orbit.ltan", "25:00"]);
    check("battery.charge_efficiency=1.4", &["battery.charge_efficiency", "1.4"]);
    check("thermal.radiator_side_area_m2=-1", &["thermal.radiator_side_area_m2", "-1"]);
    check("orbit.hight_km=700", &["orbit.hight_km"]);
    check("array.power_w=\"much\"", &["array.power_w"]);
    check("nonsense", &["--set", "nonsense"]);
}

#[test]
fn a_bad_profile_file_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let empty = write(folder.path(), "empty.toml", b"");
    refuses(&["profile", "check", &empty], &["empty.toml"]);
    refuses(&["profile", "check", &folder.path().to_string_lossy()], &[&folder.path().to_string_lossy()]);
    refuses(&["profile", "check", "no-such-satellite"], &["no-such-satellite", "leo-100kw"]);
    let unknown =
        include_str!("../profiles/satellites/leo-100kw.toml").replace("power_w = 110000.0", "powr_w = 110000.0");
    let unknown = write(folder.path(), "unknown.toml", unknown.as_bytes());
    refuses(&["profile", "check", &unknown], &["unknown.toml", "powr_w"]);
}

#[test]
fn a_bad_model_file_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let results = folder.path().join("results").to_string_lossy().into_owned();
    let text = write(folder.path(), "text.gguf", b"this is not a model, whatever its name says");
    let empty = write(folder.path(), "empty.gguf", b"");
    for (model, fragment) in [(text.as_str(), "text.gguf"), (&empty, "empty.gguf"), ("./absent.gguf", "absent.gguf")] {
        refuses(&["run", "--adapter", "cpu", "--length", "quick", "--results", &results, "-m", model], &[fragment]);
    }
    refuses(
        &["run", "--adapter", "cpu", "--results", &results, "-m", "no-such-model"],
        &["no-such-model", "smollm2-135m"],
    );
    let left = std::fs::read_dir(&results).map_or(0, Iterator::count);
    assert_eq!(left, 0, "no empty result directory stays behind");
}

#[test]
fn a_missing_adapter_is_refused_with_those_that_exist() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let results = folder.path().to_string_lossy().into_owned();
    refuses(&["run", "--results", &results, "--adapter", "no such card"], &["--adapter", "no such card", "`cpu`"]);
}

#[test]
fn a_results_folder_that_cannot_be_written_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = write(folder.path(), "occupied", b"a file where a folder should be");
    refuses(&["run", "--adapter", "cpu", "--results", &file], &["occupied"]);
}

#[test]
fn bad_words_are_refused_with_the_words_that_exist() {
    refuses(&["run", "--governor", "fast"], &["--governor", "predictive"]);
    refuses(&["run", "--length", "brief"], &["--length", "quick"]);
    refuses(&["run", "--compression", "0"], &["--compression", "between 1 and 1000"]);
    refuses(&["simulate", "--governor", "fast"], &["fast", "predictive", "all"]);
    refuses(&["simulate", "--load=-5"], &["load", "-5", "at least 0"]);
    refuses(&["simulate", "--load", "absent.csv"], &["absent.csv", "t_s,power_w"]);
    refuses(&["simulate", "--step", "0"], &["step"]);
    refuses(&["simulate", "--duration", "nan"], &["duration"]);
    refuses(&["simulate", "--fault", "naan@5"], &["naan", "counter-reset", "load=1..10", "START"]);
    refuses(&["simulate", "--fault", "array=2@5"], &["array=2@5", "0 to 1"]);
    refuses(&["simulate", "--load", "5", "--fault", "starved@5"], &["starved@5", "a given load"]);
    refuses(&["simulate", "--batch", "99"], &["batch", "99", "0 to 10"]);
    refuses(&["simulate", "--jitter", "2"], &["jitter", "0.99"]);
    refuses(&["simulate", "--idle", "1"], &["--idle 1", "below 1"]);
    refuses(&["simulate", "--compression", "0"], &["--compression 0", "over 0"]);
    refuses(&["simulate", "--sensor-gain", "0"], &["gain 0"]);
    refuses(&["simulate", "--start", "2200-01-01T00:00:00Z"], &["2200", "1950 to 2049"]);
    refuses(&["simulate", "--start", "2200-01-01"], &["--start", "2200", "1950 to 2049"]);
    refuses(&["simulate", "--start", "noon"], &["--start", "noon", "a day such as 2027-01-01"]);
    refuses(&["simulate", "--load", "90000", "--governor", "all"], &["--governor all", "--load", "governed"]);
    refuses(&["profile", "show", "--date", "1850-01-01"], &["1850", "1950 to 2049"]);
    refuses(&["profile", "show", "--date", "yesterday"], &["--date", "yesterday"]);
    refuses(&["verify", "/no/such/result"], &["/no/such/result"]);
}

#[test]
fn a_required_power_source_that_is_missing_is_exit_code_14() {
    let facts = json(&["devices", "--json"]);
    let measures = facts["power_sources"].as_array().expect("a list").iter().any(|probe| {
        let provenance = probe.pointer("/source/provenance").and_then(Value::as_str);
        probe["refusal"].is_null() && provenance.is_some_and(|word| word != "modelled")
    });
    let said = dawndusk(&["devices", "--require", "power"]);
    assert_eq!(said.code, if measures { 0 } else { 14 }, "power measured here: {measures}; {}", said.err);
}

#[test]
fn profile_show_gives_the_reference_figures_of_new_year_2027() {
    let shown = json(&["profile", "show", "leo-100kw", "--date", "2027-01-01", "--json"]);
    near(&shown, "/derived/orbit/inclination_deg", 97.98600, 1e-4);
    near(&shown, "/derived/orbit/nodal_period_s", 5870.940, 0.01);
    near(&shown, "/derived/sun/beta_deg", -58.9675, 0.01);
    near(&shown, "/derived/eclipse/equivalent_s", 1156.02, 1.0);
    near(&shown, "/derived/thermal/junction_k", 355.916, 1e-3);
    let cold = "array.temperature_coefficient_per_k=0";
    let cold = json(&["profile", "show", "leo-100kw", "--date", "2027-01-01", "--set", cold, "--json"]);
    near(&cold, "/derived/power/sustainable_w", 89859.6, 0.0005 * 89859.6);
    let higher =
        json(&["profile", "show", "leo-100kw", "--date", "2027-01-01", "--set", "orbit.altitude_km=1400", "--json"]);
    near(&higher, "/derived/eclipse/umbra_s", 0.0, 0.0);
    near(&higher, "/profile/orbit/altitude_km", 1400.0, 0.0);
}

#[test]
fn simulate_holds_a_given_load_and_reports_the_breach_without_failing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let trace = folder.path().join("t.csv").to_string_lossy().into_owned();
    let day = ["simulate", "leo-100kw", "--start", "2027-12-22T00:00:00Z", "--duration", "86400", "--sky", "orbit"];
    let flown = json(&[&day[..], &["--load", "100000", "--trace", &trace, "--json"]].concat());
    near(&flown, "/mean_load_w", 100_000.0, 1e-6);
    let low = flown.pointer("/breaches/charge/time_s").and_then(Value::as_f64).expect("breaches are reported");
    assert!(low > 1000.0, "the floor breaks: {low} s");
    let text = std::fs::read_to_string(&trace).expect("the trace is there");
    let header = "t_s,illumination,array_w,load_w,soc,junction_k,loop_k,radiator_k,budget_w,limited_by";
    assert_eq!(text.lines().next(), Some(header), "the columns of the contract");
    assert!(text.lines().count() > 86_400, "a row for every step: {}", text.lines().count());
}

#[test]
fn a_day_and_its_first_instant_are_the_same_start() {
    let from = |start: &str| json(&["simulate", "leo-100kw", "--start", start, "--duration", "600", "--json"]);
    assert_eq!(from("2027-06-21"), from("2027-06-21T00:00:00Z"), "the same flight");
}

#[test]
fn simulate_compares_every_governor() {
    let compared = json(&["simulate", "leo-100kw", "--governor", "all", "--json"]);
    let oracle = |key: &str| compared["oracle"][key].as_f64().unwrap_or_else(|| panic!("oracle.{key} is a number"));
    assert!(
        oracle("feasible_work_s") <= oracle("work_s") * (1.0 + 1e-9),
        "a plan that was flown is no better than the best"
    );
    assert!(oracle("work_s") <= oracle("upper_s"), "and the best lies under its bound");
    assert!(oracle("upper_s") <= oracle("certificate_s") * (1.0 + 1e-9), "which is the closer one: {compared}");
    for flight in compared["governors"].as_array().expect("a list") {
        let share = &flight["share_of_oracle"];
        assert_eq!(share, &flight["score"]["share_of_oracle"], "the same in both places");
        match flight["governor"].as_str() {
            Some("off") => assert_eq!(flight["score"]["unscored"], "ungoverned", "nobody governed"),
            name => {
                let share = share.as_f64().unwrap_or_else(|| panic!("{name:?} has a share: {flight}"));
                assert!((0.3..=1.0).contains(&share), "{name:?}: {share} of the oracle");
            }
        }
    }
    let names: Vec<&str> = compared["governors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|flight| flight["governor"].as_str())
        .collect();
    assert_eq!(names, ["off", "static", "threshold", "reactive", "price", "predictive"], "simplest first");
}

#[test]
fn every_shipped_profile_is_acceptable_and_listed() {
    let listed = json(&["profile", "list", "--json"]);
    let satellites: Vec<&str> = listed
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| entry["kind"] == "satellite")
        .filter_map(|entry| entry["name"].as_str())
        .collect();
    assert_eq!(satellites, ["leo-100kw", "ai1", "suncatcher", "equatorial-stress", "unlimited"], "the default first");
    for name in satellites {
        assert_eq!(dawndusk(&["profile", "check", name]).code, 0, "{name} is acceptable");
    }
    for entry in listed.as_array().expect("a list").iter().filter(|entry| entry["kind"] == "machine") {
        let name = entry["name"].as_str().expect("a name");
        assert_eq!(json(&["profile", "check", name, "--json"])["machine"], name, "a machine, and it says so");
    }
    refuses(&["profile", "check", "ideal", "--set", "orbit.altitude_km=700"], &["--set", "ideal", "machine"]);
}

#[test]
fn completions_and_help_go_to_standard_output() {
    let said = dawndusk(&["completions", "bash"]);
    assert!(said.code == 0 && said.out.contains("dawndusk"), "a script for bash");
    let said = dawndusk(&["--help"]);
    assert!(said.code == 0 && said.out.contains("Exit codes"), "the codes are part of the help");
}

/// The rules of the user's folders are those of the XDG base directory specification, on macOS too.
#[cfg(unix)]
#[test]
fn the_folder_of_models_follows_the_environment() {
    let home = ("HOME", "/home/a");
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("DAWNDUSK_MODELS", "/m"), ("XDG_CACHE_HOME", "/x"), home], "/m/"),
        (&[("DAWNDUSK_MODELS", ""), ("XDG_CACHE_HOME", "/x"), home], "/x/dawndusk/models/"),
        (&[("XDG_CACHE_HOME", "relative"), home], "/home/a/.cache/dawndusk/models/"),
        (&[home], "/home/a/.cache/dawndusk/models/"),
    ];
    for (variables, folder) in cases {
        let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
        command.args(["models", "list", "--json"]).env_remove("DAWNDUSK_MODELS").env_remove("XDG_CACHE_HOME");
        let output = command.envs(variables.iter().copied()).output().expect("the binary runs");
        let listed: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        let path = listed[0]["path"].as_str().expect("a path");
        assert!(path.starts_with(folder), "with {variables:?}: {path}");
    }
}
