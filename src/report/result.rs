//! `result.json`: everything that a flight found, computed from its journal.
//!
//! llama-bench's field names are kept where the meaning is the same: `cpu_info`, `gpu_info`, `backends`, `n_prompt`,
//! `n_gen`, `n_depth`, `avg_ts`, `stddev_ts`, `samples_ts`, `samples_ns` and `test_time` are as there.

use super::assumed::{AssumptionHeld, assumptions};
use super::flight::{FlightFigures, flight};
use super::merged::{MeterFileResult, meter_file};
use super::record::{NotOpened, Record};
use super::verdict::{Verdict, judge};
use super::workload::{WorkloadResult, workloads};
use crate::journal::{
    AdapterClass, Conditions, Entry, FlightPlan, Identification, MeterCost, Outcome, SCHEMA_VERSION, ScaleRecord,
};
use crate::units::Watts;
use serde::Serialize;

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlightResult {
    /// Version of this format.
    pub schema_version: String,
    /// Program and version that flew.
    pub program: String,
    /// Wall clock at the start, UTC.
    pub test_time: String,
    /// Whether it counts, and why.
    pub verdict: Verdict,
    /// What the watts are.
    pub energy_statement: String,
    /// What the scaling keeps and what it does not.
    pub scale_statement: Option<String>,
    /// What was asked for.
    pub plan: FlightPlan,
    /// The machine; none where the run ended before it was known.
    pub conditions: Option<Conditions>,
    /// s, k and what they stand on.
    pub scale: Option<ScaleRecord>,
    /// Power with everything open and nothing running, before the work. Work above idle is above this.
    pub idle_power_w: Option<Watts>,
    /// The same after the work; null where it was not watched.
    pub idle_power_after_w: Option<Watts>,
    /// What the meter itself took; null where the system does not tell.
    pub meter_cost: Option<MeterCost>,
    /// What the controller took for granted, and whether it held; empty where the flight ended before.
    pub assumptions: Vec<AssumptionHeld>,
    /// How late the meter shows what the pacer does; null where the flight ended before it was looked for.
    pub identification: Option<Identification>,
    /// Each workload without an envelope.
    pub unconstrained: Vec<WorkloadResult>,
    /// The flight.
    pub flight: Option<FlightFigures>,
    /// Files of other meters, merged afterwards; beside the flight's energy, never added to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meter_files: Vec<MeterFileResult>,
}

impl FlightResult {
    /// Computes a result from the entries of a journal.
    ///
    /// # Errors
    /// It does not begin with the opening of a flight.
    pub fn from_journal(entries: &[Entry]) -> Result<FlightResult, NotOpened> {
        FlightResult::from_record(&Record::from_entries(entries)?)
    }

    /// Computes a result from what a journal says.
    ///
    /// # Errors
    /// It is not of a flight.
    pub fn from_record(record: &Record<'_>) -> Result<FlightResult, NotOpened> {
        let plan = record.plan().ok_or(NotOpened)?;
        let (conditions, scale) = (record.conditions, record.scale);
        let unconstrained = workloads(record);
        let flight = flight(record, plan, &unconstrained);
        let assumptions = assumptions(record);
        Ok(FlightResult {
            schema_version: SCHEMA_VERSION.into(),
            program: record.program.into(),
            test_time: record.test_time.into(),
            verdict: judge(record, plan, &unconstrained, flight.as_ref(), (&assumptions, notes(record))),
            energy_statement: energy_statement(conditions),
            scale_statement: conditions.zip(scale).map(|(conditions, scale)| scale_statement(conditions, &scale, plan)),
            plan: plan.clone(),
            conditions: conditions.cloned(),
            scale,
            idle_power_w: record.idle_power(),
            idle_power_after_w: record.idle_power_after(),
            meter_cost: record.meter_cost,
            assumptions,
            identification: record.identification.cloned(),
            unconstrained,
            flight,
            meter_files: record.meter_files.iter().map(|merged| meter_file(merged)).collect(),
        })
    }

