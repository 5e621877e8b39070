//! How the flight was conducted: every constraint of the verdict, the limits with how near they came, what the controller took
//! for granted, and how well it kept to its budget.

use super::super::flight::FlightFigures;
use super::super::result::FlightResult;
use super::super::summary::{control, followed, slowed_by};
use super::head::celsius;
use super::html::{escape, table, terms};
use crate::units::Kelvin;

/// All of it.
pub(super) fn conduct(result: &FlightResult) -> String {
    let mut text = verdict(result);
    if let Some(flown) = &result.flight {
        text.push_str(&limits(result, flown));
        text.push_str(&figures(flown));
    }
    text + &assumptions(result)
}

fn verdict(result: &FlightResult) -> String {
    let mut items = String::new();
    for constraint in &result.verdict.constraints {
        let (class, word) = if constraint.satisfied { ("good", "satisfied") } else { ("bad", "BROKEN") };
        let advice =
            constraint.recommendation.as_ref().map_or(String::new(), |advice| format!(" <em>{}</em>", escape(advice)));
        items.push_str(&format!(
            "<li><span class=\"{class}\">{word}</span> <b>{}</b>: {}{advice}</li>\n",
            constraint.name,
            escape(&constraint.detail)
        ));
    }
    for why in &result.verdict.unranked_because {
        items.push_str(&format!("<li><span class=\"bad\">not ranked</span> {}</li>\n", escape(why)));
    }
    items.push_str(&format!(
        "<li><span class=\"note\">envelope</span> {}</li>\n",
        escape(&result.verdict.envelope_at_upper_band)
    ));
    for note in &result.verdict.notes {
        items.push_str(&format!("<li><span class=\"note\">note</span> {}</li>\n", escape(note)));
    }
    format!("<ul class=\"checks\">\n{items}</ul>\n")
}

fn limits(result: &FlightResult, flown: &FlightFigures) -> String {
    let satellite = &result.plan.satellite;
    let heat = |name: &str, limit: f64, hottest: Kelvin, time: f64, deepest: Kelvin| {
        let broken = if time > 0.0 { format!("for {time:.0} s, by {:.2} K", deepest.0) } else { "no".into() };
        vec![
            name.to_owned(),
            format!("at most {:.1} °C", celsius(Kelvin(limit))),
            format!("{:.1} °C", celsius(hottest)),
            broken,
        ]
    };
    let breaches = flown.breaches.unwrap_or_default();
    let thermal = &satellite.thermal;
    let (junction, coolant) = (breaches.junction, breaches.coolant);
    let mut rows = vec![
        heat("junction", thermal.junction_limit_k, flown.junction_highest_k, junction.time_s.0, junction.deepest_k),
        heat("loop", thermal.loop_limit_k, flown.loop_highest_k, coolant.time_s.0, coolant.deepest_k),
    ];
    let charge = breaches.charge;
    rows.push(vec![
        "charge".into(),
        format!("{:.0} to {:.0} %", 100.0 * satellite.battery.soc_min, 100.0 * satellite.battery.soc_max),
        format!("{:.1} %", 100.0 * flown.soc_lowest),
        match charge.time_s.0 > 0.0 {
            true => format!("for {:.0} s, by {:.2} %", charge.time_s.0, 100.0 * charge.deepest_share),
            false => "no".into(),
        },
    ]);
    let bus = breaches.bus;
    let unserved = if bus.time_s.0 > 0.0 { format!("for {:.0} s", bus.time_s.0) } else { "no".into() };
    rows.push(vec!["bus".into(), "served at all times".into(), "-".into(), unserved]);
    if flown.breaches.is_none() {
        rows.iter_mut().for_each(|row| row[3] = "not known".into());
    }
    table("Limits of the envelope (times are simulated)", 1, &["limit", "allowed", "nearest to it", "broken"], &rows)
}

fn figures(flown: &FlightFigures) -> String {
    let shares = flown.limited_by_share.0.iter();
    let limited: Vec<String> = shares
        .map(|(limit, share)| {
            let name = limit.map_or("nothing", super::series::limit_words);
            format!("{name} {:.0} %", 100.0 * share)
        })
        .collect();
    let mut lines = vec![
        ("mean power", format!("{:.2} W of a mean budget of {:.2} W", flown.mean_load_w.0, flown.mean_budget_w.0)),
        ("followed", followed(flown)),
        ("held back by", format!("{} (of the time)", limited.join(", "))),
        ("slowed by", slowed_by(&flown.slowed_by)),
        ("control", control(&flown.scored.score)),
    ];
    if let Some(best) = &flown.scored.oracle {
        lines.push((
            "best possible",
            format!(
                "{:.1} s of full speed; {:.1} s were done. The best plan found has {:.1} s; without a solver the bound is {:.1} s",
                best.upper_s.0, flown.work_s.0, best.work_s.0, best.analytic_bound_s.0
            ),
        ));
    }
    if let (Some(sent), Some(waiting)) = (flown.sent_bits, flown.backlog_bits) {
        lines.push(("downlink", format!("{sent:.0} bit sent, {waiting:.0} bit waiting")));
    }
    terms(&lines)
}

fn assumptions(result: &FlightResult) -> String {
    if result.assumptions.is_empty() {
        return String::new();
    }
    let row = |held: &super::super::assumed::AssumptionHeld| {
        let time = |time: Option<crate::units::Seconds>| time.map_or("-".into(), |time| format!("{:.1} s", time.0));
        vec![
            held.assumption.to_string(),
            held.assumed.to_string(),
            held.became().into(),
            held.worst_seen.map_or("-".into(), |worst| format!("{worst:.4}")),
            time(held.worst_at_s),
            time(held.first_broken_at_s),
        ]
    };
    let rows: Vec<Vec<String>> = result.assumptions.iter().map(row).collect();
    let titles = ["assumption", "assumed", "became", "worst seen", "at", "first broken at"];
    table("What the controller took for granted", 1, &titles, &rows)
}
