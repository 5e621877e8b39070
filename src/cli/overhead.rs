//! `bench --overhead`: what the flight loop takes from the work.

use super::bench::{DISAGREES, opening, recorded, retune};
use super::bench_arguments::BenchArguments;
use super::interrupts::Interrupts;
use super::loading::Purpose;
use super::{Exit, Failure, answer_either, equipment, say};
use crate::estimator::Assumptions;
use crate::flight::{self, FlightError, Length, Overhead, Request};
use crate::governor::Policy;
use crate::journal::Event;
use crate::profile;
use crate::report::OverheadResult;
use crate::units::Seconds;
use crate::workload::LanguageShapes;
use std::path::{Path, PathBuf};

/// Limits nothing: what is left is the loop.
const SATELLITE: &str = "unlimited";

/// A kernel and a small network whose weights are always there; a model that is named is put to work beside them.
const WORKLOADS: [&str; 2] = ["gemm", "classify"];
const OF_A_MODEL: &str = "decode";

/// Measures the pairs and prints them.
pub(super) fn overhead(arguments: &BenchArguments, pairs: u32, interrupts: &Interrupts) -> Result<Exit, Failure> {
    let mut machine = arguments.machine.clone();
    if machine.workloads.is_empty() {
        let model = (!machine.model.is_empty()).then_some(OF_A_MODEL);
        machine.workloads = WORKLOADS.into_iter().chain(model).map(str::to_owned).collect();
    }
    let prepared = interrupts.prepare(|interrupt| {
        equipment::prepare(&machine, LanguageShapes::flight(), Purpose::Flight, (retune(arguments), interrupt))
    })?;
    let Some(equipment) = prepared else { return Ok(Exit::Interrupted) };
    let folder = Folder::create()?;
    let path = folder.path.clone();
    interrupts.before_an_end_at_once(move || drop(std::fs::remove_dir_all(path)));
    let request = Request {
        satellite_name: SATELLITE.into(),
        satellite: profile::satellite(SATELLITE, &[]).map_err(Failure::tool)?,
        policy: Policy::Predictive,
        length: Length::STANDARD,
        compression: None,
        seed: machine.seed,
        assumptions: Assumptions::default(),
    };
    let duration = Seconds(arguments.overhead_seconds);
    let conditions = &equipment.conditions;
    let (source, workloads) = (&conditions.source, conditions.workloads.len());
    let overhead = Overhead { request, pairs, duration, folder: folder.path.clone() }.for_source(source);
    if overhead.duration > duration {
        let (name, update) = (&source.name, source.update_period_s.0);
        let (arm, told, whole) = (overhead.duration.0, duration.0, overhead.whole(workloads).0);
        say(&format!(
            "{name} is renewed every {update} s, so an arm lasts {arm} s instead of {told} s, about {whole:.0} s in all"
        ));
    }
    let (events, ended) = recorded(arguments.json, opening(pairs, Vec::new()), interrupts.interrupt(), |recorder| {
        flight::overhead(recorder, &overhead, equipment)
    });
    if let Some(result) = OverheadResult::from_events(&events, machine.seed) {
        answer_either(arguments.json, &result, || result.text())?;
    }
    match ended {
        Ok(()) if events.iter().all(Event::is_sound) => Ok(interrupts.exit(Exit::Valid)),
        Ok(()) => {
            say(DISAGREES);
            Ok(Exit::Invalid)
        }
        Err(FlightError::Interrupted) => Ok(Exit::Interrupted),
        Err(error) => Err(Failure::tool(error)),
    }
}

/// A folder for the journals that nobody reads, gone in the end.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn create() -> Result<Folder, Failure> {
        let path = std::env::temp_dir().join(format!("dawndusk-overhead-{}", std::process::id()));
        std::fs::create_dir(&path).map_err(|error| refused(&path, &error))?;
        Ok(Folder { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, which clears this place.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn refused(path: &Path, error: &std::io::Error) -> Failure {
    Failure::tool(format!("--overhead: {}: {error}", path.display()))
}
