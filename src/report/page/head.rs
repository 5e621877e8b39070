//! The first screen in words: the verdict in a sentence, and the figures that most readers came for.

use super::super::energy::{Kind, WorkPerJoule};
use super::super::flight::FlightFigures;
use super::super::result::FlightResult;
use super::super::table::scaled;
use super::super::verdict::Class;
use super::html::escape;
use crate::governor::Policy;
use crate::journal::{AdapterClass, Breaches};
use crate::units::{Kelvin, Seconds};

/// The verdict and the cards.
pub(super) fn head(result: &FlightResult) -> String {
    let plan = &result.plan;
    let class = result.verdict.class;
    format!(
        "<p class=\"kicker\">{} · {} · governor {} · {}</p>\n<h1><span class=\"verdict {}\">{class}</span> {}</h1>\n\
         <div class=\"cards\">\n{}</div>\n",
        escape(&plan.satellite_name),
        escape(&machine(result)),
        plan.governor,
        escape(&instant(&result.test_time)),
        class.to_string().to_lowercase(),
        escape(&together(&sentence(result))),
        cards(result)
    )
}

/// What flew, in a few words.
pub(super) fn machine(result: &FlightResult) -> String {
    let Some(conditions) = &result.conditions else { return "no machine".into() };
    match conditions.adapter_class {
        AdapterClass::Simulated => "a simulated machine".into(),
        _ => conditions.gpu_info.clone().unwrap_or_else(|| conditions.cpu_info.clone()),
    }
}

/// The verdict in plain English. Watts that were not measured are told before anything else.
pub(super) fn sentence(result: &FlightResult) -> String {
    let lead = match (kind(result), result.verdict.class) {
        (Kind::Modelled, Class::Invalid) => "The watts are modelled, not measured, and the result does not count: ",
        (Kind::Modelled, _) => "The watts are modelled, not measured: ",
        (Kind::Unmeasured, Class::Invalid) => "No watt was measured, and the result does not count: ",
        (Kind::Unmeasured, _) => "No watt was measured: ",
        (Kind::Measured, Class::Invalid) => "The result does not count: ",
        (Kind::Measured, _) => "",
    };
    let told = match (&result.flight, result.verdict.constraints.iter().find(|constraint| !constraint.satisfied)) {
        (Some(FlightFigures { breaches: Some(breaches), .. }), Some(_)) if breaches.any() => {
            format!("{} broke limits of {}: {}.", machine(result), result.plan.satellite_name, broken(breaches))
        }
        (Some(_), Some(broken)) => format!("{}: {}.", broken.name, broken.detail),
        (None, Some(broken)) => format!("the satellite never left: {}.", broken.detail),
        (None, None) => "the satellite never left.".into(),
        (Some(flown), None) => held(result, flown),
    };
    format!("{lead}{told}")
}

/// What was broken, for how long and how deep, in simulated time.
fn broken(breaches: &Breaches) -> String {
    let (junction, coolant, charge) = (breaches.junction, breaches.coolant, breaches.charge);
    let each = [
        ("junction", junction.time_s, format!(", by up to {:.1} K", junction.deepest_k.0)),
        ("loop", coolant.time_s, format!(", by up to {:.1} K", coolant.deepest_k.0)),
        ("charge", charge.time_s, format!(", by up to {:.1} %", 100.0 * charge.deepest_share)),
        ("bus", breaches.bus.time_s, String::new()),
    ];
    let said = |(name, time, depth): &(&str, Seconds, String)| {
        (*time > Seconds::ZERO).then(|| format!("{name} for {:.0} s{depth}", time.0))
    };
    each.iter().filter_map(said).collect::<Vec<_>>().join("; ")
}

fn held(result: &FlightResult, flown: &FlightFigures) -> String {
    let satellite = &result.plan.satellite_name;
    let best = match flown.scored.score.share_of_oracle {
        Some(share) => format!(", {:.1} % of the best possible", 100.0 * share),
        None => String::new(),
    };
    let limits = match result.plan.governor {
        Policy::Off => "broke no limit",
        _ => "stayed inside every limit",
    };
    format!(
        "{} {limits} of {satellite} for one orbit and did {:.1} % of the work that it does without limits{best}.",
        machine(result),
        100.0 * flown.share_of_unconstrained
    )
}

/// What the energy of the flight is; of the first workload where nothing flew.
pub(super) fn kind(result: &FlightResult) -> Kind {
    let first = || result.unconstrained.first().map(|workload| workload.energy.kind);
    let flown = result.flight.as_ref().map(|flown| flown.energy.kind);
    flown.or_else(first).unwrap_or(Kind::Unmeasured)
}

