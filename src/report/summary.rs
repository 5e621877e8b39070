//! `summary.txt`: a table in the manner of llama-bench, a verdict in the manner of MLPerf LoadGen.
//!
//! Measured and modelled watts never share a column: a table has either `W` and `work/J`, or the same two marked
//! `modelled`; what is not known is printed as `-`.

use super::deviation::STRETCH;
use super::energy::{Energy, Kind, WorkPerJoule};
use super::flight::{FlightFigures, SlowedBy, limit_name};
use super::result::FlightResult;
use super::table::{line, scaled, table};
use super::workload::WorkloadResult;
use crate::governor::Score;
use crate::journal::MeterCost;
use crate::units::{Kelvin, Seconds, Watts};

/// The whole page.
pub fn summary(result: &FlightResult) -> String {
    let mut text = String::new();
    head(&mut text, result);
    unconstrained(&mut text, result);
    if let Some(flown) = &result.flight {
        flight(&mut text, flown);
    }
    assumptions(&mut text, result);
    verdict(&mut text, result);
    text
}

fn head(text: &mut String, result: &FlightResult) {
    let plan = &result.plan;
    line!(text, "{}   {}", result.program, result.test_time);
    line!(text, "satellite   {}, from {}", plan.satellite_name, plan.satellite.orbit.start);
    line!(text, "governor    {}   length {}   seed {}", plan.governor, plan.length, plan.seed);
    if let Some(conditions) = &result.conditions {
        let adapter = conditions.gpu_info.as_deref().unwrap_or("none");
        line!(text, "adapter     {adapter} ({})", conditions.adapter_class);
        line!(text, "processor   {} ({} threads)", conditions.cpu_info, conditions.cpu_threads);
        if let Some(model) = &conditions.model {
            line!(text, "model       {model}");
        }
    }
    paragraph(text, "energy", &result.energy_statement);
    paragraph(text, "idle", &idle(result));
    if let Some(cost) = &result.meter_cost {
        paragraph(text, "meter", &meter(cost));
    }
    for merged in &result.meter_files {
        paragraph(text, "meter file", &merged.to_string());
    }
    if let Some(statement) = &result.scale_statement {
        paragraph(text, "scale", statement);
    }
    if let Some(identification) = &result.identification {
        paragraph(text, "sensor", &identification.to_string());
    }
    text.push('\n');
}

/// Idle power before and after the work. It is shown beside, and never taken off.
fn idle(result: &FlightResult) -> String {
    let watts = |power: Option<Watts>| power.map_or("not known".into(), |power| format!("{:.2} W", power.0));
    format!(
        "{} before the work, {} after it, with everything open; work/J is gross, and above idle beside it",
        watts(result.idle_power_w),
        watts(result.idle_power_after_w)
    )
}

/// What the meter itself took.
pub(super) fn meter(cost: &MeterCost) -> String {
    let core = cost.core_share.zip(cost.cpu_s).map_or("CPU time not known".into(), |(share, cpu)| {
        format!("{:.3} % of one core ({:.1} ms of CPU time)", 100.0 * share, 1e3 * cpu.0)
    });
    let (reads, over) = (cost.reads, cost.over_s.0);
    format!("{core}, at most {:.3} % of the throughput: {reads} reads in {over:.1} s", 100.0 * cost.work_share)
}

/// `123.4 J (117.1 to 129.7), 99 % seen, 1100 updates`.
pub(super) fn joules(energy: &Energy) -> String {
    let Some(value) = energy.value_j else { return "not known".into() };
    let band = match energy.low_j.zip(energy.high_j) {
        Some((low, high)) => format!("{:.1} to {:.1}, k = 2", low.0, high.0),
        None if energy.kind == Kind::Modelled => "modelled, without a band".into(),
        None => "its band is not stated".into(),
    };
    let seen = energy.coverage_share.map_or(String::new(), |share| format!(", {:.1} % seen", 100.0 * share));
    format!("{:.1} J ({band}){seen}, {} updates", value.0, energy.updates)
}

