//! A benchmark without an envelope: rows with llama-bench's field names, and kernels as shares of the adapter's own peaks.
//!
//! All four formats say the same. JSON holds everything; JSON lines are its rows; CSV is the same rows without what
//! does not fit into a cell, samples separated by spaces; Markdown is for people: medians, and spreads as shares.

use super::energy::Kind;
use super::record::{Purpose, Record};
use super::summary::{energy_columns, meter, per_joule, rate};
use super::table::{line, table};
use super::workload::{WorkloadResult, workloads};
use crate::journal::{Conditions, Event, MeterCost};
use crate::units::{Seconds, Watts};
use serde::Serialize;
use serde_json::Value;

/// The workload whose FLOP rate is the most that is seen of an adapter's matrix units.
const COOPERATIVE: &str = "gemm_cooperative";

/// What `dawndusk bench` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Benchmark {
    /// Program and version that measured.
    pub program: String,
    /// Wall clock at the start, UTC.
    pub test_time: String,
    /// The machine, as found.
    pub conditions: Conditions,
    /// What the times to compile are.
    pub compile_statement: String,
    /// Workloads that nobody asked for: shares are of their rates.
    pub measured_too: Vec<String>,
    /// Power with everything open and nothing running.
    pub idle_power_w: Option<Watts>,
    /// The same after the work; null where it was not watched.
    pub idle_power_after_w: Option<Watts>,
    /// What the meter itself took; null where the system does not tell.
    pub meter_cost: Option<MeterCost>,
    /// One for each workload.
    pub rows: Vec<BenchmarkRow>,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchmarkRow {
    /// As [`Benchmark::test_time`].
    pub test_time: String,
    /// CPU as it names itself.
    pub cpu_info: String,
    /// Adapter, or none.
    pub gpu_info: Option<String>,
    /// Rates, spread and energy.
    #[serde(flatten)]
    pub result: WorkloadResult,
    /// The slowest repeat, items/s.
    pub min_ts: Option<f64>,
    /// The fastest repeat, items/s.
    pub max_ts: Option<f64>,
    /// Name and types of the matrices of the language model; null for a kernel.
    pub model_type: Option<String>,
    /// The file of its weights; null for seeded ones.
    pub model_filename: Option<String>,
    /// Its weights.
    pub model_n_params: Option<u64>,
    /// Median FLOP rate over that of `fma` on the same backend in the same run: the adapter's measured arithmetic peak.
    pub share_of_fma_peak: Option<f64>,
    /// Median byte rate over that of `copy` on the same backend in the same run: the adapter's measured memory peak.
    pub share_of_copy_peak: Option<f64>,
    /// Median FLOP rate over that of `gemm_cooperative`, the product in f16 on the adapter's matrix units, in the same run;
    /// null where it has none, or where they were not measured.
    pub share_of_cooperative_gemm: Option<f64>,
    /// Creation of the pipeline and first dispatch, the first time in this process; null where nothing is compiled.
    pub compile_cold_s: Option<Seconds>,
    /// The same, again in this process.
    pub compile_warm_s: Option<Seconds>,
}

impl Benchmark {
    /// Computes it from the events of a run. None where the machine was never described.
    pub fn from_events(events: &[Event]) -> Option<Benchmark> {
        let record = Record::from_events(events).ok()?;
        let (conditions, Purpose::Benchmark { measured_too }) = (record.conditions?, record.purpose) else {
            return None;
        };
        let results = workloads(&record);
        let rows = results.iter().map(|result| row(result, &results, &record, conditions)).collect();
        Some(Benchmark {
            program: record.program.to_owned(),
            test_time: record.test_time.to_owned(),
            conditions: conditions.clone(),
            compile_statement: compile_statement(conditions),
            measured_too: measured_too.to_vec(),
            idle_power_w: record.idle_power(),
            idle_power_after_w: record.idle_power_after(),
            meter_cost: record.meter_cost,
            rows,
        })
    }

    /// Whether every kernel that was checked agrees with its twin.
    pub fn verified(&self, events: &[Event]) -> bool {
        events.iter().all(Event::is_sound)
    }

    /// A Markdown table, and what must be known to read it.
    pub fn markdown(&self) -> String {
        let kind = self.rows.first().map_or(Kind::Unmeasured, |row| row.result.energy.kind);
        let has_matrix_units = self.rows.iter().any(|row| row.share_of_cooperative_gemm.is_some());
        let [power, work, above] = energy_columns(kind);
        let mut head = vec!["workload", "test", "backend", "rate", "of fma", "of copy"];
        head.extend(has_matrix_units.then_some("of matrix units"));
        head.extend(["cold ms", "warm ms", power, work, above]);
        let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
        let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
        let percent = |share: Option<f64>| or_dash(share.map(|share| format!("{:.0} %", 100.0 * share)));
        let milliseconds = |time: Option<Seconds>| or_dash(time.map(|time| format!("{:.1}", 1e3 * time.0)));
        for row in &self.rows {
            let result = &row.result;
            let mut cells = vec![result.name.clone(), result.test.clone(), result.backends.clone(), rate(result)];
            cells.extend([percent(row.share_of_fma_peak), percent(row.share_of_copy_peak)]);
            cells.extend(has_matrix_units.then(|| percent(row.share_of_cooperative_gemm)));
            cells.extend([milliseconds(row.compile_cold_s), milliseconds(row.compile_warm_s)]);
            cells.push(or_dash(result.power_w.map(|power| format!("{:.2}", power.0))));
            cells.extend(per_joule(&result.work_per_joule, &result.unit));
            rows.push(cells);
        }
        let mut text = String::new();
        table(&mut text, &rows);
        self.remarks(&mut text);
        text
    }

