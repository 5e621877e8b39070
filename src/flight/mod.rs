//! The flight: the only place where everything meets.
//!
//! Imports run in a line, data runs in a ring: measured watts heat and drain the simulated spacecraft, which limits
//! the next watts. The ring closes in one function, the `tick` of [`control`], which flies hardware and simulations alike.
//!
//! ```text
//!   idle ─> verify ─> warm up ─> unconstrained ─> identify ─> scale ─> orbit ─> arrived
//! ```
//!
//! Whatever ends a flight early, the journal holds all that came before and a closing entry with the reason.

mod bench;
mod control;
mod dead_time;
mod identify;
mod length;
mod looks;
mod machine;
mod measure;
mod orbit;
mod overhead;
mod recorder;
pub mod simulation;
mod sweep;
mod worker;

pub use length::Length;
pub use overhead::{Overhead, overhead};
pub use recorder::Recorder;
pub use sweep::{Sweep, sweep};
pub use worker::left_behind;

use crate::actuator::Actuator;
use crate::envelope::{self, Scale, Sky, Spacecraft};
use crate::estimator::{Assumptions, OperatingRange};
use crate::governor::Policy;
use crate::journal::{Conditions, Event, FlightPlan, Outcome, SCHEMA_VERSION, ScaleRecord};
use crate::meter::{Gauge, Meter};
use crate::profile::Satellite;
use crate::reading::Source;
use crate::units::{Seconds, Watts};
use crate::workload::{Description, Workload, WorkloadError};
use bench::Bench;
use machine::Ground;
use orbit::Orbit;
use worker::Worker;

/// What is to be flown.
#[derive(Clone, Debug)]
pub struct Request {
    /// Name or path of the satellite profile.
    pub satellite_name: String,
    /// The profile, with all overrides applied.
    pub satellite: Satellite,
    /// Governor policy.
    pub policy: Policy,
    /// Durations.
    pub length: Length,
    /// Simulated seconds in a second; none takes what makes one orbit last [`Length::orbit`].
    pub compression: Option<f64>,
    /// Seed of every random choice.
    pub seed: u64,
    /// What the controller takes for granted.
    pub assumptions: Assumptions,
}

/// What it is flown with.
pub struct Equipment {
    /// In flight order.
    pub workloads: Vec<Box<dyn Workload>>,
    /// The power source.
    pub meter: Box<dyn Meter>,
    /// The machine, as found.
    pub conditions: Conditions,
    /// The power limit that follows the budget; none unless it was asked for.
    pub actuator: Option<Actuator>,
}

/// Why a flight ended early.
#[derive(Debug, thiserror::Error)]
pub enum FlightError {
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// A workload failed.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The thread of the workloads could not be started.
    #[error("the workloads' thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A journal cannot be written.
    #[error("journal in {folder}: {error}")]
    Journal {
        /// Where.
        folder: std::path::PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Neither a rated power nor a reading: the satellite cannot be scaled to the machine.
    #[error(
        "power source `{source_name}` gave no reading and has no rated power, so nothing tells how large the machine is"
    )]
    NoScale {
        /// Which source.
        source_name: String,
    },
}

/// Opens the journal with the plan and the machine. Nothing has been measured yet.
pub fn open(recorder: &mut Recorder<'_>, request: &Request, test_time: String, conditions: &Conditions) {
    recorder.record(Event::Opened {
        schema_version: SCHEMA_VERSION.into(),
        program: concat!("dawndusk ", env!("CARGO_PKG_VERSION")).into(),
        test_time,
        plan: Box::new(FlightPlan {
            satellite_name: request.satellite_name.clone(),
            satellite: request.satellite.clone(),
            governor: request.policy,
            length: request.length.name,
            seed: request.seed,
            orbit_s: request.orbit(),
            tick_s: request.length.tick,
            repeats: request.length.repeats,
        }),
    });
    recorder.record(Event::Conditions(Box::new(conditions.clone())));
}

/// Flies. How it ended is in the journal and in the answer.
pub fn fly(recorder: &mut Recorder<'_>, request: &Request, equipment: Equipment) -> Outcome {
    let ended = fly_bench(recorder, request, equipment);
    close(recorder, ended)
}

/// The last entry of a flight.
fn close(recorder: &mut Recorder<'_>, ended: Result<(), FlightError>) -> Outcome {
    let outcome = match ended {
        Ok(()) => Outcome::Completed,
        Err(FlightError::Interrupted) => Outcome::Interrupted,
        Err(error) => Outcome::Failed { message: error.to_string() },
    };
    recorder.record(Event::Closed { outcome: outcome.clone() });
    outcome
}

/// The phases before the orbit alone: conditions, idle, verification, compilation and every workload unconstrained.
///
/// # Errors
/// An interrupt or a workload that fails; what was measured before it is recorded.
pub fn bench(recorder: &mut Recorder<'_>, length: &Length, equipment: Equipment) -> Result<(), FlightError> {
    let Equipment { workloads, meter, conditions, .. } = equipment;
    let mut gauge = Gauge::new(meter);
    recorder.record(Event::Conditions(Box::new(conditions)));
    let descriptions = described(&workloads);
    let worker = Worker::start(workloads)?;
    let machine = &mut Bench::new(recorder, &worker, &mut gauge, &descriptions, None);
    measure::idle(machine, length)?;
    measure::verify(machine)?;
    measure::compilation(machine)?;
    measure::unconstrained(machine, length)?;
    measure::idle_after(machine, length)
}

