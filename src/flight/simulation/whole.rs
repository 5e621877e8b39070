//! A whole flight of the product on the virtual machine: every phase, a meter, a journal, in milliseconds.
//!
//! It is the same code as on hardware, from idle power to the closing entry; only the machine is another. The faults of its
//! plant count from departure. All that is written says that it is simulated: no figure of it is ever ranked. Same
//! arguments, same journal, byte for byte.

use super::simulated_meter::SHORTEST_PERIOD;
use super::virtual_bench::VirtualBench;
use super::{KnownBy, Load, Plant, SHORTEST_BATCH_S, Sensor, Shows, Simulation, SimulationError};
use crate::envelope::{Scale, Sky};
use crate::estimator::OperatingRange;
use crate::flight::{Recorder, Request, close, phases};
use crate::journal::{AdapterClass, Conditions, Outcome, WorkloadRecord};
use crate::profile::Machine;
use crate::reading::{Boundary, Provenance, Sensing, Source};
use crate::units::{Seconds, Watts};
use crate::workload::{Description, Unit};

/// What takes its turn on a simulated machine.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedWork {
    /// Unique name.
    pub name: String,
    /// Its longest batch, machine seconds; lengths are drawn evenly between half of it and all of it.
    pub batch: Seconds,
    /// What a batch draws: share of the way from idle to full power, over 0 up to 1.
    pub share: f64,
}

/// The machine of a simulated flight.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedMachine {
    /// Its powers.
    pub profile: Machine,
    /// They are scaled so that the profile's rated power is this.
    pub rated: Watts,
    /// Whether the power source knows that.
    pub states_rated: bool,
    /// The sensor behind the power source.
    pub sensor: Sensor,
    /// Jitter, faults and seed. Batches are those of the workloads, and the spacecraft is known by the power source, as in
    /// every flight.
    pub plant: Plant,
    /// In flight order.
    pub workloads: Vec<SimulatedWork>,
}

/// A flight that can be flown.
pub struct VirtualFlight<'a> {
    pub(super) request: &'a Request,
    pub(super) machine: &'a SimulatedMachine,
    pub(super) simulation: Simulation<'a>,
    pub(super) range: OperatingRange,
}

impl<'a> VirtualFlight<'a> {
    /// `request` on `machine`.
    ///
    /// # Errors
    /// [`SimulationError`] for a machine that cannot be.
    pub fn new(request: &'a Request, machine: &'a SimulatedMachine) -> Result<VirtualFlight<'a>, SimulationError> {
        let refuse = |name, found, allowed| Err(SimulationError::Plant { name, found, allowed });
        if machine.workloads.is_empty() {
            return refuse("workloads", 0.0, "1 or more");
        }
        for work in &machine.workloads {
            if !(SHORTEST_BATCH_S..=10.0).contains(&work.batch.0) {
                return refuse("longest batch in s", work.batch.0, "0.001 to 10");
            }
            if !(work.share > 0.0 && work.share <= 1.0) {
                return refuse("share of a workload", work.share, "0 to 1, and over 0");
            }
        }
        let longest = machine.workloads.iter().fold(Seconds::ZERO, |longest, work| longest.max(work.batch));
        let scale = Scale::new(machine.rated, Watts(request.satellite.compute.power_w), request.time_compression());
        let simulation = Simulation {
            satellite: &request.satellite,
            scale,
            sky: Sky::Orbit,
            start: request.satellite.orbit.start,
            duration: scale.simulated(request.orbit()),
            dt: scale.simulated(request.length.tick),
            load: Load::Governed,
            policy: request.policy,
            machine: &machine.profile,
            sensor: machine.sensor,
            plant: Plant { batch: longest, known_by: KnownBy::Readings, ..machine.plant.clone() },
            assumptions: request.assumptions,
        };
        simulation.check()?;
        let range = simulation.range(&simulation.curve(1.0)?);
        Ok(VirtualFlight { request, machine, simulation, range })
    }

    /// What every reader of the result must know: that no machine was used.
    pub fn conditions(&self) -> Conditions {
        let none = || "none: simulated".to_owned();
        let profile = &self.machine.profile.name;
        Conditions {
            os: none(),
            arch: none(),
            cpu_info: format!("no machine: simulated by the profile {profile}"),
            cpu_threads: 0,
            gpu_info: None,
            driver: None,
            adapter_class: AdapterClass::Simulated,
            backends: BACKEND.into(),
            model: None,
            model_is_real: false,
            source: self.source(),
            power_limit: None,
            source_covers_adapter: true,
            source_doubt: None,
            sharing: None,
            sources_refused: Vec::new(),
            environment: Vec::new(),
            tuning: Vec::new(),
            workloads: self.descriptions().iter().map(WorkloadRecord::from).collect(),
        }
    }

    /// Flies. How it ended is in the journal and in the answer. The journal has been opened ([`crate::flight::open`]).
    pub fn fly(&self, recorder: &mut Recorder<'_>) -> Outcome {
        let ended = phases(&mut VirtualBench::new(self, recorder), self.request);
        close(recorder, ended)
    }

    /// The power source, as it is written down.
    pub(super) fn source(&self) -> Source {
        let Sensor { lag, update_period, gain, step, shows } = self.machine.sensor;
        let (what, averaging_s) = match shows {
            Shows::Counter => ("an energy counter", Seconds::ZERO),
            Shows::Power => ("a power", update_period),
            Shows::Both => ("an energy counter and a power", Seconds::ZERO),
        };
        let renewed = match update_period.0 > 0.0 {
            true => format!("renewed every {} s", update_period.0),
            false => "new at every look".to_owned(),
        };
        let update_period_s = if shows == Shows::Power { update_period.max(SHORTEST_PERIOD) } else { update_period };
        let Watts(rated) = self.machine.rated;
        Source {
            name: BACKEND.into(),
            provenance: Provenance::Modelled,
            boundary: Boundary::Wall,
            method: format!(
                "SIMULATED, not measured: {what} {renewed}, {} s late, gain {gain}, in steps of {step}, of the machine profile {} \
                 at {rated} W",
                lag.0, self.machine.profile.name
            ),
            update_period_s,
            relative_uncertainty: None,
            rated_w: self.machine.states_rated.then_some(self.machine.rated),
            sensing: Sensing { averaging_s, ..Sensing::default() },
        }
    }

    /// How often the meter looks by itself, as a board's meter does; never where nothing is missed between looks.
    pub(super) fn looks_every(&self) -> Seconds {
        let period = self.source().update_period_s;
        match (self.machine.sensor.shows, period.0 > 0.0) {
            (Shows::Power, _) => period * 0.5,
            (_, true) => period * 0.25,
            (_, false) => Seconds(f64::INFINITY),
        }
    }

    pub(super) fn descriptions(&self) -> Vec<Description> {
        let describe = |work: &SimulatedWork| {
            let test = format!("batches of up to {} s at {} of full power", work.batch.0, work.share);
            Description {
                items_per_batch: 1.0,
                timing: BACKEND,
                ..Description::new(&work.name, BACKEND.into(), test, Unit::Batch)
            }
        };
        self.machine.workloads.iter().map(describe).collect()
    }
}

/// Where work runs and power is read: nowhere.
const BACKEND: &str = "simulated";
