//! `bench --sweep FILE`: power against rate, as a machine profile.

use super::bench::{opening, recorded, retune};
use super::bench_arguments::BenchArguments;
use super::loading::Purpose;
use super::{Exit, Failure, answer, answer_json, equipment, say};
use crate::flight::{self, FlightError, Sweep};
use crate::journal::Event;
use crate::profile;
use crate::report::OperatingPoints;
use crate::units::Seconds;
use crate::workload::LanguageShapes;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Holds every operating point and writes the profile.
pub(super) fn sweep(
    arguments: &BenchArguments,
    file: &Path,
    handle_interrupts: impl FnOnce() -> Result<(), Failure>,
    interrupt: &AtomicBool,
) -> Result<Exit, Failure> {
    let (name, place) = (name(file)?, Place::beside(file)?);
    let equipment =
        equipment::prepare(&arguments.machine, LanguageShapes::flight(), Purpose::Flight, retune(arguments))?;
    if !equipment.conditions.source_covers_adapter {
        let source = &equipment.conditions.source.name;
        return Err(Failure::missing(format!("--sweep: no power source sees the adapter, {source} does not")));
    }
    handle_interrupts()?;
    let request = Sweep::standard(Seconds(arguments.sweep_seconds));
    let (events, ended) = recorded(arguments.json, opening(1, Vec::new()), interrupt, |recorder| {
        flight::sweep(recorder, &request, equipment)
    });
    match ended {
        Ok(()) => {}
        Err(FlightError::Interrupted) => return Ok(Exit::Interrupted),
        Err(error) => return Err(Failure::tool(error)),
    }
    if !events.iter().all(Event::is_sound) {
        say("a kernel disagrees with its twin: the driver computes wrong results; no profile is written");
        return Ok(Exit::Invalid);
    }
    let points = OperatingPoints::from_events(&events, &name).map_err(|error| match error.is_missing_power() {
        true => Failure::missing(format!("--sweep: {error}")),
        false => Failure::tool(format!("--sweep: {error}")),
    })?;
    let text = points.toml().map_err(|error| Failure::tool(format!("TOML: {error}")))?;
    // Nothing is written that `simulate --machine` would refuse.
    profile::machine_from_text(&file.to_string_lossy(), &text).map_err(Failure::tool)?;
    place.fill(&text, file)?;
    match arguments.json {
        true => answer_json(&points.machine)?,
        false => answer(&text),
    }
    if !points.machine.provenance.is_measured() {
        say("the powers are modelled, not measured, and the profile says so");
    }
    say(&format!("machine profile in {}", file.display()));
    Ok(Exit::Valid)
}

/// The profile is called what its file is called.
fn name(file: &Path) -> Result<String, Failure> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.ok_or_else(|| Failure::input(format!("--sweep {}: it must be the name of a file", file.display())))
}

/// A file beside the one that is to be written, made before anything is measured, gone whatever happens.
struct Place {
    scratch: PathBuf,
}

impl Place {
    fn beside(file: &Path) -> Result<Place, Failure> {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let scratch = file.with_file_name(format!(".{name}.{}", std::process::id()));
        if file.is_dir() {
            return Err(Failure::input(format!("--sweep {}: it is a folder, and must be a file", file.display())));
        }
        std::fs::write(&scratch, b"").map_err(|error| refused(file, &error))?;
        Ok(Place { scratch })
    }

    fn fill(&self, text: &str, file: &Path) -> Result<(), Failure> {
        let written = std::fs::write(&self.scratch, text).and_then(|()| std::fs::rename(&self.scratch, file));
        written.map_err(|error| refused(file, &error))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // After a rename it is gone already.
        let _ = std::fs::remove_file(&self.scratch);
    }
}

fn refused(file: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("--sweep {}: it cannot be written: {error}", file.display()))
}
