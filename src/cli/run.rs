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
use crate::journal::{Conditions, Event, Journal, Outcome};
use crate::live::Screen;
use crate::profile;
use crate::report::{self, FlightResult, ResultDirectory};
use crate::tuner::Retune;
use crate::units::Seconds;
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
    let request = for_machine(request, &prepared.conditions);
    let prepared = if arguments.actuate { with_actuator(prepared) } else { prepared };
    let interrupt = interrupts.interrupt();
    let quiet = arguments.output.json;
    let flown = journalled(&directory, (interrupt, quiet), |recorder, test_time| {
        flight::open(recorder, &request, test_time, &prepared.conditions);
        flight::fly(recorder, &request, prepared)
    })?;
    Ok(interrupts.exit(written(&directory, flown, quiet)?))
}

/// Writes the pages of a flight and prints its summary.
pub(super) fn written(directory: &ResultDirectory, flown: Flown, json: bool) -> Result<Exit, Failure> {
    let (outcome, journalled) = flown;
    let result = directory.write_pages().map_err(Failure::tool)?;
    answer_either(json, &result, || report::summary(&result))?;
    say(&format!("result in {}", directory.path().display()));
    journalled?;
    exit(outcome, &result)
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

/// The request with the lengths that the power source needs, which is said where it takes longer than its name promises.
pub(super) fn for_machine(request: Request, conditions: &Conditions) -> Request {
    let (named, orbit, workloads) = (request.length, request.orbit(), conditions.workloads.len());
    let request = request.for_machine(conditions);
    if request.length != named {
        let (name, update) = (&conditions.source.name, conditions.source.update_period_s);
        let promised = named.whole(Seconds::ZERO, workloads, orbit);
        let takes = request.length.whole(update, workloads, request.orbit());
        say(&format!(
            "{name} is renewed every {} s, so the flight takes about {:.0} s instead of {:.0} s",
            update.0, takes.0, promised.0
        ));
    }
    request
}

/// The table of assumptions with what is told otherwise.
pub(super) fn assumptions(told: &[String]) -> Result<Assumptions, Failure> {
    told.iter()
        .try_fold(Assumptions::default(), |table, text| table.with(text))
        .map_err(|error| Failure::input(format!("--assume: {error}")))
}

/// A name as it is; of a path the file name alone, since a result may be published.
pub(super) fn published_name(satellite: &str) -> String {
    let file = std::path::Path::new(satellite).file_name();
    file.map_or_else(|| satellite.to_owned(), |name| name.to_string_lossy().into_owned())
}

/// `2026-11-22T11-10-15Z-leo-100kw`: sorts by time, and is a file name everywhere.
pub(super) fn stem(started: Timestamp, satellite: &str) -> String {
    let time = started.strftime("%Y-%m-%dT%H-%M-%SZ");
    let name = std::path::Path::new(satellite).file_stem().map_or("satellite".into(), |stem| stem.to_string_lossy());
    format!("{time}-{name}")
}

/// How a flight ended, and whether its journal is whole.
pub(super) type Flown = (Outcome, Result<(), Failure>);

/// Flies with a journal in `directory`; `fly` has the wall clock as the label of its start.
pub(super) fn journalled(
    directory: &ResultDirectory,
    (interrupt, quiet): (&Interrupt, bool),
    fly: impl FnOnce(&mut Recorder<'_>, String) -> Outcome,
) -> Result<Flown, Failure> {
    let path = directory.journal();
    let journal =
        Journal::create(&path).map_err(|error| Failure::input(format!("journal {}: {error}", path.display())))?;
    let mut screen = Screen::new(quiet);
    let mut spectator = |event: &Event| screen.show(event);
    let mut recorder = Recorder::new(Some(journal), &mut spectator, interrupt.flag());
    // The instant at which the flight's clock begins: a meter's own file is laid beside the flight by it.
    let test_time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let outcome = fly(&mut recorder, test_time);
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
