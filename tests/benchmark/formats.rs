//! One run in all four formats: they must say the same.

use dawndusk::journal::Event;
use dawndusk::report::Benchmark;
use serde_json::Value;
use std::collections::HashMap;

/// Events of a real run, with an adapter of an awkward name and a kernel that was excluded.
fn events() -> Vec<Event> {
    let lines = include_str!("recorded.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("an event")).collect()
}

fn benchmark() -> Benchmark {
    Benchmark::from_events(&events()).expect("the machine is described")
}

fn json() -> Value {
    serde_json::to_value(benchmark()).expect("JSON")
}

/// Rows of a CSV as RFC 4180 has it, by column; each has as many cells as there are columns.
fn csv_rows(text: &str) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.expect("a row of the CSV")).collect()
}

/// A value of the JSON as a cell of the CSV.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[test]
fn json_lines_are_the_rows_of_the_json() {
    let lines = benchmark().json_lines();
    let lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("one document a line")).collect();
    assert_eq!(json()["rows"], Value::Array(lines), "row by row");
}

#[test]
fn csv_holds_what_the_json_holds_under_the_same_names() {
    let (document, rows) = (json(), csv_rows(&benchmark().csv()));
    let expected = document["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), expected.len(), "as many rows");
    let renamed = HashMap::from([
        ("energy_j", "/energy/value_j"),
        ("energy_kind", "/energy/kind"),
        ("work_per_joule", "/work_per_joule/value"),
        ("work_per_joule_above_idle", "/work_per_joule/above_idle"),
    ]);
    for (row, expected) in rows.iter().zip(expected) {
        for (name, cell) in row {
            let pointer = renamed.get(name.as_str()).map_or_else(|| format!("/{name}"), |path| (*path).to_owned());
            let value = expected.pointer(&pointer).unwrap_or_else(|| panic!("{name} is no key of {expected}"));
            assert_eq!(*cell, plain(value), "{name} of {}", expected["name"]);
        }
    }
}

#[test]
fn markdown_shows_the_medians_and_spreads_of_the_json() {
    let (document, text) = (json(), benchmark().markdown());
    let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let rows = document["rows"].as_array().expect("rows");
    assert_eq!(table.len(), 2 + rows.len(), "head, rule and one line for each row:\n{text}");
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap_or_else(|| panic!("{key} of {row}"));
    for (line, row) in table[2..].iter().zip(rows) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells[0], row["name"].as_str().expect("a name"), "in the same order");
        let shown: Vec<&str> = cells[3].split_whitespace().collect();
        let [median, unit, "±", spread, "%"] = shown.as_slice() else { panic!("median, unit, spread: {}", cells[3]) };
        let factor = if unit.starts_with('G') { 1e9 } else { 1.0 };
        let median = median.parse::<f64>().expect("a number") * factor;
        assert!((median - number(row, "median_ts")).abs() <= 0.005 * factor, "median of {row}: {line}");
        let spread = spread.parse::<f64>().expect("a number");
        let expected = 100.0 * number(row, "stddev_ts") / number(row, "avg_ts");
        assert!((spread - expected).abs() <= 0.05, "spread of {row}: {line}");
    }
}

#[test]
fn every_figure_follows_from_its_samples() {
    let document = json();
    for row in document["rows"].as_array().expect("rows") {
        let samples: Vec<f64> =
            row["samples_ts"].as_array().expect("samples").iter().filter_map(Value::as_f64).collect();
        assert_eq!(samples.len(), 3, "three repeats of {}", row["name"]);
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let is = |key: &str, expected: f64| {
            let found = row[key].as_f64().expect("a number");
            assert!((found / expected - 1.0).abs() < 1e-12, "{key} of {}: {found}, not {expected}", row["name"]);
        };
        is("min_ts", sorted[0]);
        is("median_ts", sorted[1]);
        is("max_ts", sorted[2]);
        let mean = samples.iter().sum::<f64>() / 3.0;
        is("avg_ts", mean);
        is("stddev_ts", (samples.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / 2.0).sqrt());
    }
}

#[test]
fn shares_are_of_the_medians_of_the_peaks_on_the_same_backend() {
    let document = json();
    let row = |name: &str| {
        let rows = document["rows"].as_array().expect("rows");
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} was measured"))
    };
    let (gemm, fma) = (row("gemm"), row("fma"));
    let expected = gemm["median_ts"].as_f64().expect("a rate") / fma["median_ts"].as_f64().expect("a rate");
    let found = gemm["share_of_fma_peak"].as_f64().expect("a share");
    assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    assert_eq!(row("copy")["share_of_copy_peak"], 1.0, "a peak is all of itself");
    assert!(gemm["share_of_cooperative_gemm"].is_null(), "no matrix units were measured");
    let decode = row("decode tg4");
    assert!(decode["share_of_fma_peak"].is_null(), "candle on the CPU has no measured peak");
    assert!(decode["compile_cold_s"].is_null(), "and compiles nothing");
    assert_eq!(decode["model_n_params"], 134_515_008, "but has a model: {decode}");
    assert!(gemm["model_type"].is_null(), "which a kernel has not");
}

#[test]
fn the_page_names_what_was_chosen_excluded_and_added() {
    let text = benchmark().markdown();
    let remarks = text.split_once("\n\n").expect("a table, then remarks").1;
    insta::assert_snapshot!(remarks, @r"
    rate: median of 3 repeats, ± sample standard deviation as a share of the mean
    compile: creation of the pipeline and its first dispatch; cold is the first time in this process (Mesa's disk cache is off, so nothing is left from earlier processes), warm a later time in the same process
    tuned: gemm (small): gemm_quad, measured in 0.2 s, 1.277e10 work/s (gemm_registers at 0.59, gemm_tiled at 0.42 of that); EXCLUDED gemm_cooperative: wrong results at 33x130x17: relative error 3.1e-1 of 1e-5 allowed, 0 of 4290 words unwritten, 0 not finite
    copy and fma: not asked for, measured since shares are of their rates
    model: smollm2-135m, real weights (SmolLM2-135M-Instruct.Q4_1.gguf, SHA-256 as pinned); 210 matrices Q4_1 requantised to Q8_0, 1 matrices Q8_0
    watts: cpu-time (a model, not a measurement: 1.875 W x 2 cores x time + (6.250 W - 1.875 W) x CPU time of this process (350 W / 56 cores at full load, 0.3 of it idle))
    idle: 3.75 W before, not watched after; inside W and work/J, taken off above idle
    ");
}

#[test]
fn a_run_that_was_never_opened_is_no_benchmark() {
    assert!(Benchmark::from_events(&[]).is_none(), "nothing was recorded");
    assert!(Benchmark::from_events(&events()[1..]).is_none(), "without its first line");
}
