//! The plant of `simulate`: machine, sensor, scale and faults from flags.
//!
//! *Machine seconds* pass on the clock of the machine, *simulated seconds* in orbit: `--compression` of them in one.

use super::Failure;
use crate::envelope::Scale;
use crate::flight::simulation::{Fault, KnownBy, Plant, Sensor, Shows, SimulatedMachine, SimulatedWork};
use crate::profile::{Machine, Satellite};
use crate::units::{Seconds, Watts};
use clap::{Args, ValueEnum};

/// The longest batch of a whole flight, s: about that of the workloads of `run`.
const BATCH_OF_A_FLIGHT: f64 = 0.05;

/// Machine, sensor and faults.
#[derive(Clone, Debug, Args)]
pub(super) struct PlantArguments {
    /// Power that stands for the installed compute: the satellite is scaled to it (default: the satellite's own size)
    #[arg(long, value_name = "WATTS")]
    rated: Option<f64>,
    /// Simulated seconds in one machine second (default: 1; with --results what `run` takes)
    #[arg(long, value_name = "K")]
    compression: Option<f64>,
    /// Idle power of the machine, share of its full power (default: the machine profile's)
    #[arg(long, value_name = "SHARE")]
    idle: Option<f64>,
    /// Longest batch, machine seconds: full power or idle; 0: an ideal pacer (default: 0; with --results 0.05)
    #[arg(long, value_name = "SECONDS")]
    batch: Option<f64>,
    /// Ticks and sensor updates come late by up to this share of their period
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    jitter: f64,
    /// Dead time of the power sensor that the governor sees, machine seconds
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    sensor_lag: f64,
    /// Update period of the power sensor, machine seconds; 0: at every look
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    sensor_period: f64,
    /// What the power sensor shows over what is drawn
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    sensor_gain: f64,
    /// Steps of the power sensor: W of its power, J of its counter; 0: none
    #[arg(long, default_value_t = 0.0, value_name = "STEP")]
    sensor_step: f64,
    /// What the power sensor has
    #[arg(long, value_enum, default_value_t = ShowsName::Counter)]
    sensor_shows: ShowsName,
    /// What goes wrong, and when in simulated seconds, such as load=1.4@600 or silent@600+30 (repeatable); a wrong
    /// name lists all names with their ranges
    #[arg(long, value_name = "NAME[=VALUE]@START[+DURATION]")]
    fault: Vec<Fault>,
    /// The spacecraft has sensors of its own for charge and temperatures; otherwise it is moved by what the power sensor shows,
    /// as in a flight on hardware
    #[arg(long)]
    own_sensors: bool,
    /// Seed of batch lengths and jitter
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a sensor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ShowsName {
    /// An energy counter
    Counter,
    /// Power
    Power,
    /// Both
    Both,
}

impl PlantArguments {
    /// The machine of the profile, with another idle power if one is given.
    pub(super) fn machine(&self, machine: Machine) -> Result<Machine, Failure> {
        let Some(share) = self.idle else { return Ok(machine) };
        if !(0.0..1.0).contains(&share) {
            return Err(Failure::input(format!("--idle {share}: it must be at least 0 and below 1")));
        }
        Ok(Machine { idle_w: machine.full().0 * share, ..machine })
    }

    /// How the satellite is scaled.
    pub(super) fn scale(&self, satellite: &Satellite) -> Result<Scale, Failure> {
        let positive = |name: &str, value: f64, highest: f64| match value > 0.0 && value <= highest {
            true => Ok(()),
            false => Err(Failure::input(format!("--{name} {value}: it must be over 0, up to {highest}"))),
        };
        let installed = satellite.compute.power_w;
        let rated = self.rated.unwrap_or(installed);
        positive("rated", rated, 1e9)?;
        let compression = self.compression.unwrap_or(1.0);
        positive("compression", compression, 1e4)?;
        Ok(Scale::new(Watts(rated), Watts(installed), compression))
    }

    /// k, where one was asked for.
    pub(super) fn compression(&self) -> Option<f64> {
        self.compression
    }

    /// Seed of batch lengths and jitter.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The machine of a whole flight.
    pub(super) fn flown(&self, profile: Machine, satellite: &Satellite) -> Result<SimulatedMachine, Failure> {
        if self.own_sensors {
            return Err(Failure::input(
                "--own-sensors: with --results the spacecraft is moved by what the power sensor shows, as in every flight",
            ));
        }
        let scale = self.scale(satellite)?;
        let batch = Seconds(self.batch.unwrap_or(BATCH_OF_A_FLIGHT));
        Ok(SimulatedMachine {
            profile: self.machine(profile)?,
            rated: Watts(satellite.compute.power_w * scale.power),
            states_rated: true,
            sensor: self.sensor(),
            plant: self.plant(),
            workloads: vec![SimulatedWork { name: "work".into(), batch, share: 1.0 }],
        })
    }

    /// What the governor sees of the power.
    pub(super) fn sensor(&self) -> Sensor {
        Sensor {
            lag: Seconds(self.sensor_lag),
            update_period: Seconds(self.sensor_period),
            gain: self.sensor_gain,
            step: self.sensor_step,
            shows: match self.sensor_shows {
                ShowsName::Counter => Shows::Counter,
                ShowsName::Power => Shows::Power,
                ShowsName::Both => Shows::Both,
            },
        }
    }

    /// How the machine behaves, and what befalls it.
    pub(super) fn plant(&self) -> Plant {
        let (batch, faults) = (Seconds(self.batch.unwrap_or(0.0)), self.fault.clone());
        let known_by = if self.own_sensors { KnownBy::OwnSensors } else { KnownBy::Readings };
        Plant { batch, jitter: self.jitter, known_by, faults, seed: self.seed }
    }
}