/// Width of the text of a paragraph.
const TEXT_WIDTH: usize = 96;

fn paragraph(text: &mut String, label: &str, sentence: &str) {
    let mut row = String::new();
    let mut label = label;
    for word in sentence.split_whitespace() {
        if row.len() + word.len() + 1 > TEXT_WIDTH {
            line!(text, "{label:<12}{row}");
            (label, row) = ("", String::new());
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    line!(text, "{label:<12}{row}");
}

/// Column titles of power and work per joule, by what they are.
pub(super) fn energy_columns(kind: Kind) -> [&'static str; 3] {
    match kind {
        Kind::Modelled => ["W (modelled)", "work/J (modelled)", "above idle (modelled)"],
        Kind::Measured | Kind::Unmeasured => ["W", "work/J", "above idle"],
    }
}

/// Work per joule, gross and above idle.
pub(super) fn per_joule(work: &WorkPerJoule, unit: &str) -> [String; 2] {
    [work.value, work.above_idle].map(|value| value.map_or("-".into(), |value| scaled(value, unit)))
}

fn unconstrained(text: &mut String, result: &FlightResult) {
    let Some(first) = result.unconstrained.first() else { return };
    let [power, work, above] = energy_columns(first.energy.kind);
    let mut rows = vec![["workload", "test", "backend", "rate", power, work, above].map(str::to_owned)];
    for workload in &result.unconstrained {
        let [gross, above] = per_joule(&workload.work_per_joule, &workload.unit);
        rows.push([
            workload.name.clone(),
            workload.test.clone(),
            workload.backends.clone(),
            rate(workload),
            workload.power_w.map_or("-".into(), |power| format!("{:.2}", power.0)),
            gross,
            above,
        ]);
    }
    line!(text, "Unconstrained (median of {} repeats, sample standard deviation)", first.samples_ts.len());
    table(text, &rows);
}

/// `287.00 token/s ± 1.2 %`: median and relative standard deviation.
pub(super) fn rate(workload: &WorkloadResult) -> String {
    let spread = workload.stddev_ts.map_or("-".into(), |spread| format!("{:.1} %", 100.0 * spread / workload.avg_ts));
    format!("{}/s ± {spread}", scaled(workload.median_ts, &workload.unit))
}

fn flight(text: &mut String, flown: &FlightFigures) {
    let [_, work, above] = energy_columns(flown.energy.kind);
    let mut rows = vec![["workload", "items", "rate", work, above, "busy"].map(str::to_owned)];
    for workload in &flown.workloads {
        let busy = if workload.slice_s.0 > 0.0 { 100.0 * (workload.busy_s / workload.slice_s) } else { 0.0 };
        let [gross, above] = per_joule(&workload.work_per_joule, &workload.unit);
        rows.push([
            workload.name.clone(),
            scaled(workload.items, &workload.unit),
            format!("{}/s", scaled(workload.avg_ts, &workload.unit)),
            gross,
            above,
            format!("{busy:.0} %"),
        ]);
    }
    line!(text, "In flight ({:.1} s, {:.0} s simulated)", flown.duration_s.0, flown.simulated_s.0);
    table(text, &rows);
    let share = |(limit, share): &(_, f64)| format!("{} {:.0} %", limit_name(*limit), 100.0 * share);
    let shares: Vec<String> = flown.limited_by_share.0.iter().map(share).collect();
    let score = &flown.scored.score;
    let share = score.share_of_oracle.map_or("-".into(), |share| format!("{:.1} %", 100.0 * share));
    let why = score.unscored.map_or(String::new(), |why| format!(" ({why})"));
    line!(
        text,
        "work         {:.1} % of unconstrained, {share} of the oracle's{why}",
        100.0 * flown.share_of_unconstrained
    );
    line!(text, "mean power   {:.2} W of a mean budget of {:.2} W", flown.mean_load_w.0, flown.mean_budget_w.0);
    line!(text, "followed     {}", followed(flown));
    line!(text, "energy       {}", joules(&flown.energy));
    line!(text, "limited by   {} (of the time)", shares.join(", "));
    line!(text, "slowed by    {}", slowed_by(&flown.slowed_by));
    line!(text, "control      {}", control(score));
    line!(
        text,
        "charge       {:.1} % at the lowest, {:.1} % at the end",
        100.0 * flown.soc_lowest,
        100.0 * flown.soc_end
    );
    line!(
        text,
        "heat         junction {:.1} °C at the hottest, loop {:.1} °C",
        celsius(flown.junction_highest_k),
        celsius(flown.loop_highest_k)
    );
    if let (Some(sent), Some(waiting)) = (flown.sent_bits, flown.backlog_bits) {
        let rate = sent / flown.duration_s.0;
        line!(text, "downlink     {sent:.0} bit sent ({rate:.0} bit/s), {waiting:.0} bit waiting");
    }
    text.push('\n');
}

/// What kept the machine from full speed.
pub(super) fn slowed_by(slowed: &SlowedBy) -> String {
    let percent = |share: Option<f64>| share.map_or("not known".into(), |share| format!("{:.1} %", 100.0 * share));
    format!(
        "governor {}, starved {}, power limit {}, heat {} (of the time)",
        percent(Some(slowed.governor_share)),
        percent(Some(slowed.starved_share)),
        percent(slowed.power_cap_share),
        percent(slowed.thermal_share)
    )
}

/// Budget and readings in a line; what is not known is `-`.
pub(super) fn control(score: &Score) -> String {
    let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.1} %", 100.0 * share));
    let time = |time: Option<Seconds>| time.map_or("-".into(), |time| format!("{:.1} s", time.0));
    format!(
        "{} over the budget at most, for {} (means of {:.0} s); steps settle in {}; {} of {} ticks on stale data",
        percent(score.overshoot_share),
        time(score.over_budget_s),
        score.window_s.0,
        time(score.settling_median_s),
        score.stale_ticks,
        score.ticks
    )
}

/// How well the power followed the budget where work was held back.
pub(super) fn followed(flown: &FlightFigures) -> String {
    match flown.largest_deviation_10_s_share {
        Some(share) => {
            let (deviation, judged) = (100.0 * share, 100.0 * flown.judged_10_s_share);
            format!(
                "within {deviation:.2} % of the budget over any {:.0} s of held-back work that the machine could have drawn in full \
                 (such stretches end in {judged:.0} % of the time)",
                STRETCH.0
            )
        }
        None if flown.duration_s < STRETCH => format!("- (shorter than {:.0} s)", STRETCH.0),
        None => format!("- (no {:.0} s, counted, in which work was held back all the time)", STRETCH.0),
    }
}

fn assumptions(text: &mut String, result: &FlightResult) {
    for (index, assumption) in result.assumptions.iter().enumerate() {
        let label = if index == 0 { "assumed" } else { "" };
        line!(text, "{label:<12} {assumption}");
    }
    if !result.assumptions.is_empty() {
        text.push('\n');
    }
}

fn verdict(text: &mut String, result: &FlightResult) {
    line!(text, "Result is : {}", result.verdict.class);
    for reason in &result.verdict.unranked_because {
        line!(text, "  UNRANKED   {reason}");
    }
    for constraint in &result.verdict.constraints {
        let mark = if constraint.satisfied { "satisfied" } else { "BROKEN   " };
        line!(text, "  {mark}  {}: {}", constraint.name, constraint.detail);
        if let Some(advice) = &constraint.recommendation {
            line!(text, "             {advice}");
        }
    }
    line!(text, "  envelope   {}", result.verdict.envelope_at_upper_band);
    for note in &result.verdict.notes {
        line!(text, "  note       {note}");
    }
}

fn celsius(temperature: Kelvin) -> f64 {
    temperature.0 - 273.15
}