fn described(workloads: &[Box<dyn Workload>]) -> Vec<Description> {
    workloads.iter().map(|workload| workload.description().clone()).collect()
}

/// The machine in front of us, and all phases on it.
fn fly_bench(recorder: &mut Recorder<'_>, request: &Request, equipment: Equipment) -> Result<(), FlightError> {
    let Equipment { workloads, meter, actuator, .. } = equipment;
    let mut gauge = Gauge::new(meter);
    let descriptions = described(&workloads);
    let worker = Worker::start(workloads)?;
    phases(&mut Bench::new(recorder, &worker, &mut gauge, &descriptions, actuator), request)
}

/// All phases, on any machine.
fn phases<M: Ground>(machine: &mut M, request: &Request) -> Result<(), FlightError> {
    let idle = measure::idle(machine, &request.length)?;
    measure::verify(machine)?;
    let measured = measure::unconstrained(machine, &request.length)?;
    let full = measured
        .iter()
        .filter_map(|workload| workload.power)
        .fold(None, |most: Option<Watts>, power| Some(most.map_or(power, |most| most.max(power))));
    let found = Calibrated::found(machine.gauge().source(), idle, full)?;
    let scale = Scale::new(found.rated, Watts(request.satellite.compute.power_w), request.time_compression());
    let faults = machine.faults();
    let spacecraft = Spacecraft::new(&request.satellite, scale, Sky::Orbit, request.satellite.orbit.start)
        .becoming(faults.conditions.clone());
    let longest = measured.iter().fold(Seconds::ZERO, |most, workload| most.max(workload.batch));
    let assumed = found.range(machine.gauge().source(), longest);
    let range = identify::identify(machine, &measured, (&request.length, assumed))?;
    if !faults.faults.is_empty() {
        machine.record(|| Event::Faults(faults));
    }
    machine.record(|| {
        Event::Scaled(ScaleRecord {
            power_scale: scale.power,
            time_compression: scale.time,
            rated_w: found.rated,
            rated_is_calibrated: found.is_calibrated,
            idle_w: found.idle,
            full_w: found.full,
            idle_seen_w: found.idle_seen,
            orbit_s: request.orbit(),
            sensing_ratio: sensing_ratio(&request.satellite, scale, range.update_period_s),
        })
    });
    let duration = request.orbit();
    let ended = orbit::fly(machine, Orbit { request, duration, measured: &measured, spacecraft, range });
    for setting in machine.restore() {
        machine.record(|| Event::PowerLimit(setting));
    }
    let after = measure::idle_after(machine, &request.length);
    ended.and(after)
}

impl Request {
    /// With the lengths that the power source and the workloads need.
    pub fn for_machine(self, conditions: &Conditions) -> Request {
        Request { length: self.length.for_source(&conditions.source, conditions.workloads.len()), ..self }
    }

    /// k; a long orbit flies in real time at the slowest.
    pub fn time_compression(&self) -> f64 {
        self.compression.unwrap_or((self.nodal_period() / self.length.orbit).max(1.0))
    }

    /// One orbit on the machine's clock.
    pub fn orbit(&self) -> Seconds {
        self.nodal_period() / self.time_compression()
    }

    fn nodal_period(&self) -> Seconds {
        envelope::Orbit::new(&self.satellite.orbit, self.satellite.orbit.start).nodal_period
    }
}

/// k times the update period over the junction's time constant, R C: what time compression does to sensing.
fn sensing_ratio(satellite: &Satellite, scale: Scale, update_period: Seconds) -> f64 {
    let thermal = &satellite.thermal;
    scale.time * update_period.0 / (thermal.junction_to_loop_k_per_w * thermal.junction_j_per_k)
}

/// The machine's power, as calibrated.
struct Calibrated {
    rated: Watts,
    /// Nobody states a rated power: it is the most that calibration saw.
    is_calibrated: bool,
    idle: Watts,
    full: Watts,
    /// Idle power where it was not under full power: the source does not see the work.
    idle_seen: Option<Watts>,
}

impl Calibrated {
    /// What is known is used; a rated power stands in for a missing reading, and so on the safe side.
    fn found(source: &Source, idle: Option<Watts>, full: Option<Watts>) -> Result<Calibrated, FlightError> {
        let idle_seen = idle.filter(|idle| full.is_some_and(|full| *idle >= full));
        let rated = source.rated_w.or(full).ok_or(FlightError::NoScale { source_name: source.name.clone() })?;
        let full = full.unwrap_or(rated);
        let is_calibrated = source.rated_w.is_none();
        Ok(Calibrated { rated, is_calibrated, idle: idle.unwrap_or(Watts::ZERO).min(full), full, idle_seen })
    }

    /// Dead time by what the source says: half an update of the sensor, after which a change shows on average.
    fn range(&self, source: &Source, longest_batch: Seconds) -> OperatingRange {
        let update = source.update_period_s;
        OperatingRange {
            idle_w: self.idle,
            full_w: self.full,
            sensor_lag_s: update / 2.0,
            update_period_s: update,
            batch_s: longest_batch,
        }
    }
}
