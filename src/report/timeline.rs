//! `timeline.csv`: a row for every tick of the flight.

use crate::journal::{Entry, Event};
use std::fmt::Write;

/// The columns.
pub(super) const HEADER: &str =
    "flight_s,t_s,illumination,array_w,power_w,load_w,budget_w,limited_by,soc,junction_k,loop_k,radiator_k,workload";

/// The whole file. An absent reading leaves its field empty.
pub(super) fn timeline(entries: &[Entry]) -> String {
    let mut text = format!("{HEADER}\n");
    let names = workload_names(entries);
    for entry in entries {
        let Event::Tick(tick) = &entry.event else { continue };
        let power = tick.power_w.map(|power| format!("{:.4}", power.0)).unwrap_or_default();
        let limited_by = serde_json::to_value(tick.limited_by).unwrap_or_default();
        let workload = names.get(tick.workload).map_or("", String::as_str);
        let line = writeln!(
            text,
            "{:.4},{:.3},{:.5},{:.4},{power},{:.4},{:.4},{},{:.7},{:.4},{:.4},{:.4},{workload}",
            tick.flight_s.0,
            tick.simulated_s.0,
            tick.illumination,
            tick.array_w.0,
            tick.load_w.0,
            tick.budget_w.0,
            limited_by.as_str().unwrap_or_default(),
            tick.soc,
            tick.junction_k.0,
            tick.loop_k.0,
            tick.radiator_k.0,
        );
        line.expect("writing to a string cannot fail");
    }
    text
}

fn workload_names(entries: &[Entry]) -> Vec<String> {
    let found = entries.iter().find_map(|entry| match &entry.event {
        Event::Conditions(conditions) => Some(&conditions.workloads),
        _ => None,
    });
    found.map(|workloads| workloads.iter().map(|workload| workload.name.clone()).collect()).unwrap_or_default()
}
