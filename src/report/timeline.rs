//! `timeline.csv`: a row for every tick of the flight.
//!
//! `soc` to `radiator_k` are confirmed and hold at `confirmed_s`; `predicted_soc` to `predicted_radiator_k` are what the
//! governor steered by and hold at `flight_s`. What is missing leaves its field empty.

use super::flight::limit_name;
use super::record::Record;
use std::fmt::Write;

/// The columns.
const HEADER: &str = "flight_s,t_s,illumination,array_w,confirmed_s,power_w,expected_w,no_reading,budget_w,limited_by,soc,\
                      junction_k,loop_k,radiator_k,predicted_soc,predicted_junction_k,predicted_loop_k,\
                      predicted_radiator_k,workload";

/// The whole file.
pub(super) fn timeline(record: &Record<'_>) -> String {
    let mut text = format!("{HEADER}\n");
    let workloads = record.conditions.map_or(&[][..], |conditions| &conditions.workloads);
    for tick in &record.ticks {
        let power = tick.power_w.map(|power| format!("{:.4}", power.0)).unwrap_or_default();
        let line = writeln!(
            text,
            "{:.4},{:.3},{:.5},{:.4},{:.4},{power},{:.4},{},{:.4},{},{:.7},{:.4},{:.4},{:.4},{:.7},{:.4},{:.4},{:.4},{}",
            tick.flight_s.0,
            tick.simulated_s.0,
            tick.illumination,
            tick.array_w.0,
            tick.confirmed_s.0,
            tick.expected_w.0,
            tick.no_reading.map(|refusal| refusal.to_string()).unwrap_or_default(),
            tick.budget_w.0,
            limit_name(tick.limited_by),
            tick.soc,
            tick.junction_k.0,
            tick.loop_k.0,
            tick.radiator_k.0,
            tick.predicted.soc,
            tick.predicted.junction_k.0,
            tick.predicted.loop_k.0,
            tick.predicted.radiator_k.0,
            workloads.get(tick.workload).map_or("", |workload| workload.name.as_str()),
        );
        line.expect("writing to a string cannot fail");
    }
    text
}
