//! Several results on one page, side by side. Nothing is ranked; what keeps them from being compared is said first.

use super::super::result::FlightResult;
use super::head::{celsius, kind, machine, marked, sentence, work_per};
use super::html::{escape, fill, table};
use std::collections::BTreeSet;

/// The frame of the page.
const TEMPLATE: &str = include_str!("several.html");

/// The whole page. A result goes by the name that is given with it.
pub fn several(results: &[(String, FlightResult)]) -> String {
    fill(TEMPLATE, |part| match part {
        "title" => match results.len() {
            1 => "One result".into(),
            many => format!("{many} results side by side"),
        },
        "style" => super::STYLE.into(),
        "results" => list(results),
        "apart" => apart(results),
        "figures" => figures(results),
        "work" => work(results),
        _ => unreachable!("the template names its parts"),
    })
}

fn list(results: &[(String, FlightResult)]) -> String {
    let item = |(name, result): &(String, FlightResult)| {
        let class = result.verdict.class;
        format!(
            "<li><span class=\"verdict {}\">{class}</span> <b>{}</b>: {}</li>\n",
            class.to_string().to_lowercase(),
            escape(name),
            escape(&sentence(result))
        )
    };
    format!("<ul class=\"several\">\n{}</ul>\n", results.iter().map(item).collect::<String>())
}

/// Something that two results may share: its name, and what it is in a result.
type Trait = (&'static str, fn(&FlightResult) -> String);

/// What must be the same before two figures may be set against one another.
fn apart(results: &[(String, FlightResult)]) -> String {
    let traits: [Trait; 7] = [
        ("satellite", |result| result.plan.satellite_name.clone()),
        ("date of the orbit", |result| result.plan.satellite.orbit.start.to_string()),
        ("governor", |result| result.plan.governor.to_string()),
        ("length", |result| result.plan.length.to_string()),
        ("time compression", |result| {
            result.scale.map_or("not known".into(), |scale| format!("{:.1} times", scale.time_compression))
        }),
        ("watts", |result| format!("{:?}", kind(result)).to_lowercase()),
        ("machine", machine),
    ];
    let mut text = String::new();
    for (name, of) in traits {
        let values: Vec<String> = results.iter().map(|(_, result)| of(result)).collect();
        let different: BTreeSet<&String> = values.iter().collect();
        if different.len() > 1 {
            text.push_str(&format!("<li><b>{name}</b>: {}</li>\n", escape(&values.join("; "))));
        }
    }
    match text.is_empty() {
        true => {
            "<p>Satellite, date, governor, length, compression, kind of watts and machine are the same.</p>\n".into()
        }
        false => format!("<p>In the order of the results:</p>\n<ul class=\"several\">\n{text}</ul>\n"),
    }
}

fn figures(results: &[(String, FlightResult)]) -> String {
    let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.1} %", 100.0 * share));
    let row = |(name, result): &(String, FlightResult)| {
        let flown = result.flight.as_ref();
        vec![
            name.clone(),
            percent(flown.and_then(|flown| flown.scored.score.share_of_oracle)),
            percent(flown.map(|flown| flown.share_of_unconstrained)),
            percent(flown.map(|flown| flown.soc_lowest)),
            flown.map_or("-".into(), |flown| format!("{:.1} °C", celsius(flown.junction_highest_k))),
            flown.map_or("-".into(), |flown| format!("{:.2} W{}", flown.mean_load_w.0, marked(kind(result)))),
        ]
    };
    let rows: Vec<Vec<String>> = results.iter().map(row).collect();
    let titles = [
        "result",
        "of the best possible",
        "of the work without limits",
        "lowest charge",
        "hottest junction",
        "mean power",
    ];
    table("Flights", 1, &titles, &rows)
}

/// Work per joule of every workload that any of them has, in flight and without limits.
fn work(results: &[(String, FlightResult)]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for workload in results.iter().flat_map(|(_, result)| &result.unconstrained) {
        if !names.contains(&workload.name.as_str()) {
            names.push(&workload.name);
        }
    }
    let marked: Vec<String> = results.iter().map(|(name, result)| format!("{name}{}", marked(kind(result)))).collect();
    let titles: Vec<&str> = std::iter::once("workload").chain(marked.iter().map(String::as_str)).collect();
    let rows = |of: fn(&FlightResult, &str) -> Option<String>| -> Vec<Vec<String>> {
        let cell = |result: &FlightResult, name: &str| of(result, name).unwrap_or_else(|| "-".into());
        let row = |name: &&str| {
            let cells = results.iter().map(|(_, result)| cell(result, name));
            std::iter::once((*name).to_owned()).chain(cells).collect()
        };
        names.iter().map(row).collect()
    };
    table("Work per joule in flight", 1, &titles, &rows(in_flight))
        + &table("Work per joule without limits", 1, &titles, &rows(without_limits))
}

fn in_flight(result: &FlightResult, name: &str) -> Option<String> {
    let workload = result.flight.as_ref()?.workloads.iter().find(|workload| workload.name == name)?;
    workload.work_per_joule.value.map(|value| work_per(value, &workload.unit))
}

fn without_limits(result: &FlightResult, name: &str) -> Option<String> {
    let workload = result.unconstrained.iter().find(|workload| workload.name == name)?;
    workload.work_per_joule.value.map(|value| work_per(value, &workload.unit))
}
