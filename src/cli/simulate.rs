//! `simulate`: the envelope and a governor without hardware.

use super::arguments::{SimulateArguments, SkyName};
use super::profile::almanac;
use super::{Exit, Failure, answer, answer_json};
use crate::envelope::{Orbit, Scale, Sky};
use crate::flight::simulation;
use crate::flight::simulation::{Load, Row, Schedule, Sensor, Simulation, Summary, simulate_all};
use crate::governor::Policy;
use crate::profile;
use crate::units::{Seconds, Watts};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What was flown, and what came of it.
#[derive(Serialize)]
struct Answer<'a> {
    satellite: &'a str,
    start: String,
    sky: Sky,
    load: &'a str,
    machine: &'a str,
    step_s: f64,
    /// One flight stands at the top level, all policies in a list.
    #[serde(flatten)]
    flown: Flown,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Flown {
    One(Box<Summary>),
    All { governors: Vec<Summary> },
}

/// Flies and prints.
pub(super) fn simulate(arguments: &SimulateArguments) -> Result<Exit, Failure> {
    let satellite = profile::satellite(&arguments.satellite, &arguments.overrides.set).map_err(Failure::input)?;
    let machine = profile::machine(&arguments.machine).map_err(Failure::input)?;
    let start = arguments.start.map(almanac).transpose()?.unwrap_or(satellite.orbit.start);
    let period = Orbit::new(&satellite.orbit, start).nodal_period;
    let policy = match arguments.governor.as_str() {
        "all" => None,
        name => Some(name.parse::<Policy>().map_err(|error| Failure::input(format!("--governor: {error}, all")))?),
    };
    let flight = Simulation {
        satellite: &satellite,
        scale: Scale::FULL,
        sky: match arguments.sky {
            SkyName::Orbit => Sky::Orbit,
            SkyName::Constant => Sky::Constant,
        },
        start,
        duration: arguments.duration.map_or(period, Seconds),
        dt: Seconds(arguments.step),
        load: load(&arguments.load)?,
        policy: policy.unwrap_or_default(),
        machine: &machine,
        sensor: Sensor { lag: Seconds(arguments.sensor_lag), ..Sensor::IDEAL },
    };
    let flown = match policy {
        Some(_) => Flown::One(Box::new(fly_one(&flight, arguments.trace.as_deref())?)),
        None if arguments.trace.is_some() => {
            return Err(Failure::input("--trace holds one flight: name one --governor, not `all`"));
        }
        None => Flown::All { governors: simulate_all(&flight).map_err(Failure::input)? },
    };
    let document = Answer {
        satellite: &arguments.satellite,
        start: start.to_string(),
        sky: flight.sky,
        load: &arguments.load,
        machine: &machine.name,
        step_s: arguments.step,
        flown,
    };
    match arguments.output.json {
        true => answer_json(&document)?,
        false => answer(&page(&document)),
    }
    Ok(document.exit())
}

impl Answer<'_> {
    /// One governor that breaks a limit is exit code 13; a given load and a comparison only report.
    fn exit(&self) -> Exit {
        match &self.flown {
            Flown::One(summary) if summary.governor.is_some() && summary.breaches.any() => Exit::EnvelopeViolated,
            _ => Exit::Valid,
        }
    }
}

/// `governed`, a number of watts, or a file.
fn load(text: &str) -> Result<Load, Failure> {
    if text == "governed" {
        return Ok(Load::Governed);
    }
    if let Ok(watts) = text.parse::<f64>() {
        return Ok(Load::Constant(Watts(watts)));
    }
    let table = std::fs::read_to_string(text).map_err(|error| {
        Failure::input(format!(
            "--load {text}: it must be watts, a CSV file (t_s,power_w) or `governed`; as a file: {error}"
        ))
    })?;
    Ok(Load::Schedule(Schedule::parse(text, &table).map_err(Failure::input)?))
}

fn fly_one(flight: &Simulation<'_>, trace: Option<&Path>) -> Result<Summary, Failure> {
    let Some(path) = trace else { return simulation::simulate(flight, None).map_err(Failure::input) };
    let refused = |error: std::io::Error| Failure::input(format!("--trace {}: {error}", path.display()));
    let mut file = BufWriter::new(File::create(path).map_err(refused)?);
    let mut written = writeln!(file, "{}", Row::HEADER);
    let mut write = |row: &Row| {
        if written.is_ok() {
            written = writeln!(file, "{row}");
        }
    };
    let summary = simulation::simulate(flight, Some(&mut write)).map_err(Failure::input)?;
    written.and_then(|()| file.flush()).map_err(refused)?;
    Ok(summary)
}

fn page(answer: &Answer<'_>) -> String {
    let mut text = format!(
        "{} from {}, load {}, machine {}\n{:<11} {:>9} {:>7} {:>9} {:>8} {:>8} {:>9} {:>9} {:>7} {:>10} {:>10} {:>10}\n",
        answer.satellite,
        answer.start,
        answer.load,
        answer.machine,
        "governor",
        "work s",
        "share",
        "mean kW",
        "soc min",
        "soc end",
        "peak J °C",
        "peak L °C",
        "cycles",
        "hot s",
        "low s",
        "unserved s"
    );
    let flights: &[Summary] = match &answer.flown {
        Flown::One(summary) => std::slice::from_ref(summary),
        Flown::All { governors } => governors,
    };
    for flight in flights {
        let breaches = &flight.breaches;
        text.push_str(&format!(
            "{:<11} {:>9.0} {:>7} {:>9.2} {:>8.4} {:>8.4} {:>9.2} {:>9.2} {:>7.2} {:>10.0} {:>10.0} {:>10.0}\n",
            flight.governor.map_or("none".into(), |policy| policy.to_string()),
            flight.work_s.0,
            flight.share_of_upper_bound.map_or("-".into(), |share| format!("{:.2} %", 100.0 * share)),
            flight.mean_load_w.0 / 1e3,
            flight.soc_min,
            flight.soc_end,
            flight.junction_peak_k.0 - 273.15,
            flight.loop_peak_k.0 - 273.15,
            flight.battery_cycles,
            breaches.junction.time_s.max(breaches.coolant.time_s).0,
            breaches.charge.time_s.0,
            breaches.bus.time_s.0,
        ));
    }
    text.push_str(
        "share: of an upper bound that no governor can pass; none where a limit was broken or the load was given\n",
    );
    text
}
