//! A flight without hardware: the envelope and a governor under a given load, or under a machine's operating points.
//!
//! | load | what the compute draws |
//! |---|---|
//! | constant, schedule | what is given, whatever the governor would say; breaches are reported, not fatal |
//! | governed | what the pacer admits: batches, or with an ideal pacer the budget at once, between idle and full power ([`Plant`]) |
//!
//! The governor sees the power through a [`Sensor`], and things go wrong when they are told to ([`Fault`]).
//! The machine stands for the installed compute: its powers are multiplied by installed compute over rated power.
//! Work is counted in seconds of full speed, by the upper concave envelope of its points ([`WorkCurve`]); batches mix idle
//! and full speed, a straight line. Times are simulated seconds unless said. Same arguments, same bits.

mod best;
mod chance;
mod fault;
mod judged;
mod plant;
mod schedule;
mod sensor;
mod simulated_meter;
mod summary;
mod virtual_bench;
mod virtual_machine;
mod whole;

pub use best::{Best, Comparison, compare, scored};
pub use fault::{Fault, FaultError, FaultKind};
pub use plant::{KnownBy, Plant};
pub use schedule::{Schedule, ScheduleError};
pub use sensor::{Sensor, Shows};
pub use summary::{FirstBreaches, Summary};
pub use whole::{SimulatedMachine, SimulatedWork, VirtualFlight};

use super::control::{self, Order};
use crate::envelope::{Scale, Sky, Spacecraft, State};
use crate::estimator::{Assumptions, OperatingRange};
use crate::governor::{self, BAND_SHARE, CurveError, Design, LimitedBy, Policy, WorkCurve, safe_all_year};
use crate::profile::{Machine, Satellite};
use crate::units::{Seconds, Watts};
use best::Flown;
use fault::Faults;
use jiff::Timestamp;
use judged::Judged;
use std::fmt;
use summary::Tally;

/// Most steps of one simulation: a year in steps of a third of a second.
const MOST_STEPS: f64 = 1e8;
/// Shorter ones are not paced one by one.
const SHORTEST_BATCH_S: f64 = 1e-3;

/// What the compute draws.
#[derive(Clone, Debug, PartialEq)]
pub enum Load {
    /// The same power all the time.
    Constant(Watts),
    /// A table.
    Schedule(Schedule),
    /// What the governor allows.
    Governed,
}

/// What is flown.
#[derive(Clone, Debug)]
pub struct Simulation<'a> {
    /// The satellite, at full size; it must have been checked.
    pub satellite: &'a Satellite,
    /// How it is scaled.
    pub scale: Scale,
    /// Its sky.
    pub sky: Sky,
    /// When it crosses its ascending node.
    pub start: Timestamp,
    /// How long it flies, simulated.
    pub duration: Seconds,
    /// From tick to tick, simulated.
    pub dt: Seconds,
    /// What the compute draws.
    pub load: Load,
    /// Who governs, or watches where the load is given.
    pub policy: Policy,
    /// What the compute is.
    pub machine: &'a Machine,
    /// What the governor sees of its power.
    pub sensor: Sensor,
    /// How the machine behaves, and what goes wrong.
    pub plant: Plant,
    /// What the controller takes for granted.
    pub assumptions: Assumptions,
}

/// Why nothing can be flown.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimulationError {
    /// A time that cannot be.
    #[error("{name} {found} s: must be finite and over 0 s")]
    Time {
        /// Which.
        name: &'static str,
        /// What was given.
        found: f64,
    },
    /// Too many steps.
    #[error("duration {duration} s in steps of {dt} s: at most {MOST_STEPS:e} steps; choose a longer step")]
    Steps {
        /// The duration.
        duration: f64,
        /// The step.
        dt: f64,
    },
    /// A constant load that cannot be.
    #[error("load {found} W: must be finite and at least 0 W")]
    Load {
        /// What was given.
        found: f64,
    },
    /// A sensor that cannot be.
    #[error(
        "sensor with lag {} s, update period {} s, gain {}, step {}: times and step at least 0, gain over 0, all finite",
        .0.lag.0, .0.update_period.0, .0.gain, .0.step
    )]
    Sensor(Sensor),
    /// A plant that cannot be.
    #[error("{name} {found}: must be finite and within {allowed}")]
    Plant {
        /// What of it.
        name: &'static str,
        /// What was given.
        found: f64,
        /// What may be.
        allowed: &'static str,
    },
    /// A fault that cannot be, or that a given load would hide.
    #[error("fault {fault}: {reason}")]
    Fault {
        /// Which.
        fault: Fault,
        /// Why.
        reason: String,
    },
    /// The flight did not arrive, which no argument makes it do.
    #[error("the simulated flight did not arrive: a fault of this program")]
    Unflown,
    /// Operating points that make no curve.
    #[error("machine {name}: {cause}")]
    Machine {
        /// Its name.
        name: String,
        /// Why.
        cause: CurveError,
    },
}

