//! One flight without faults: everything that `dawndusk simulate` needs to repeat it.

use dawndusk::envelope::{Scale, Sky};
use dawndusk::estimator::Assumptions;
use dawndusk::flight::simulation::{Load, Plant, Sensor, Simulation, Summary, scored, simulate};
use dawndusk::governor::Policy;
use dawndusk::profile::{self, Machine, Override, ProfileError, Satellite};
use dawndusk::units::{Seconds, Watts};
use jiff::Timestamp;

/// A flight at full size and at the pace of the sky, under `predictive`. Times are seconds.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) satellite: &'static str,
    /// Keys of the satellite that differ, `key=value`.
    pub(super) sets: Vec<String>,
    pub(super) machine: &'static str,
    pub(super) start: Timestamp,
    pub(super) duration: f64,
    /// From tick to tick.
    pub(super) dt: f64,
    /// The longest batch; 0 is an ideal pacer.
    pub(super) batch: f64,
    pub(super) sensor: Sensor,
    /// Of batch lengths.
    pub(super) seed: u64,
}

impl Flight {
    /// What `dawndusk simulate SATELLITE --start START --duration DURATION` flies.
    pub(super) fn new(satellite: &'static str, start: &str, duration: f64) -> Flight {
        Flight {
            satellite,
            sets: Vec::new(),
            machine: "ideal",
            start: start.parse().unwrap_or_else(|error| panic!("{start}: {error}")),
            duration,
            dt: 1.0,
            batch: 0.0,
            sensor: Sensor::IDEAL,
            seed: Plant::IDEAL.seed,
        }
    }

    /// The same with these keys of the satellite.
    pub(super) fn set(self, sets: &[&str]) -> Flight {
        Flight { sets: sets.iter().map(ToString::to_string).collect(), ..self }
    }

    /// The satellite, or why there is none like this.
    pub(super) fn satellite(&self) -> Result<Satellite, ProfileError> {
        let sets: Vec<Override> = self.sets.iter().map(|set| set.parse()).collect::<Result<_, _>>()?;
        profile::satellite(self.satellite, &sets)
    }

    fn machine(&self) -> Machine {
        profile::machine(self.machine).expect("a shipped profile")
    }

    /// Flies it under its governor.
    pub(super) fn fly(&self) -> Summary {
        self.with(|flight| simulate(&flight, None))
    }

    /// Flies it under its governor and asks the oracle.
    pub(super) fn scored(&self) -> Summary {
        self.with(|flight| scored(&flight))
    }

    /// Flies it with the machine idle all the time.
    pub(super) fn idle(&self) -> Summary {
        let machine = self.machine();
        self.with(|flight| {
            let idle = Watts(machine.idle_w * flight.satellite.compute.power_w / machine.rated_w);
            let plant = Plant { batch: Seconds::ZERO, ..flight.plant.clone() };
            simulate(&Simulation { load: Load::Constant(idle), plant, ..flight }, None)
        })
    }

    fn with<E: std::fmt::Display>(&self, fly: impl Fn(Simulation<'_>) -> Result<Summary, E>) -> Summary {
        let refused = |error: &dyn std::fmt::Display| -> ! { panic!("{error}: {}", self.command()) };
        let satellite = self.satellite().unwrap_or_else(|error| refused(&error));
        let machine = self.machine();
        let simulation = Simulation {
            satellite: &satellite,
            scale: Scale::FULL,
            sky: Sky::Orbit,
            start: self.start,
            duration: Seconds(self.duration),
            dt: Seconds(self.dt),
            load: Load::Governed,
            policy: Policy::Predictive,
            machine: &machine,
            sensor: self.sensor,
            plant: Plant { batch: Seconds(self.batch), seed: self.seed, ..Plant::IDEAL },
            assumptions: Assumptions::default(),
        };
        fly(simulation).unwrap_or_else(|error| refused(&error))
    }
}
