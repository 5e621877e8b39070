//! `result.json`: everything that a flight found, computed from its journal.
//!
//! llama-bench's field names are kept where the meaning is the same: `cpu_info`, `gpu_info`, `backends`, `n_prompt`,
//! `n_gen`, `n_depth`, `avg_ts`, `stddev_ts`, `samples_ts`, `samples_ns` and `test_time` are as there.

use super::energy::{Energy, WorkPerJoule, witnesses_of};
use super::flown::{Flown, flown};
use super::merged::{MeterFileResult, meter_files};
use super::verdict::{Evidence, Verdict, judge};
use crate::journal::{
    Conditions, Entry, Event, FlightPlan, Identification, Measurement, MeterCost, Outcome, SCHEMA_VERSION, ScaleRecord,
    Witness, WorkloadRecord,
};
use crate::reading::Throttling;
use crate::stats;
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
    /// How late the meter shows what the pacer does; null where the flight ended before it was looked for.
    pub identification: Option<Identification>,
    /// Each workload without an envelope.
    pub unconstrained: Vec<WorkloadResult>,
    /// The flight.
    pub flight: Option<Flown>,
    /// Files of other meters, merged afterwards; beside the flight's energy, never added to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meter_files: Vec<MeterFileResult>,
}

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

impl FlightResult {
    /// Computes a result from the entries of a journal. None only where there is no opening entry.
    pub fn from_journal(entries: &[Entry]) -> Option<FlightResult> {
        let events: Vec<&Event> = entries.iter().map(|entry| &entry.event).collect();
        let Event::Opened { program, test_time, plan, .. } = events.first()? else { return None };
        let conditions = events.iter().find_map(|event| match event {
            Event::Conditions(conditions) => Some(conditions.as_ref()),
            _ => None,
        });
        let scale = events.iter().find_map(|event| if let Event::Scaled(scale) = event { Some(*scale) } else { None });
        let idle_power_w = idle_power(&events);
        let unconstrained = conditions.map(|known| unconstrained(&events, known, idle_power_w)).unwrap_or_default();
        let flight = conditions.and_then(|conditions| flown(&events, plan, conditions, &unconstrained));
        let outcome =
            events.iter().find_map(|event| if let Event::Closed { outcome } = event { Some(outcome) } else { None });
        let verdict = judge(Evidence {
            plan,
            outcome,
            events: &events,
            workloads: &unconstrained,
            flown: flight.as_ref(),
            sharing: conditions.and_then(|conditions| conditions.sharing.as_ref()),
            notes: notes(conditions, scale.as_ref(), outcome),
        });
        Some(FlightResult {
            schema_version: SCHEMA_VERSION.into(),
            program: program.clone(),
            test_time: test_time.clone(),
            verdict,
            energy_statement: energy_statement(conditions),
            scale_statement: conditions.zip(scale).map(|(conditions, scale)| scale_statement(conditions, &scale, plan)),
            meter_files: meter_files(&events),
            plan: plan.as_ref().clone(),
            conditions: conditions.cloned(),
            scale,
            idle_power_w,
            idle_power_after_w: idle_power_after(&events),
            meter_cost: meter_cost(&events),
            identification: events.iter().find_map(|event| match event {
                Event::Identified(identification) => Some(identification.clone()),
                _ => None,
            }),
            unconstrained,
            flight,
        })
    }

    /// The document, with a final newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("no map in a result has keys that are not strings");
        text.push('\n');
        text
    }
}

pub(super) fn idle_power(events: &[&Event]) -> Option<Watts> {
    events.iter().find_map(|event| match event {
        Event::Idle { duration_s, drawn } => drawn.energy_j.map(|energy| energy / *duration_s),
        _ => None,
    })
}

pub(super) fn idle_power_after(events: &[&Event]) -> Option<Watts> {
    events.iter().find_map(|event| match event {
        Event::IdleAfter { duration_s, drawn } => drawn.energy_j.map(|energy| energy / *duration_s),
        _ => None,
    })
}

pub(super) fn meter_cost(events: &[&Event]) -> Option<MeterCost> {
    events.iter().find_map(|event| if let Event::Metered(cost) = event { Some(*cost) } else { None })
}

pub(super) fn unconstrained(events: &[&Event], conditions: &Conditions, idle: Option<Watts>) -> Vec<WorkloadResult> {
    let measurements = events.iter().filter_map(|event| match event {
        Event::Unconstrained(measurement) => Some(measurement),
        _ => None,
    });
    measurements
        .filter_map(|measurement| {
            let record = conditions.workloads.iter().find(|record| record.name == measurement.workload)?;
            let witnesses = witnesses_of(events, Some(&measurement.workload));
            Some(workload_result(measurement, record, conditions, (idle, &witnesses)))
        })
        .collect()
}

fn workload_result(
    measurement: &Measurement,
    record: &WorkloadRecord,
    conditions: &Conditions,
    (idle, witnesses): (Option<Watts>, &[Witness]),
) -> WorkloadResult {
    let rates: Vec<f64> = measurement.samples.iter().map(|sample| sample.items / sample.duration_s.0).collect();
    let mean = stats::mean(&rates).unwrap_or(0.0);
    let items: f64 = measurement.samples.iter().map(|sample| sample.items).sum();
    let seen = conditions.sees(&record.backend);
    let energy = Energy::of(&measurement.drawn, &conditions.source, seen).beside(witnesses);
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
        work_per_joule: WorkPerJoule::of(items, &energy, measurement.duration_s, idle),
        throttled: measurement.drawn.throttled,
        energy,
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
    format!(
        "The machine ({machine}, {:.2} W) stands for {:.0} kW of compute at s = {:.3e}; areas, powers, conductances and link \
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

fn notes(conditions: Option<&Conditions>, scale: Option<&ScaleRecord>, outcome: Option<&Outcome>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(conditions) = conditions {
        match conditions.adapter_class.as_str() {
            "software" => notes
                .push("software adapter: kernels, governor and verdict logic are real, the speed is the CPU's".into()),
            "none" => notes.push(
                "no Vulkan, Metal or Direct3D adapter in use: kernels ran as plain-Rust twins, models on candle's CPU device"
                    .into(),
            ),
            _ => {}
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
    if let Some(scale) = scale.filter(|scale| scale.time_compression != 1.0) {
        notes.push(format!("compressed {:.1} times: a class of its own in every comparison", scale.time_compression));
    }
    if let Some(Outcome::Interrupted) = outcome {
        notes.push("partial: interrupted by the user".into());
    }
    notes
}
