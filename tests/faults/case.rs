//! One flight through faults: everything that `dawndusk simulate` needs to repeat it.

use dawndusk::envelope::{Scale, Sky};
use dawndusk::estimator::{Assumption, Assumptions, Broken};
use dawndusk::flight::simulation::{
    Fault, FaultKind, KnownBy, Load, Plant, Sensor, Simulation, Summary, Trace, simulate,
};
use dawndusk::governor::Policy;
use dawndusk::profile::{self, Machine, Override, Satellite};
use dawndusk::units::{Seconds, Watts};
use jiff::Timestamp;

/// A flight of the ideal machine, of 12 W at full power. Times are machine seconds unless said.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) satellite: &'static str,
    pub(super) policy: Policy,
    /// Keys of the satellite that differ, `key=value`.
    pub(super) sets: Vec<String>,
    pub(super) start: Timestamp,
    /// Simulated.
    pub(super) duration: f64,
    pub(super) compression: f64,
    /// Idle share of the machine's full power.
    pub(super) idle: f64,
    pub(super) tick: f64,
    pub(super) batch: f64,
    pub(super) jitter: f64,
    pub(super) sensor: Sensor,
    /// What the governor knows the spacecraft by.
    pub(super) known_by: KnownBy,
    /// In simulated seconds.
    pub(super) faults: Vec<Fault>,
    pub(super) seed: u64,
}

/// Full power of the machine.
pub(super) const RATED_W: f64 = 12.0;

impl Case {
    /// The default satellite on its worst day, fifty times faster than the sky, for two orbits; nothing goes wrong.
    pub(super) fn sound() -> Case {
        let sensor = Sensor { lag: Seconds(0.1), update_period: Seconds(0.05), ..Sensor::IDEAL };
        Case {
            satellite: "leo-100kw",
            policy: Policy::Predictive,
            sets: Vec::new(),
            start: "2027-12-22T00:00:00Z".parse().expect("an instant"),
            duration: 11_742.0,
            compression: 50.0,
            idle: 0.25,
            tick: 0.05,
            batch: 0.1,
            jitter: 0.0,
            sensor,
            known_by: Plant::IDEAL.known_by,
            faults: Vec::new(),
            seed: 1,
        }
    }

    /// The same with these faults.
    pub(super) fn with(&self, faults: &[&str]) -> Case {
        let read = |text: &&str| text.parse::<Fault>().unwrap_or_else(|error| panic!("{error}"));
        Case { faults: faults.iter().map(read).collect(), ..self.clone() }
    }

    pub(super) fn satellite(&self) -> Satellite {
        let sets: Vec<Override> = self.sets.iter().map(|set| set.parse().expect("key=value")).collect();
        profile::satellite(self.satellite, &sets).unwrap_or_else(|error| panic!("{}: {error}", self.command()))
    }

    fn machine(&self) -> Machine {
        let ideal = profile::machine("ideal").expect("a shipped profile");
        Machine { idle_w: ideal.full().0 * self.idle, ..ideal }
    }

    pub(super) fn fly(&self) -> Summary {
        self.trace(None)
    }

    pub(super) fn trace(&self, trace: Option<Trace<'_>>) -> Summary {
        let (satellite, machine) = (self.satellite(), self.machine());
        let simulation = Simulation {
            satellite: &satellite,
            scale: Scale::new(Watts(RATED_W), Watts(satellite.compute.power_w), self.compression),
            sky: Sky::Orbit,
            start: self.start,
            duration: Seconds(self.duration),
            dt: Seconds(self.step()),
            load: Load::Governed,
            policy: self.policy,
            machine: &machine,
            sensor: self.sensor,
            plant: Plant {
                batch: Seconds(self.batch),
                jitter: self.jitter,
                known_by: self.known_by,
                faults: self.faults.clone(),
                seed: self.seed,
            },
            assumptions: Assumptions::default(),
        };
        simulate(&simulation, trace).unwrap_or_else(|error| panic!("{}: {error}", self.command()))
    }

    /// The assumption that no flight can see broken: its meter shows too little, which counts where the spacecraft has sensors
    /// of its own.
    pub(super) fn unwatched(&self) -> Vec<Broken> {
        let assumed = Assumptions::default().meter_share;
        let mut changes: Vec<_> = self.faults.iter().filter(|fault| fault.kind == FaultKind::Gain).collect();
        changes.sort_by(|a, b| a.start.0.total_cmp(&b.start.0));
        let gains = changes.iter().scan(self.sensor.gain, |gain, fault| {
            *gain *= fault.value;
            Some((*gain, fault.start))
        });
        let first =
            std::iter::once((self.sensor.gain, Seconds::ZERO)).chain(gains).find(|(gain, _)| 1.0 - gain > assumed);
        let told = first.filter(|_| self.known_by == KnownBy::OwnSensors);
        let broken = |(gain, start): (f64, Seconds)| Broken {
            assumption: Assumption::MeterShare,
            assumed,
            seen: 1.0 - gain,
            at_s: start / self.compression,
        };
        told.map(broken).into_iter().collect()
    }

    /// A tick in simulated seconds.
    fn step(&self) -> f64 {
        self.tick * self.compression
    }

    /// The command that repeats it.
    pub(super) fn command(&self) -> String {
        let Sensor { lag, update_period, gain, step, shows } = self.sensor;
        let mut words = format!("dawndusk simulate {}", self.satellite);
        let mut add = |name: &str, value: String| words.push_str(&format!(" --{name} {value}"));
        self.sets.iter().for_each(|set| add("set", set.clone()));
        add("governor", self.policy.to_string());
        add("start", self.start.to_string());
        let numbers = [
            ("duration", self.duration),
            ("step", self.step()),
            ("rated", RATED_W),
            ("compression", self.compression),
            ("idle", self.idle),
            ("batch", self.batch),
            ("jitter", self.jitter),
            ("sensor-lag", lag.0),
            ("sensor-period", update_period.0),
            ("sensor-gain", gain),
            ("sensor-step", step),
        ];
        numbers.into_iter().for_each(|(name, value)| add(name, value.to_string()));
        add("sensor-shows", format!("{shows:?}").to_lowercase());
        self.faults.iter().for_each(|fault| add("fault", fault.to_string()));
        add("seed", self.seed.to_string());
        if self.known_by == KnownBy::OwnSensors {
            words.push_str(" --own-sensors");
        }
        words
    }
}