/// One row of the trace: the state at `t_s` and what is drawn from then on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Simulated time.
    pub t_s: Seconds,
    /// The spacecraft.
    pub state: State,
    /// Drawn by the compute.
    pub load_w: Watts,
    /// Allowed by the governor.
    pub budget_w: Watts,
    /// Why not more; none where the machine may run at full power.
    pub limited_by: Option<LimitedBy>,
}

impl Row {
    /// The columns of a row as it is displayed.
    pub const HEADER: &'static str =
        "t_s,illumination,array_w,load_w,soc,junction_k,loop_k,radiator_k,budget_w,limited_by";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, hot) = (&self.state, &self.state.temperatures);
        let sky = (state.illumination, state.array.0);
        let nodes = (hot.junction.0, hot.coolant.0, hot.radiator.0);
        write!(f, "{:.6},{:.9},{:.6},{:.6},{:.9}", self.t_s.0, sky.0, sky.1, self.load_w.0, state.soc)?;
        let limited_by = self.limited_by.map_or("", LimitedBy::name);
        write!(f, ",{:.6},{:.6},{:.6},{:.6},{limited_by}", nodes.0, nodes.1, nodes.2, self.budget_w.0)
    }
}

/// Where trace rows go.
pub type Trace<'a> = &'a mut dyn FnMut(&Row);

/// Flies, and sums up, without asking the oracle; see [`compare`].
///
/// # Errors
/// [`SimulationError`] for arguments that cannot be flown.
pub fn simulate(simulation: &Simulation<'_>, trace: Option<Trace<'_>>) -> Result<Summary, SimulationError> {
    fly(simulation, trace).map(|flown| flown.summary)
}

/// Power and budget of batches are averaged over this at least for the score, machine time.
const WINDOW: Seconds = Seconds(10.0);

fn fly(simulation: &Simulation<'_>, trace: Option<Trace<'_>>) -> Result<Flown, SimulationError> {
    simulation.check()?;
    let Simulation { satellite, scale, sky, start, policy, ref plant, .. } = *simulation;
    let truth = simulation.curve(1.0)?;
    // Who knows a spacecraft by its meter counts in the meter's watts, in calibration as in flight.
    let gain = if simulation.known_by() == KnownBy::Readings { simulation.sensor.gain } else { 1.0 };
    let curve = simulation.curve(gain)?;
    let range = simulation.range(&curve);
    let static_cap = match policy {
        Policy::Static => safe_all_year(satellite, scale, sky, &range),
        _ => curve.full(),
    };
    let faults = Faults(&plant.faults);
    let spacecraft = Spacecraft::new(satellite, scale, sky, start).becoming(faults.conditions());
    // Batches are quanta: only means over so many that one of them is within the band can be held against a budget.
    let paced = simulation.load == Load::Governed && range.is_switching();
    let window = if paced { WINDOW.max(range.batch_s / BAND_SHARE) } else { Seconds::ZERO };
    // Where the spacecraft is moved by means over a meter's windows, it does not see a machine switch on and off.
    let seen_at_once = simulation.sensor.update_period.0 <= 0.0 && simulation.sensor.lag.0 <= 0.0;
    let switching = paced && (simulation.known_by() == KnownBy::OwnSensors || seen_at_once);
    let tally = Tally::new(&spacecraft, curve.clone(), simulation.duration, window, switching);
    let order = Order {
        duration: scale.machine(simulation.duration),
        tick: scale.machine(simulation.dt),
        slice: Seconds(f64::INFINITY),
        governor: governor::new(policy, &Design { static_cap, curve: curve.clone() }),
        assumptions: simulation.assumptions,
        range,
        costs: if paced { vec![virtual_machine::cost(&range)] } else { Vec::new() },
        spacecraft: spacecraft.clone(),
        high: None,
    };
    let mut machine = Judged::new(simulation, &spacecraft, simulation.range(&truth), truth, (tally, trace));
    let flown = control::fly(&mut machine, order).ok().and_then(|()| machine.judge.tally.flown(simulation));
    flown.ok_or(SimulationError::Unflown)
}

