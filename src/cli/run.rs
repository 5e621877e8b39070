//! `run`: the main job.

use super::arguments::RunArguments;
use super::equipment;
use super::loading::Purpose;
use super::{Exit, Failure, answer, answer_json, limits, say, system};
use crate::actuator::{self, Actuator, StateFolder};
use crate::flight::{self, Equipment, Recorder, Request};
use crate::journal::{Event, Journal, Outcome};
use crate::live::Screen;
use crate::profile;
use crate::report::{self, FlightResult, ResultDirectory};
use crate::tuner::Retune;
use crate::workload::LanguageShapes;
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by Ctrl-C, a terminal that closes and a polite kill.
static INTERRUPT: AtomicBool = AtomicBool::new(false);

/// Calibrates, measures, flies and writes the result.
pub(super) fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    limits::put_back()?;
    let request = request(arguments)?;
    let started = Timestamp::now();
    ctrlc::set_handler(|| INTERRUPT.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::tool(format!("the interrupt handler cannot be set: {error}")))?;
    let directory = ResultDirectory::create(&arguments.results, &stem(started, &request.satellite_name))?;
    let prepared = equipment::prepare(&arguments.machine, LanguageShapes::flight(), Purpose::Flight, Retune::No);
    let prepared = prepared.inspect_err(|_| {
        // Nothing was measured: an empty directory would only confuse.
        let _ = std::fs::remove_dir(directory.path());
    })?;
    let prepared = if arguments.actuate { with_actuator(prepared) } else { prepared };
    let (outcome, journalled) = fly(&request, prepared, &directory, arguments.output.json)?;
    let result = directory.write_pages().map_err(Failure::tool)?;
    match arguments.output.json {
        true => answer_json(&result)?,
        false => answer(&report::summary(&result)),
    }
    say(&format!("result in {}", directory.path().display()));
    journalled?;
    exit(outcome, &result)
}

/// The power limit of what the flight measures, or one line on why there is none; pacing goes on either way.
fn with_actuator(mut equipment: Equipment) -> Equipment {
    let source = equipment.conditions.source.name.clone();
    let knobs = actuator::knobs_of(&source, &system::meter_roots().sysfs);
    match Actuator::new(knobs, &source, StateFolder::of_user()) {
        Ok(actuator) => {
            equipment.conditions.knob = Some(actuator.name());
            equipment.actuator = Some(actuator);
        }
        Err(error) => say(&format!("--actuate: {error}; pacing goes on without it")),
    }
    equipment
}

fn request(arguments: &RunArguments) -> Result<Request, Failure> {
    let satellite = profile::satellite(&arguments.satellite, &arguments.overrides.set).map_err(Failure::input)?;
    if let [_, second, ..] = arguments.machine.model.as_slice() {
        return Err(Failure::input(format!(
            "-m {second}: a flight takes one model; `dawndusk bench` compares several"
        )));
    }
    if let Some(k) = arguments.compression.filter(|k| !(1.0..=1000.0).contains(k)) {
        return Err(Failure::input(format!("--compression {k}: it must be between 1 and 1000")));
    }
    Ok(Request {
        satellite_name: published_name(&arguments.satellite),
        satellite,
        policy: arguments.governor,
        length: arguments.length.length(),
        compression: arguments.compression,
        seed: arguments.machine.seed,
    })
}

/// A name as it is; of a path the file name alone, since a result may be published.
fn published_name(satellite: &str) -> String {
    let file = std::path::Path::new(satellite).file_name();
    file.map_or_else(|| satellite.to_owned(), |name| name.to_string_lossy().into_owned())
}

/// `2026-11-22T11-10-15Z-leo-100kw`: sorts by time, and is a file name everywhere.
fn stem(started: Timestamp, satellite: &str) -> String {
    let time = started.strftime("%Y-%m-%dT%H-%M-%SZ");
    let name = std::path::Path::new(satellite).file_stem().map_or("satellite".into(), |stem| stem.to_string_lossy());
    format!("{time}-{name}")
}

fn fly(
    request: &Request,
    equipment: Equipment,
    directory: &ResultDirectory,
    quiet: bool,
) -> Result<(Outcome, Result<(), Failure>), Failure> {
    let path = directory.journal();
    let journal =
        Journal::create(&path).map_err(|error| Failure::input(format!("journal {}: {error}", path.display())))?;
    let mut screen = Screen::new(quiet);
    let mut spectator = |event: &Event| screen.show(event);
    let mut recorder = Recorder::new(Some(journal), &mut spectator, &INTERRUPT);
    // The instant at which the flight's clock begins: a meter's own file is laid beside the flight by it.
    let test_time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    flight::open(&mut recorder, request, test_time, &equipment.conditions);
    let outcome = flight::fly(&mut recorder, request, equipment);
    let closed = recorder.close().map_err(|error| Failure::tool(format!("journal {}: {error}", path.display())));
    Ok((outcome, closed))
}

fn exit(outcome: Outcome, result: &FlightResult) -> Result<Exit, Failure> {
    match (outcome, result.verdict.class) {
        (Outcome::Interrupted, _) => Ok(Exit::Interrupted),
        (Outcome::Failed { message }, _) => Err(Failure::tool(message)),
        (Outcome::Completed, report::Class::Valid | report::Class::Unmeasured) => Ok(Exit::Valid),
        (Outcome::Completed, report::Class::Invalid) if result.verdict.envelope_violated => Ok(Exit::EnvelopeViolated),
        (Outcome::Completed, report::Class::Invalid) => Ok(Exit::Invalid),
    }
}
