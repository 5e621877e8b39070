//! `dawndusk bench` from the command line: lists, peaks, the choice between kernels, formats, the sweep, bad words.
//!
//! What is tested is the way, not the machine: one short repeat of the smallest work.

use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

/// Runs with a cache of its own, so that no test finds what another has left.
fn bench_in(cache: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
    command.env("DAWNDUSK_CACHE", cache).arg("bench").args(arguments).output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// One short repeat of these workloads.
fn quick<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["--length", "quick", "-r", "1"], words].concat()
}

/// The answer of a quick run.
fn answer_in(cache: &Path, words: &[&str]) -> String {
    let output = bench_in(cache, &quick(words));
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("an answer is text")
}

fn json_in(cache: &Path, words: &[&str]) -> Value {
    let answer = answer_in(cache, &[words, &["--json"]].concat());
    serde_json::from_str(&answer).expect("one JSON document and nothing else")
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn names(document: &Value) -> Vec<&str> {
    let rows = document["rows"].as_array().expect("rows");
    rows.iter().filter_map(|row| row["name"].as_str()).collect()
}

/// Whether this machine is said to have no adapter.
fn without_adapter() -> bool {
    std::env::var("DAWNDUSK_NO_ADAPTER").is_ok_and(|value| value == "1")
}

#[test]
fn a_kernel_is_measured_with_its_peaks_its_compilation_and_its_choice() {
    let cache = temporary();
    let first = json_in(cache.path(), &["--workloads", "gemm"]);
    assert_eq!(names(&first), ["copy", "fma", "gemm"], "the peaks in flight order");
    assert_eq!(first["measured_too"], serde_json::json!(["copy", "fma"]), "and it says that nobody asked for them");
    let gemm = &first["rows"][2];
    for key in ["share_of_fma_peak", "share_of_copy_peak", "median_ts", "avg_ts", "min_ts", "max_ts"] {
        assert!(gemm[key].as_f64().is_some_and(|value| value > 0.0), "{key} of {gemm}");
    }
    let [tuned] = first["conditions"]["tuning"].as_array().expect("choices").as_slice() else {
        panic!("one choice: {first}")
    };
    assert_eq!(tuned["family"], "gemm", "of the matrix product");
    if without_adapter() {
        assert_eq!(tuned["how"], "default", "twins are not tuned: {tuned}");
        assert!(gemm["compile_cold_s"].is_null(), "and not compiled at run time");
        return;
    }
    for key in ["compile_cold_s", "compile_warm_s"] {
        assert!(gemm[key].as_f64().is_some_and(|value| value > 0.0), "{key} of {gemm}");
    }
    assert_eq!(tuned["how"], "measured", "the first time: {tuned}");
    let kernel = tuned["variant"].as_str().expect("a name");
    assert!(gemm["test"].as_str().is_some_and(|test| test.contains(kernel)), "what was chosen ran: {gemm}");
    let second = json_in(cache.path(), &["--workloads", "gemm"]);
    assert_eq!(second["conditions"]["tuning"][0]["how"], "remembered", "the second time");
    let page = answer_in(cache.path(), &["--workloads", "gemm", "--retune"]);
    assert!(page.contains("tuned: gemm") && page.contains("measured in"), "and again where it is asked for: {page}");
}

#[test]
fn a_cache_that_cannot_be_written_is_no_error_and_is_said() {
    let folder = temporary();
    let occupied = folder.path().join("occupied");
    std::fs::write(&occupied, b"a file where a folder should be").expect("a file");
    let document = json_in(&occupied, &["--workloads", "gemm"]);
    let tuned = &document["conditions"]["tuning"][0];
    let reason = tuned["not_kept"].as_str();
    assert!(without_adapter() || reason.is_some_and(|reason| reason.contains("occupied")), "which place: {tuned}");
}

#[test]
fn lists_make_a_row_for_each_length_at_each_depth_and_a_length_of_0_none() {
    let cache = temporary();
    let model = ["--adapter", "cpu", "-m", "synthetic", "--workloads", "prefill,decode"];
    let document = json_in(cache.path(), &[&model[..], &["-p", "2,3", "-n", "1", "-d", "0,4"]].concat());
    let tests: Vec<&str> =
        document["rows"].as_array().expect("rows").iter().filter_map(|row| row["test"].as_str()).collect();
    assert_eq!(tests, ["pp2", "pp2 @ d4", "pp3", "pp3 @ d4", "tg1", "tg1 @ d4"], "in the order of the lists");
    let row = &document["rows"][3];
    let counts = ["n_prompt", "n_gen", "n_depth"].map(|key| row[key].as_u64());
    assert_eq!(counts, [Some(3), Some(0), Some(4)], "of {row}");
    assert!(row["model_type"].as_str().is_some_and(|kind| kind.starts_with("smollm2-135m")), "which model: {row}");
    assert!(row["share_of_fma_peak"].is_null(), "no peak of candle was measured: {row}");
    assert!(row["model_filename"].is_null(), "and seeded weights have no file: {row}");
    let document = json_in(cache.path(), &[&model[..], &["-p", "0", "-n", "2"]].concat());
    assert_eq!(names(&document), ["decode"], "no prefill, and a plain name for what stands alone");
}

#[test]
fn several_models_are_told_apart() {
    let cache = temporary();
    let models = "synthetic:smollm2-135m:1,synthetic:smollm2-135m:2";
    let words = ["--adapter", "cpu", "-m", models, "--workloads", "decode", "-n", "1"];
    let document = json_in(cache.path(), &words);
    assert_eq!(names(&document), ["decode", "decode (2)"], "no two rows of one name");
}

#[test]
fn every_format_is_what_it_says() {
    let cache = temporary();
    let words = ["--adapter", "cpu", "--workloads", "copy,fma", "-o"];
    let of = |format| answer_in(cache.path(), &[&words[..], &[format]].concat());
    let (markdown, csv, json, lines) = (of("md"), of("csv"), of("json"), of("jsonl"));
    assert!(markdown.starts_with("| workload"), "a table: {markdown}");
    assert!(csv.starts_with("test_time,cpu_info,gpu_info,name,"), "a head line: {csv}");
    assert_eq!(csv.lines().count(), 3, "and one for each workload: {csv}");
    let document: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(names(&document), ["copy", "fma"], "rows");
    assert_eq!(document["measured_too"], serde_json::json!([]), "peaks need no others");
    for (line, name) in lines.lines().zip(["copy", "fma"]) {
        let row: Value = serde_json::from_str(line).expect("one document a line");
        assert_eq!(row["name"], name, "in the same order");
    }
}

#[test]
fn a_sweep_writes_a_profile_that_check_and_simulate_take() {
    let cache = temporary();
    let file = cache.path().join("here.toml");
    let path = file.to_string_lossy().into_owned();
    let words = ["--adapter", "cpu", "--workloads", "fma", "--sweep", &path, "--sweep-seconds", "0.4", "--json"];
    let output = bench_in(cache.path(), &words);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let machine: Value = serde_json::from_slice(&output.stdout).expect("the profile as JSON");
    assert_eq!(machine["name"], "here", "called as its file");
    let last = machine["point"].as_array().and_then(|points| points.last()).expect("points");
    assert_eq!(last["rate"], 1.0, "full speed is the last: {machine}");
    let text = std::fs::read_to_string(&file).expect("the profile is there");
    if machine["provenance"] == "modelled" {
        assert!(text.contains("MODELLED") && said(&output).contains("modelled"), "and says so: {text}");
    }
    let mut dawndusk = Command::cargo_bin("dawndusk").expect("the binary is built");
    dawndusk.args(["profile", "check", &path]).assert().success();
    let mut dawndusk = Command::cargo_bin("dawndusk").expect("the binary is built");
    dawndusk.args(["simulate", "--machine", &path, "--duration", "600", "--json"]).assert().success();
    let left: Vec<_> =
        std::fs::read_dir(cache.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".here")), "no leftovers: {left:?}");
}

