//! `bench --sweep FILE`: power against rate, as a machine profile.

use super::bench::{DISAGREES, opening, recorded, retune};
use super::bench_arguments::BenchArguments;
use super::interrupts::Interrupts;
use super::loading::Purpose;
use super::{Exit, Failure, answer_either, equipment, say};
use crate::files;
use crate::flight::{self, FlightError, Sweep};
use crate::journal::Event;
use crate::profile;
use crate::report::OperatingPoints;
use crate::units::Seconds;
use crate::workload::LanguageShapes;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// Holds every operating point and writes the profile.
pub(super) fn sweep(arguments: &BenchArguments, file: &Path, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let (name, mut place) = (name(file)?, beside(file)?);
    let unfinished = place.path().to_owned();
    interrupts.before_an_end_at_once(move || drop(std::fs::remove_file(unfinished)));
    let prepared = interrupts.prepare(|interrupt| {
        let (machine, shapes) = (&arguments.machine, LanguageShapes::flight());
        equipment::prepare(machine, shapes, Purpose::Flight, (retune(arguments), interrupt))
    })?;
    let Some(equipment) = prepared else { return Ok(Exit::Interrupted) };
    if !equipment.conditions.source_covers_adapter {
        let source = &equipment.conditions.source.name;
        return Err(Failure::missing(format!("--sweep: no power source sees the adapter, {source} does not")));
    }
    let source = &equipment.conditions.source;
    let asked = Sweep::standard(Seconds(arguments.sweep_seconds));
    let request = asked.clone().for_source(source);
    if request != asked {
        let (name, update) = (&source.name, source.update_period_s.0);
        let (held, told, whole) = (request.duration.0, asked.duration.0, request.whole().0);
        say(&format!(
            "{name} is renewed every {update} s, so each duty is held for {held} s instead of {told} s, about {whole:.0} s in all"
        ));
    }
    let (events, ended) = recorded(arguments.json, opening(1, Vec::new()), interrupts.interrupt(), |recorder| {
        flight::sweep(recorder, &request, equipment)
    });
    match ended {
        Ok(()) => {}
        Err(FlightError::Interrupted) => return Ok(Exit::Interrupted),
        Err(error) => return Err(Failure::tool(error)),
    }
    if !events.iter().all(Event::is_sound) {
        say(&format!("{DISAGREES}; no profile is written"));
        return Ok(Exit::Invalid);
    }
    let points = OperatingPoints::from_events(&events, &name).map_err(|error| match error.is_missing_power() {
        true => Failure::missing(format!("--sweep: {error}")),
        false => Failure::tool(format!("--sweep: {error}")),
    })?;
    let text = points.toml().map_err(|error| Failure::tool(format!("TOML: {error}")))?;
    // Nothing is written that `simulate --machine` would refuse.
    profile::machine_from_text(&file.to_string_lossy(), &text).map_err(Failure::tool)?;
    let written = place.write_all(text.as_bytes()).and_then(|()| files::put_in_place(place, file));
    written.map_err(|error| refused(file, &error))?;
    answer_either(arguments.json, &points.machine, || text)?;
    if !points.machine.provenance.is_measured() {
        say("the powers are modelled, not measured, and the profile says so");
    }
    say(&format!("machine profile in {}", file.display()));
    Ok(interrupts.exit(Exit::Valid))
}

/// The profile is called what its file is called.
fn name(file: &Path) -> Result<String, Failure> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.ok_or_else(|| Failure::input(format!("--sweep {}: it must be the name of a file", file.display())))
}

/// A file beside the one that is to be written, made before anything is measured, gone whatever happens.
fn beside(file: &Path) -> Result<NamedTempFile, Failure> {
    if file.is_dir() {
        return Err(Failure::input(format!("--sweep {}: it is a folder, and must be a file", file.display())));
    }
    files::temporary_file(files::folder_of(file)).map_err(|error| refused(file, &error))
}

fn refused(file: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("--sweep {}: it cannot be written: {error}", file.display()))
}