/// ` (modelled)` behind every figure that a model gave.
pub(super) fn marked(kind: Kind) -> &'static str {
    if kind == Kind::Modelled { " (modelled)" } else { "" }
}

fn card(title: &str, figure: &str, more: &str) -> String {
    format!(
        "<div class=\"card\"><h2>{}</h2><p class=\"figure\">{}</p><p>{}</p></div>\n",
        escape(title),
        escape(&together(figure)),
        escape(&together(more))
    )
}

/// A number and its unit stay on one line, and marks of a terminal's code go.
fn together(text: &str) -> String {
    text.replace(" %", "\u{a0}%").replace(" °C", "\u{a0}°C").replace('`', "")
}

/// To the minute, as people write it.
fn instant(time: &str) -> String {
    time.get(..16).map_or(time.to_owned(), |minute| format!("{} UTC", minute.replace('T', " ")))
}

fn cards(result: &FlightResult) -> String {
    let mut text = per_joule(result);
    if let Some(flown) = &result.flight {
        text.push_str(&best(flown));
        text.push_str(&limits(result, flown));
    }
    text.push_str(&watts(result));
    text
}

/// The workload of the headline: the first that writes with a language model, else the first of the models, else the first.
fn headline(result: &FlightResult) -> Option<usize> {
    let all = &result.unconstrained;
    let is_model = |unit: &str| !["FLOP", "byte"].contains(&unit);
    let writes = all.iter().position(|workload| workload.n_gen > 0);
    let models = || all.iter().position(|workload| is_model(&workload.unit));
    writes.or_else(models).or((!all.is_empty()).then_some(0))
}

fn per_joule(result: &FlightResult) -> String {
    let Some(free) = headline(result).map(|index| &result.unconstrained[index]) else { return String::new() };
    let inside = result.flight.iter().flat_map(|flown| &flown.workloads).find(|workload| workload.name == free.name);
    let said = |work: &WorkPerJoule| {
        let value = work.value.map(|value| work_per(value, &free.unit));
        value.map_or("not known".into(), |value| format!("{value}{}", marked(work.kind)))
    };
    let figure = inside.map_or("not flown".into(), |inside| said(&inside.work_per_joule));
    let title = format!("Work per joule: {}", free.name);
    card(&title, &figure, &format!("inside the envelope; {} without it", said(&free.work_per_joule)))
}

/// `12.69 token/J`; what is far below one keeps its digits.
pub(super) fn work_per(value: f64, unit: &str) -> String {
    if value < 0.1 { format!("{value:.3e} {unit}/J") } else { format!("{}/J", scaled(value, unit)) }
}

fn best(flown: &FlightFigures) -> String {
    let score = &flown.scored.score;
    let (figure, why) = match (score.share_of_oracle, score.unscored) {
        (Some(share), _) => (format!("{:.1} %", 100.0 * share), String::new()),
        (None, Some(why)) => ("no share".into(), format!("{why}; ")),
        (None, None) => ("no share".into(), String::new()),
    };
    let free = 100.0 * flown.share_of_unconstrained;
    card("Of the best possible work", &figure, &format!("{why}{free:.1} % of the work without limits"))
}

fn limits(result: &FlightResult, flown: &FlightFigures) -> String {
    let satellite = &result.plan.satellite;
    let figure = match &flown.breaches {
        Some(breaches) if breaches.any() => "a limit broke",
        Some(_) => "every limit held",
        None => "not known",
    };
    let more = format!(
        "charge {:.1} % at the lowest (floor {:.0} %); junction {:.1} °C at the hottest (limit {:.1} °C)",
        100.0 * flown.soc_lowest,
        100.0 * satellite.battery.soc_min,
        celsius(flown.junction_highest_k),
        celsius(Kelvin(satellite.thermal.junction_limit_k))
    );
    card("The envelope", figure, &more)
}

fn watts(result: &FlightResult) -> String {
    let Some(source) = result.conditions.as_ref().map(|conditions| &conditions.source) else {
        return card("The watts", "none", &result.energy_statement);
    };
    if kind(result) == Kind::Unmeasured {
        return card("The watts", "not measured", &format!("{} gave no energy of this work", source.name));
    }
    let figure = match source.provenance.is_measured() {
        true => format!("measured by {}", source.name),
        false => format!("modelled by {}", source.name),
    };
    let band = match source.relative_uncertainty {
        Some(band) => format!("within {:.1} % (k = 2)", 100.0 * band),
        None if source.provenance.is_measured() => "its band is not stated".into(),
        None => "a model has no error band and is never ranked".into(),
    };
    card("The watts", &figure, &format!("of {}; {band}", source.boundary))
}

/// Kelvin as people read them.
pub(super) fn celsius(temperature: Kelvin) -> f64 {
    temperature.0 - 273.15
}