/// A repeat holds several updates of the meter, and the wait is told before it begins.
#[test]
fn a_meter_that_is_renewed_once_a_second_has_repeats_that_it_can_see() {
    let cache = temporary();
    let file = cache.path().join("steady.csv");
    let lines: String = (0..300).map(|second| format!("{second},{}\n", 9 * second)).collect();
    std::fs::write(&file, format!("t_s,energy_j\n{lines}")).expect("it can be written");
    let meter = format!("recorded://{}?boundary=wall", file.display());
    let words = quick(&["--adapter", "cpu", "--workloads", "fma", "--meter", &meter, "--json"]);
    let output = bench_in(cache.path(), &words);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told = "renewed every 1 s, so a repeat lasts at least 4 s instead of 0.1 s";
    assert!(said(&output).contains(told), "told before: {}", said(&output));
    let benchmark: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    for power in [&benchmark["idle_power_w"], &benchmark["rows"][0]["power_w"]] {
        assert!(power.as_f64().is_some_and(|watts| (watts - 9.0).abs() < 0.1), "idle and at work: {benchmark}");
    }
}

#[test]
fn bad_words_are_one_clear_error_with_what_is_allowed_and_exit_code_2() {
    let cache = temporary();
    let refuses = |words: &[&str], fragments: &[&str]| {
        let output = bench_in(cache.path(), words);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(output.stdout.is_empty(), "{words:?} answers nothing");
        assert_eq!(said.matches("error:").count(), 1, "{words:?}: one error: {said}");
        for fragment in fragments {
            assert!(said.contains(fragment), "{words:?} must name `{fragment}`: {said}");
        }
    };
    refuses(&["-p", "1,x"], &["--n-prompt", "x", "from 0 to 1048576"]);
    refuses(&["-n=-1"], &["--n-gen", "-1", "from 0 to 1048576"]);
    refuses(&["-d", "1.5"], &["--n-depth", "1.5", "from 0 to 1048576"]);
    refuses(&["-r", "0"], &["--repetitions", "0", "from 1 to 1000"]);
    refuses(&["--npl", "0"], &["--npl", "from 1 to 512"]);
    refuses(&["--adapter", "cpu", "-m", "synthetic", "--npl", "1,4"], &["--npl 4", "one sequence at a time"]);
    refuses(&["-o", "xml"], &["xml", "jsonl"]);
    refuses(&["--adapter", "cpu", "--workloads", "prefill", "-p", "0"], &["nothing to measure", "-p"]);
    refuses(&["--adapter", "cpu", "--workloads", "gem"], &["--workloads gem", "gemm"]);
    let deep = ["--adapter", "cpu", "-m", "synthetic", "--workloads", "decode", "-d", "1000000"];
    refuses(&deep, &["1000000", "-d", "room for 1 to"]);
    refuses(&["--sweep", "/no/such/folder/x.toml"], &["--sweep", "/no/such/folder/x.toml"]);
    refuses(&["--sweep", "x.toml", "-p", "3"], &["--sweep", "--n-prompt"]);
    refuses(&["--sweep", "x.toml", "--sweep-seconds", "0"], &["--sweep-seconds", "from 0.1 to 600"]);
    refuses(&["--sweep-seconds", "3"], &["--sweep"]);
}
