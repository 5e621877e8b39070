//! Each workload without an envelope and inside it.

use super::super::energy::Energy;
use super::super::flight::WorkloadInFlight;
use super::super::result::FlightResult;
use super::super::summary::rate;
use super::super::table::scaled;
use super::super::workload::WorkloadResult;
use super::head::{kind, marked, work_per};
use super::html::table;

/// Both tables.
pub(super) fn workloads(result: &FlightResult) -> String {
    if result.unconstrained.is_empty() {
        return "<p>No workload was measured.</p>\n".into();
    }
    let inside = |name: &str| result.flight.iter().flat_map(|flown| &flown.workloads).find(|one| one.name == name);
    let mark = marked(kind(result));
    let titles = ["without limits", "in flight", "above idle, without limits"]
        .map(|part| format!("work per joule {part}{mark}"));
    let titles = ["workload", "rate without limits", "rate in flight", &titles[0], &titles[1], &titles[2], "busy"];
    let rows: Vec<Vec<String>> = result.unconstrained.iter().map(|free| row(free, inside(&free.name))).collect();
    let power = format!("power without limits{mark}");
    let ran = ["workload", "test", "backend", &power, "energy without limits", "energy in flight", "items in flight"];
    let energies: Vec<Vec<String>> = result.unconstrained.iter().map(|free| energy(free, inside(&free.name))).collect();
    table("Work per joule of each workload, without limits and in flight", 1, &titles, &rows)
        + &table("What ran, and its energy with bounds (k = 2)", ran.len(), &ran, &energies)
}

fn per(value: Option<f64>, unit: &str) -> String {
    value.map_or("-".into(), |value| work_per(value, unit))
}

fn row(free: &WorkloadResult, inside: Option<&WorkloadInFlight>) -> Vec<String> {
    let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let busy = |inside: &WorkloadInFlight| {
        (inside.slice_s.0 > 0.0).then(|| format!("{:.0} %", 100.0 * (inside.busy_s / inside.slice_s)))
    };
    vec![
        free.name.clone(),
        rate(free),
        or(inside.map(|inside| format!("{}/s", scaled(inside.avg_ts, &inside.unit)))),
        per(free.work_per_joule.value, &free.unit),
        or(inside.map(|inside| per(inside.work_per_joule.value, &inside.unit))),
        per(free.work_per_joule.above_idle, &free.unit),
        or(inside.and_then(busy)),
    ]
}

fn energy(free: &WorkloadResult, inside: Option<&WorkloadInFlight>) -> Vec<String> {
    vec![
        free.name.clone(),
        free.test.clone(),
        free.backends.clone(),
        free.power_w.map_or("-".into(), |power| format!("{:.2} W", power.0)),
        bounded(&free.energy),
        inside.map_or("-".into(), |inside| bounded(&inside.energy)),
        inside.map_or("-".into(), |inside| scaled(inside.items, &inside.unit)),
    ]
}

/// `57.6 J (54.8 to 60.8)`; what was not watched closely enough is told.
fn bounded(energy: &Energy) -> String {
    let Some(value) = energy.value_j else { return "not known".into() };
    let band = match energy.low_j.zip(energy.high_j) {
        Some((low, high)) => format!(" ({:.1} to {:.1})", low.0, high.0),
        None => marked(energy.kind).into(),
    };
    let seen = energy.coverage_share.filter(|share| *share < 0.9995);
    format!("{:.1} J{band}{}", value.0, seen.map_or(String::new(), |share| format!(", {:.1} % seen", 100.0 * share)))
}
