//! `simulate`: the envelope and a governor without hardware.

use super::arguments::SimulateArguments;
use super::simulate_table::page;
use super::{Exit, Failure, answer_either, simulated_flight};
use crate::envelope::{Orbit, Sky};
use crate::flight::simulation::{Best, Comparison, Load, Row, Schedule, Simulation, Summary, compare};
use crate::governor::Policy;
use crate::profile;
use crate::units::{Seconds, Watts};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// From here on steps are longer unless said otherwise.
const LONG: Seconds = Seconds(10.0 * 86_400.0);

/// What was flown, and what came of it.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) satellite: &'a str,
    pub(super) start: String,
    pub(super) sky: Sky,
    pub(super) load: &'a str,
    pub(super) machine: &'a str,
    pub(super) step_s: f64,
    pub(super) compression: f64,
    pub(super) seed: u64,
    pub(super) faults: Vec<String>,
    /// The best that could be done; null where nobody governed or nothing limits.
    pub(super) oracle: Option<Best>,
    /// One flight stands at the top level, all policies in a list.
    #[serde(flatten)]
    pub(super) flown: Flown,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Flown {
    One(Box<Summary>),
    All { governors: Vec<Summary> },
}

/// Flies and prints.
pub(super) fn simulate(arguments: &SimulateArguments) -> Result<Exit, Failure> {
    if let Some(results) = &arguments.results {
        return simulated_flight::fly(arguments, results);
    }
    let satellite = profile::satellite(&arguments.satellite, &arguments.overrides.set).map_err(Failure::input)?;
    let machine = profile::machine(&arguments.machine).map_err(Failure::input)?;
    let machine = arguments.plant.machine(machine)?;
    let start = arguments.start.unwrap_or(satellite.orbit.start);
    let period = Orbit::new(&satellite.orbit, start).nodal_period;
    let policy = match arguments.governor.as_str() {
        "all" => None,
        name => Some(name.parse::<Policy>().map_err(|error| Failure::input(format!("--governor: {error}, all")))?),
    };
    let load = load(&arguments.load)?;
    if policy.is_none() && load != Load::Governed {
        let told = &arguments.load;
        return Err(Failure::input(format!(
            "--governor all: with --load {told} nobody governs, so there is nothing to compare; use --load governed"
        )));
    }
    let duration = arguments.duration.map_or(period, Seconds);
    let flight = Simulation {
        satellite: &satellite,
        scale: arguments.plant.scale(&satellite)?,
        sky: arguments.sky,
        start,
        duration,
        dt: arguments.step.map_or_else(|| default_step(duration), Seconds),
        load,
        policy: policy.unwrap_or_default(),
        machine: &machine,
        sensor: arguments.plant.sensor(),
        plant: arguments.plant.plant(),
        assumptions: super::run::assumptions(&arguments.assume)?,
    };
    let Comparison { mut flights, oracle } = match (policy, arguments.trace.as_deref()) {
        (Some(policy), None) => compare(&flight, &[policy], None).map_err(Failure::input)?,
        (Some(policy), Some(trace)) => fly_traced(&flight, policy, trace)?,
        (None, None) => compare(&flight, &Policy::ALL, None).map_err(Failure::input)?,
        (None, Some(_)) => {
            return Err(Failure::input("--trace holds one flight: name one --governor, not `all`"));
        }
    };
    let flown = match policy {
        Some(_) => Flown::One(Box::new(flights.swap_remove(0))),
        None => Flown::All { governors: flights },
    };
    let document = Answer {
        satellite: &arguments.satellite,
        start: start.to_string(),
        sky: flight.sky,
        load: &arguments.load,
        machine: &machine.name,
        step_s: flight.dt.0,
        compression: flight.scale.time,
        seed: flight.plant.seed,
        faults: flight.plant.faults.iter().map(ToString::to_string).collect(),
        oracle,
        flown,
    };
    answer_either(arguments.output.json, &document, || page(&document))?;
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

/// Long flights in longer steps, so that a year takes less than a minute; simulated.
fn default_step(duration: Seconds) -> Seconds {
    if duration > LONG { Seconds(10.0) } else { Seconds(1.0) }
}

fn fly_traced(flight: &Simulation<'_>, policy: Policy, path: &Path) -> Result<Comparison, Failure> {
    let refused = |error: std::io::Error| Failure::input(format!("--trace {}: {error}", path.display()));
    let mut file = BufWriter::new(File::create(path).map_err(refused)?);
    let mut written = writeln!(file, "{}", Row::HEADER);
    let mut write = |row: &Row| {
        if written.is_ok() {
            written = writeln!(file, "{row}");
        }
    };
    let comparison = compare(flight, &[policy], Some(&mut write)).map_err(Failure::input)?;
    written.and_then(|()| file.flush()).map_err(refused)?;
    Ok(comparison)
}