    /// The document, with a final newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("no map in a result has keys that are not strings");
        text.push('\n');
        text
    }
}

/// One sentence on what the watts are, for the head of every page.
fn energy_statement(conditions: Option<&Conditions>) -> String {
    let Some(conditions) = conditions else { return "No power source was opened.".into() };
    let source = &conditions.source;
    match source.provenance.is_measured() {
        true => format!("The watts are measured by {}: {}.", source.name, source.method),
        false => format!(
            "The watts are MODELLED by {}: {}. They drive the envelope; they have no error band and are never ranked.",
            source.name, source.method
        ),
    }
}

fn scale_statement(conditions: &Conditions, scale: &ScaleRecord, plan: &FlightPlan) -> String {
    let machine = conditions.gpu_info.as_deref().unwrap_or(&conditions.cpu_info);
    let kind = if conditions.source.provenance.is_measured() { "measured" } else { "modelled" };
    let rated = if scale.rated_is_calibrated { ", the most that calibration saw" } else { "" };
    format!(
        "The machine ({machine}, {:.2} W{rated}) stands for {:.0} kW of compute at s = {:.3e}; areas, powers, conductances and link \
         rates are multiplied by s, battery energy and heat capacities by s/k with k = {:.2}; temperatures, efficiencies, \
         shares and work per joule are unscaled. The envelope is simulated; the power fed to it is {kind} ({}). Not preserved: \
         sensing lag (k times the update period is {:.3} of the fastest thermal time constant), latency (reported from k = 1 \
         only) and the idle floor ({:.0} % of rated power). Nothing here shows behaviour in vacuum or under radiation.",
        scale.rated_w.0,
        plan.satellite.compute.power_w / 1e3,
        scale.power_scale,
        scale.time_compression,
        conditions.source.name,
        scale.sensing_ratio,
        100.0 * (scale.idle_w / scale.rated_w),
    )
}

/// What must be known of machine, scale and end to read the result.
fn notes(record: &Record<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(conditions) = record.conditions {
        match conditions.adapter_class {
            AdapterClass::Software => notes
                .push("software adapter: kernels, governor and verdict logic are real, the speed is the CPU's".into()),
            AdapterClass::None => notes.push(
                "no Vulkan, Metal or Direct3D adapter in use: kernels ran as plain-Rust twins, models on candle's CPU device"
                    .into(),
            ),
            AdapterClass::Simulated => notes.push("SIMULATED: no machine was used, nothing was computed or measured".into()),
            AdapterClass::Hardware => {}
        }
        let unseen: Vec<&str> = conditions
            .workloads
            .iter()
            .filter(|workload| !conditions.sees(&workload.backend))
            .map(|workload| workload.name.as_str())
            .collect();
        if !unseen.is_empty() {
            notes.push(format!(
                "{} does not see {}: no energy for them or the flight",
                conditions.source.name,
                unseen.join(", ")
            ));
        }
        if conditions.model.is_some() && !conditions.model_is_real {
            notes.push("a model has seeded weights of the same shape, not the published ones".into());
        }
    }
    if let Some(scale) = record.scale.filter(|scale| scale.time_compression != 1.0) {
        notes.push(format!("compressed {:.1} times: a class of its own in every comparison", scale.time_compression));
    }
    notes.extend(record.scale.and_then(|scale| scale.blind()));
    if record.work.values().all(|done| done.batches == 0 && done.items <= 0.0) && !record.work.is_empty() {
        notes.push(record.coarse.map_or("nothing ran in flight".into(), |coarse| coarse.to_string()));
    }
    if let Some(record) = record.faults {
        notes.push(format!("simulated faults: {}", record.faults.join(", ")));
    }
    if let Some(Outcome::Interrupted) = record.outcome {
        notes.push("partial: interrupted by the user".into());
    }
    notes
}
