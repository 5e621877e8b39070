//! `summary.txt`: a table in the manner of llama-bench, a verdict in the manner of MLPerf LoadGen.
//!
//! Measured and modelled watts never share a column: a table has either `W` and `work/J`, or the same two marked
//! `modelled`; what is not known is printed as `-`.

use super::energy::Kind;
use super::flown::Flown;
use super::result::{FlightResult, WorkloadResult};
use super::table::{line, scaled, table};
use crate::units::Kelvin;

/// The whole page.
pub fn summary(result: &FlightResult) -> String {
    let mut text = String::new();
    head(&mut text, result);
    unconstrained(&mut text, result);
    if let Some(flown) = &result.flight {
        flight(&mut text, flown);
    }
    verdict(&mut text, result);
    text
}

fn head(text: &mut String, result: &FlightResult) {
    let plan = &result.plan;
    line(text, format_args!("{}   {}", result.program, result.test_time));
    line(text, format_args!("satellite   {}, from {}", plan.satellite_name, plan.satellite.orbit.start));
    line(text, format_args!("governor    {}   length {}   seed {}", plan.governor, plan.length, plan.seed));
    if let Some(conditions) = &result.conditions {
        let adapter = conditions.gpu_info.as_deref().unwrap_or("none");
        line(text, format_args!("adapter     {adapter} ({})", conditions.adapter_class));
        line(text, format_args!("processor   {} ({} threads)", conditions.cpu_info, conditions.cpu_threads));
        if let Some(model) = &conditions.model {
            line(text, format_args!("model       {model}"));
        }
    }
    paragraph(text, "energy", &result.energy_statement);
    if let Some(statement) = &result.scale_statement {
        paragraph(text, "scale", statement);
    }
    text.push('\n');
}

/// Width of the text of a paragraph.
const TEXT_WIDTH: usize = 96;

fn paragraph(text: &mut String, label: &str, sentence: &str) {
    let mut row = String::new();
    let mut label = label;
    for word in sentence.split_whitespace() {
        if row.len() + word.len() + 1 > TEXT_WIDTH {
            line(text, format_args!("{label:<12}{row}"));
            (label, row) = ("", String::new());
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    line(text, format_args!("{label:<12}{row}"));
}

/// Column titles of power and work per joule, by what they are.
pub(super) fn energy_columns(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Modelled => ["W (modelled)", "work/J (modelled)"],
        Kind::Measured | Kind::Unmeasured => ["W", "work/J"],
    }
}

fn unconstrained(text: &mut String, result: &FlightResult) {
    let Some(first) = result.unconstrained.first() else { return };
    let [power, work] = energy_columns(first.energy.kind);
    let mut rows = vec![["workload", "test", "backend", "rate", power, work].map(str::to_owned)];
    for workload in &result.unconstrained {
        rows.push([
            workload.name.clone(),
            workload.test.clone(),
            workload.backends.clone(),
            rate(workload),
            workload.power_w.map_or("-".into(), |power| format!("{:.2}", power.0)),
            workload.work_per_joule.value.map_or("-".into(), |value| scaled(value, &workload.unit)),
        ]);
    }
    line(text, format_args!("Unconstrained (median of {} repeats, sample standard deviation)", first.samples_ts.len()));
    table(text, &rows);
}

/// `287.00 token/s ± 1.2 %`: median and relative standard deviation.
pub(super) fn rate(workload: &WorkloadResult) -> String {
    let spread = workload.stddev_ts.map_or("-".into(), |spread| format!("{:.1} %", 100.0 * spread / workload.avg_ts));
    format!("{}/s ± {spread}", scaled(workload.median_ts, &workload.unit))
}

fn flight(text: &mut String, flown: &Flown) {
    let [_, work] = energy_columns(flown.energy.kind);
    let mut rows = vec![["workload", "items", "rate", work, "busy"].map(str::to_owned)];
    for workload in &flown.workloads {
        let busy = if workload.slice_s.0 > 0.0 { 100.0 * (workload.busy_s / workload.slice_s) } else { 0.0 };
        rows.push([
            workload.name.clone(),
            scaled(workload.items, &workload.unit),
            format!("{}/s", scaled(workload.avg_ts, &workload.unit)),
            workload.work_per_joule.value.map_or("-".into(), |value| scaled(value, &workload.unit)),
            format!("{busy:.0} %"),
        ]);
    }
    line(text, format_args!("In flight ({:.1} s, {:.0} s simulated)", flown.duration_s.0, flown.simulated_s.0));
    table(text, &rows);
    let shares: Vec<String> =
        flown.limited_by_share.iter().map(|(name, share)| format!("{name} {:.0} %", 100.0 * share)).collect();
    let bound = flown.share_of_upper_bound.map_or("-".into(), |share| format!("{:.1} %", 100.0 * share));
    line(
        text,
        format_args!(
            "work         {:.1} % of unconstrained, {bound} of the upper bound",
            100.0 * flown.share_of_unconstrained
        ),
    );
    line(
        text,
        format_args!("mean power   {:.2} W of a mean budget of {:.2} W", flown.mean_load_w.0, flown.mean_budget_w.0),
    );
    line(text, format_args!("limited by   {}", shares.join(", ")));
    line(
        text,
        format_args!(
            "charge       {:.1} % at the lowest, {:.1} % at the end",
            100.0 * flown.soc_lowest,
            100.0 * flown.soc_end
        ),
    );
    line(
        text,
        format_args!(
            "heat         junction {:.1} °C at the hottest, loop {:.1} °C",
            celsius(flown.junction_highest_k),
            celsius(flown.loop_highest_k)
        ),
    );
    if let (Some(sent), Some(waiting)) = (flown.sent_bits, flown.backlog_bits) {
        let rate = sent / flown.duration_s.0;
        line(text, format_args!("downlink     {sent:.0} bit sent ({rate:.0} bit/s), {waiting:.0} bit waiting"));
    }
    text.push('\n');
}

fn verdict(text: &mut String, result: &FlightResult) {
    line(text, format_args!("Result is : {}", result.verdict.class.name()));
    for constraint in &result.verdict.constraints {
        let mark = if constraint.satisfied { "satisfied" } else { "BROKEN   " };
        line(text, format_args!("  {mark}  {}: {}", constraint.name, constraint.detail));
        if let Some(advice) = &constraint.recommendation {
            line(text, format_args!("             {advice}"));
        }
    }
    for note in &result.verdict.notes {
        line(text, format_args!("  note       {note}"));
    }
}

fn celsius(temperature: Kelvin) -> f64 {
    temperature.0 - 273.15
}
