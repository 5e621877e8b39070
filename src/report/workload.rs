//! Each workload without an envelope, in llama-bench's names where the meaning is the same.

use super::energy::{Energy, WorkPerJoule};
use super::record::Record;
use crate::journal::{Conditions, Measurement, WorkloadRecord};
use crate::reading::Throttling;
use crate::stats;
use crate::units::Watts;
use serde::Serialize;

/// One workload without an envelope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkloadResult {
    /// Name.
    pub name: String,
    /// Where it ran.
    pub backends: String,
    /// Shape or parameters.
    pub test: String,
    /// What one item is.
    pub unit: String,
    /// Tokens of the prompt; 0 where there is none.
    pub n_prompt: u32,
    /// Tokens written; 0 where none are.
    pub n_gen: u32,
    /// Tokens in the cache before.
    pub n_depth: u32,
    /// How time was taken.
    pub timing: String,
    /// Mean rate, items/s.
    pub avg_ts: f64,
    /// Sample standard deviation of the rate; null for one repeat.
    pub stddev_ts: Option<f64>,
    /// Median rate.
    pub median_ts: f64,
    /// Rate of each repeat.
    pub samples_ts: Vec<f64>,
    /// Length of each repeat, ns.
    pub samples_ns: Vec<u64>,
    /// Floating-point operations each second, from the mean rate.
    pub flop_per_s: f64,
    /// Bytes moved each second at least, from the mean rate.
    pub bytes_per_s: f64,
    /// Over all repeats.
    pub energy: Energy,
    /// Mean power over all repeats; null where there is none.
    pub power_w: Option<Watts>,
    /// Items for each joule.
    pub work_per_joule: WorkPerJoule,
    /// For how long the device was slowed down; null where nobody says.
    pub throttled: Option<Throttling>,
}

/// All that were measured, in the order of the journal.
pub(super) fn workloads(journal: &Record<'_>) -> Vec<WorkloadResult> {
    let Some(conditions) = journal.conditions else { return Vec::new() };
    let result = |measurement: &&Measurement| {
        let record = conditions.workloads.iter().find(|record| record.name == measurement.workload)?;
        Some(workload_result(journal, conditions, measurement, record))
    };
    journal.measurements.iter().filter_map(result).collect()
}

fn workload_result(
    journal: &Record<'_>,
    conditions: &Conditions,
    measurement: &Measurement,
    record: &WorkloadRecord,
) -> WorkloadResult {
    let rates: Vec<f64> = measurement.samples.iter().map(|sample| sample.items / sample.duration_s.0).collect();
    let mean = stats::mean(&rates).unwrap_or(0.0);
    let items: f64 = measurement.samples.iter().map(|sample| sample.items).sum();
    let seen = conditions.sees(&record.backend);
    let energy = Energy::of(&measurement.drawn, &conditions.source, seen).with(&journal.beside(Some(&record.name)));
    WorkloadResult {
        name: record.name.clone(),
        backends: record.backend.clone(),
        test: record.test.clone(),
        unit: record.unit.clone(),
        n_prompt: record.n_prompt,
        n_gen: record.n_gen,
        n_depth: record.n_depth,
        timing: measurement.timing.clone(),
        avg_ts: mean,
        stddev_ts: stats::sample_standard_deviation(&rates),
        median_ts: stats::median(&rates).unwrap_or(0.0),
        flop_per_s: mean * record.flop_per_batch / record.items_per_batch,
        bytes_per_s: mean * record.bytes_per_batch / record.items_per_batch,
        samples_ns: measurement.samples.iter().map(|sample| (sample.duration_s.0 * 1e9).round() as u64).collect(),
        samples_ts: rates,
        power_w: energy.value_j.map(|value| value / measurement.duration_s),
        work_per_joule: WorkPerJoule::of(items, &energy, measurement.duration_s, journal.idle_power()),
        throttled: measurement.drawn.throttled,
        energy,
    }
}
