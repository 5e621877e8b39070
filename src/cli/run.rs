//! `run`: the main job.

use super::arguments::{RunArguments, length};
use super::equipment;
use super::interrupts::Interrupts;
use super::loading::Purpose;
use super::{Exit, Failure, answer_either, limits, say, system};
use crate::actuator::{self, Actuator, StateFolder};
use crate::estimator::Assumptions;
use crate::flight::{self, Equipment, Recorder, Request};
use crate::interrupt::Interrupt;
use crate::journal::{Event, Journal, Outcome};
use crate::live::Screen;
use crate::profile;
use crate::report::{self, FlightResult, ResultDirectory};
use crate::tuner::Retune;
use crate::workload::LanguageShapes;
use jiff::Timestamp;

/// Calibrates, measures, flies and writes the result.
pub(super) fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let interrupts = Interrupts::handle()?;
    limits::put_back()?;
    let request = request(arguments)?;
    let started = Timestamp::now();
    let directory = ResultDirectory::create(&arguments.results, &stem(started, &request.satellite_name))?;
    let path = directory.path().to_owned();
    interrupts.before_an_end_at_once(move || drop(std::fs::remove_dir(path)));
    let prepared = interrupts.prepare(|interrupt| {
        let (machine, shapes) = (&arguments.machine, LanguageShapes::flight());
        equipment::prepare(machine, shapes, Purpose::Flight, (Retune::No, interrupt))
    });
    let Some(prepared) = prepared.transpose() else {
        remove_empty(&directory);
        return Ok(Exit::Interrupted);
    };
    let prepared = prepared.inspect_err(|_| remove_empty(&directory))?;
    let prepared = if arguments.actuate { with_actuator(prepared) } else { prepared };
    let interrupt = interrupts.interrupt();
    let (outcome, journalled) = fly(&request, prepared, (&directory, interrupt), arguments.output.json)?;
    let result = directory.write_pages().map_err(Failure::tool)?;
    answer_either(arguments.output.json, &result, || report::summary(&result))?;
    say(&format!("result in {}", directory.path().display()));
    journalled?;
    Ok(interrupts.exit(exit(outcome, &result)?))
}

/// Nothing was measured: an empty directory would only confuse. One that holds something stays.
fn remove_empty(directory: &ResultDirectory) {
    drop(std::fs::remove_dir(directory.path()));
}

/// The power limit of what the flight measures, or one line on why there is none; pacing goes on either way.
fn with_actuator(mut equipment: Equipment) -> Equipment {
    let source = equipment.conditions.source.name.clone();
    let limits = actuator::power_limits_of(&source, &system::meter_roots().sysfs);
    match Actuator::new(limits, &source, StateFolder::of_user()) {
        Ok(actuator) => {
            equipment.conditions.power_limit = Some(actuator.name());
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
        length: length(arguments.length),
        compression: arguments.compression,
        seed: arguments.machine.seed,
        assumptions: assumptions(&arguments.assume)?,
    })
}

/// The table of assumptions with what is told otherwise.
pub(super) fn assumptions(told: &[String]) -> Result<Assumptions, Failure> {
    told.iter()
        .try_fold(Assumptions::default(), |table, text| table.with(text))
        .map_err(|error| Failure::input(format!("--assume: {error}")))
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
    (directory, interrupt): (&ResultDirectory, &Interrupt),
    quiet: bool,
) -> Result<(Outcome, Result<(), Failure>), Failure> {
    let path = directory.journal();
    let journal =
        Journal::create(&path).map_err(|error| Failure::input(format!("journal {}: {error}", path.display())))?;
    let mut screen = Screen::new(quiet);
    let mut spectator = |event: &Event| screen.show(event);
    let mut recorder = Recorder::new(Some(journal), &mut spectator, interrupt.flag());
    // The instant at which the flight's clock begins: a meter's own file is laid beside the flight by it.
    let test_time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    flight::open(&mut recorder, request, test_time, &equipment.conditions);
    let outcome = flight::fly(&mut recorder, request, equipment);
    let waits = recorder.journal_waits();
    let closed = recorder.close().map_err(|error| Failure::tool(format!("journal {}: {error}", path.display())));
    if waits > 0 {
        say(&format!("the flight waited {waits} times for the disk of its journal"));
    }
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