    fn remarks(&self, text: &mut String) {
        let repeats = self.rows.first().map_or(0, |row| row.result.samples_ts.len());
        line!(text, "rate: median of {repeats} repeats, ± sample standard deviation as a share of the mean");
        if self.rows.iter().any(|row| row.compile_cold_s.is_some()) {
            line!(text, "{}", self.compile_statement);
        }
        for choice in &self.conditions.tuning {
            line!(text, "tuned: {choice}");
        }
        if !self.measured_too.is_empty() {
            let names = self.measured_too.join(" and ");
            line!(text, "{names}: not asked for, measured since shares are of their rates");
        }
        if let Some(model) = &self.conditions.model {
            line!(text, "model: {model}");
        }
        let source = &self.conditions.source;
        line!(text, "watts: {} ({})", source.name, source.method);
        if let Some(idle) = self.idle_power_w {
            let after = self.idle_power_after_w.map_or("not watched".to_owned(), |power| format!("{:.2} W", power.0));
            line!(text, "idle: {:.2} W before, {after} after; inside W and work/J, taken off above idle", idle.0);
        }
        if let Some(cost) = &self.meter_cost {
            line!(text, "meter: {}", meter(cost));
        }
    }

    /// One line for each workload.
    pub fn json_lines(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            line!(text, "{}", document(row));
        }
        text
    }

    /// One row for each workload, with a head line.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |cells: Vec<String>| writer.write_record(cells).expect("a row goes into memory");
        write(columns().map(|(name, _)| name.to_owned()).collect());
        for row in &self.rows {
            let document = document(row);
            write(columns().map(|(_, place)| cell(document.pointer(&place).unwrap_or(&Value::Null))).collect());
        }
        let text = writer.into_inner().expect("memory is flushed");
        String::from_utf8(text).expect("cells are texts")
    }
}

/// Columns of the CSV, each a key of a row of the JSON, or `name=key/key`.
const COLUMNS: &str = "\
    test_time cpu_info gpu_info name test backends model_type model_filename model_n_params n_prompt n_gen \
    n_depth unit timing avg_ts stddev_ts median_ts min_ts max_ts samples_ts samples_ns flop_per_s bytes_per_s \
    share_of_fma_peak share_of_copy_peak share_of_cooperative_gemm compile_cold_s compile_warm_s power_w \
    energy_j=energy/value_j energy_kind=energy/kind work_per_joule=work_per_joule/value \
    work_per_joule_above_idle=work_per_joule/above_idle";

/// Names of the columns, and where each stands in a row of the JSON.
fn columns() -> impl Iterator<Item = (&'static str, String)> {
    COLUMNS.split(' ').map(|column| {
        let (name, keys) = column.split_once('=').unwrap_or((column, column));
        (name, format!("/{keys}"))
    })
}

/// A row as JSON, from which its CSV is made as well: so the two cannot differ.
fn document(row: &BenchmarkRow) -> Value {
    serde_json::to_value(row).expect("no map in a row has keys that are not strings")
}

/// What stands in a cell, before it is quoted: nothing for what is missing.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn row(result: &WorkloadResult, all: &[WorkloadResult], journal: &Record<'_>, conditions: &Conditions) -> BenchmarkRow {
    let share = |name: &str, rate: fn(&WorkloadResult) -> f64| {
        let peak = all.iter().find(|peak| peak.name == name && peak.backends == result.backends);
        peak.map(|peak| at_median(result, rate) / at_median(peak, rate)).filter(|share| share.is_finite())
    };
    let compiled = journal.compile_times.iter().find(|times| times.workload == result.name);
    let record = conditions.workloads.iter().find(|record| record.name == result.name);
    let model = record.and_then(|record| record.model.as_ref());
    let ordered = |order: fn(f64, f64) -> f64| result.samples_ts.iter().copied().reduce(order);
    BenchmarkRow {
        test_time: journal.test_time.to_owned(),
        cpu_info: conditions.cpu_info.clone(),
        gpu_info: conditions.gpu_info.clone(),
        min_ts: ordered(f64::min),
        max_ts: ordered(f64::max),
        model_type: model.map(|model| model.model_type.clone()),
        model_filename: model.and_then(|model| model.model_filename.clone()),
        model_n_params: model.map(|model| model.model_n_params),
        share_of_fma_peak: share("fma", |result| result.flop_per_s),
        share_of_copy_peak: share("copy", |result| result.bytes_per_s),
        share_of_cooperative_gemm: share(COOPERATIVE, |result| result.flop_per_s),
        compile_cold_s: compiled.map(|times| times.cold_s),
        compile_warm_s: compiled.map(|times| times.warm_s),
        result: result.clone(),
    }
}

/// A figure that belongs to the mean rate, at the median rate.
fn at_median(result: &WorkloadResult, figure: fn(&WorkloadResult) -> f64) -> f64 {
    figure(result) * result.median_ts / result.avg_ts
}

/// Whether an earlier process may have left something for the cold times is a matter of one variable, for Mesa.
fn compile_statement(conditions: &Conditions) -> String {
    let disabled = conditions.environment.iter().any(|(name, value)| {
        name == "MESA_SHADER_CACHE_DISABLE" && ["1", "true", "yes", "y"].contains(&value.to_lowercase().as_str())
    });
    let cache = match disabled {
        true => "Mesa's disk cache is off, so nothing is left from earlier processes",
        false => {
            "the driver's disk cache, if it has one, may hold it from an earlier process; Mesa's is off with \
             MESA_SHADER_CACHE_DISABLE=true"
        }
    };
    format!(
        "compile: creation of the pipeline and its first dispatch; cold is the first time in this process ({cache}), \
         warm a later time in the same process"
    )
}