/// Flies the same under every policy, simplest first.
///
/// # Errors
/// [`SimulationError`] for arguments that cannot be flown.
pub fn simulate_all(simulation: &Simulation<'_>) -> Result<Vec<Summary>, SimulationError> {
    let under = |policy| simulate(&Simulation { policy, ..simulation.clone() }, None);
    Policy::ALL.into_iter().map(under).collect()
}

impl Simulation<'_> {
    /// A load that is given is judged as it is, not as a meter shows it.
    fn known_by(&self) -> KnownBy {
        if self.load == Load::Governed { self.plant.known_by } else { KnownBy::OwnSensors }
    }

    fn check(&self) -> Result<(), SimulationError> {
        for (name, time) in [("duration", self.duration), ("step", self.dt)] {
            if !(time.is_finite() && time.0 > 0.0) {
                return Err(SimulationError::Time { name, found: time.0 });
            }
        }
        if self.duration / self.dt > MOST_STEPS {
            return Err(SimulationError::Steps { duration: self.duration.0, dt: self.dt.0 });
        }
        if let Load::Constant(load) = self.load
            && !(load.is_finite() && load.0 >= 0.0)
        {
            return Err(SimulationError::Load { found: load.0 });
        }
        if !self.sensor.is_possible() {
            return Err(SimulationError::Sensor(self.sensor));
        }
        self.check_plant()
    }

    fn check_plant(&self) -> Result<(), SimulationError> {
        let (batch, jitter, governed) = (self.plant.batch.0, self.plant.jitter, self.load == Load::Governed);
        let refuse = |name, found, allowed| Err(SimulationError::Plant { name, found, allowed });
        if batch != 0.0 && !(SHORTEST_BATCH_S..=10.0).contains(&batch) {
            return refuse("longest batch in s", batch, "0 to 10, and 0.001 at least unless there are none");
        }
        if batch > 0.0 && self.scale.machine(self.duration).0 / batch > MOST_STEPS {
            return Err(SimulationError::Steps { duration: self.scale.machine(self.duration).0, dt: batch });
        }
        if batch > 0.0 && !governed {
            return refuse("longest batch in s under a given load", batch, "0 to 0: only a governed load has batches");
        }
        if !(0.0..=0.99).contains(&jitter) {
            return refuse("jitter", jitter, "0 to 0.99");
        }
        let hidden = |kind| matches!(kind, FaultKind::Load | FaultKind::Starved) && !governed;
        for &fault in &self.plant.faults {
            let held = hidden(fault.kind).then(|| "a given load is held whatever happens".to_owned());
            if let Some(reason) = fault.flaw().or(held) {
                return Err(SimulationError::Fault { fault, reason });
            }
        }
        Ok(())
    }

    /// The machine's curve in watts of the simulated satellite, as a meter of this `gain` shows them.
    fn curve(&self, gain: f64) -> Result<WorkCurve, SimulationError> {
        let size = self.satellite.compute.power_w * self.scale.power / self.machine.rated_w * gain;
        let points: Vec<_> = self.machine.points.iter().map(|at| (Watts(at.power_w * size), at.rate)).collect();
        let refuse = |cause| SimulationError::Machine { name: self.machine.name.clone(), cause };
        let curve = WorkCurve::new(Watts(self.machine.idle_w * size), &points).map_err(refuse)?;
        Ok(if self.plant.batch.0 > 0.0 { WorkCurve::linear(curve.idle(), curve.full()) } else { curve })
    }

    fn range(&self, curve: &WorkCurve) -> OperatingRange {
        OperatingRange {
            idle_w: curve.idle(),
            full_w: curve.full(),
            sensor_lag_s: self.sensor.lag,
            update_period_s: self.sensor.update_period,
            batch_s: self.plant.batch,
        }
    }
}
