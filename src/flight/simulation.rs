//! A flight without hardware: the envelope and a governor under a given load, or under a machine's operating points.
//!
//! | load | what the compute draws |
//! |---|---|
//! | constant, schedule | what is given, whatever the governor would say; breaches are reported, not fatal |
//! | governed | what an ideal pacer admits: the budget at once, between idle and full power of the machine, by its own sensor |
//!
//! The machine stands for the installed compute: its powers are multiplied by installed compute over rated power.
//! Work is counted in seconds of full speed, by the upper concave envelope of its points ([`WorkCurve`]). Times are
//! simulated seconds unless said. Same arguments, same bits.

mod schedule;
mod sensor;
mod summary;

pub use schedule::{Schedule, ScheduleError};
pub use sensor::Sensor;
pub use summary::Summary;

use super::bound::Bound;
use crate::envelope::{Scale, Sky, Spacecraft, State};
use crate::governor::{
    self, CurveError, Decision, Design, Governor, LimitedBy, Observation, OperatingRange, Policy, WorkCurve,
    safe_all_year,
};
use crate::profile::{Machine, Satellite};
use crate::units::{Seconds, Watts};
use jiff::Timestamp;
use sensor::Counter;
use std::fmt;
use summary::Tally;

/// Most steps of one simulation: a year in steps of a third of a second.
const MOST_STEPS: f64 = 1e8;

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
        "sensor with lag {lag} s, update period {update_period} s, gain {gain}: times at least 0, gain over 0, all finite"
    )]
    Sensor {
        /// Its lag.
        lag: f64,
        /// Its update period.
        update_period: f64,
        /// Its gain.
        gain: f64,
    },
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
    /// Why not more.
    pub limited_by: LimitedBy,
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
        write!(f, ",{:.6},{:.6},{:.6},{:.6},{}", nodes.0, nodes.1, nodes.2, self.budget_w.0, self.limited_by)
    }
}

/// Where trace rows go.
pub type Trace<'a> = &'a mut dyn FnMut(&Row);

/// Flies, and sums up.
///
/// # Errors
/// [`SimulationError`] for arguments that cannot be flown.
pub fn simulate(simulation: &Simulation<'_>, trace: Option<Trace<'_>>) -> Result<Summary, SimulationError> {
    simulation.check()?;
    let curve = simulation.curve()?;
    let range = simulation.range(&curve);
    let static_cap = match simulation.policy {
        Policy::Static => safe_all_year(simulation.satellite, simulation.scale, simulation.sky, &range),
        _ => curve.full(),
    };
    Ok(Flight::new(simulation, curve, range, static_cap).fly(trace))
}

/// Flies the same under every policy, simplest first, each with its own trace if `trace` gives one.
///
/// # Errors
/// [`SimulationError`] for arguments that cannot be flown.
pub fn simulate_all(simulation: &Simulation<'_>) -> Result<Vec<Summary>, SimulationError> {
    let under = |policy| simulate(&Simulation { policy, ..simulation.clone() }, None);
    Policy::ALL.into_iter().map(under).collect()
}

impl Simulation<'_> {
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
        let Sensor { lag, update_period, gain } = self.sensor;
        let times = [lag, update_period].iter().all(|time| time.is_finite() && time.0 >= 0.0);
        if !(times && gain.is_finite() && gain > 0.0) {
            let (lag, update_period) = (lag.0, update_period.0);
            return Err(SimulationError::Sensor { lag, update_period, gain });
        }
        Ok(())
    }

    /// The machine's curve in watts of the simulated satellite.
    fn curve(&self) -> Result<WorkCurve, SimulationError> {
        let size = self.satellite.compute.power_w * self.scale.power / self.machine.rated_w;
        let points: Vec<_> = self.machine.points.iter().map(|at| (Watts(at.power_w * size), at.rate)).collect();
        let refuse = |cause| SimulationError::Machine { name: self.machine.name.clone(), cause };
        WorkCurve::new(Watts(self.machine.idle_w * size), &points).map_err(refuse)
    }

    fn range(&self, curve: &WorkCurve) -> OperatingRange {
        OperatingRange {
            idle_w: curve.idle(),
            full_w: curve.full(),
            sensor_lag_s: self.sensor.lag,
            update_period_s: self.sensor.update_period,
            batch_s: Seconds::ZERO,
        }
    }
}

/// A flight in progress.
struct Flight<'a> {
    simulation: &'a Simulation<'a>,
    spacecraft: Spacecraft,
    governor: Box<dyn Governor + Send>,
    range: OperatingRange,
    counter: Counter,
    tally: Tally,
}

impl<'a> Flight<'a> {
    fn new(simulation: &'a Simulation<'a>, curve: WorkCurve, range: OperatingRange, static_cap: Watts) -> Flight<'a> {
        let Simulation { satellite, scale, sky, start, policy, sensor, .. } = *simulation;
        let spacecraft = Spacecraft::new(satellite, scale, sky, start);
        let bound = Bound::new(curve.clone(), spacecraft.state().temperatures);
        let tally = Tally::new(&spacecraft, curve.clone(), bound);
        let governor = governor::new(policy, &Design { static_cap, curve });
        Flight { simulation, spacecraft, governor, range, counter: Counter::new(sensor), tally }
    }

    fn fly(mut self, mut trace: Option<Trace<'_>>) -> Summary {
        let Simulation { duration, dt, scale, .. } = *self.simulation;
        let ticks = (duration / dt - 1e-9).ceil().max(1.0) as u64;
        let mut last = None;
        for tick in 0..ticks {
            let from = dt * tick as f64;
            let to = (dt * (tick + 1) as f64).min(duration);
            let decision = self.decide(scale.machine(to - from));
            let mut now = from;
            while now < to {
                let (load, switch) = self.load(now, &decision);
                let until = switch.map_or(to, |switch| switch.min(to));
                self.emit(&mut trace, now, load, &decision);
                self.step(scale.machine(until - now), load);
                now = until;
                last = Some((load, decision));
            }
        }
        if let Some((load, decision)) = last {
            self.emit(&mut trace, duration, load, &decision);
        }
        self.tally.summary(self.simulation, &self.spacecraft)
    }

    fn decide(&mut self, dt: Seconds) -> Decision {
        let state = self.spacecraft.state();
        let reading = self.counter.read(state.t);
        self.governor.tick(&Observation {
            now: state.t,
            dt,
            state,
            limits: self.spacecraft.limits(),
            forecast: self.spacecraft.forecast(),
            reading: &reading,
            machine: &self.range,
        })
    }

    /// What is drawn at simulated time `now`, and when that changes.
    fn load(&self, now: Seconds, decision: &Decision) -> (Watts, Option<Seconds>) {
        match &self.simulation.load {
            Load::Constant(power) => (*power, None),
            Load::Schedule(schedule) => schedule.at(now),
            // The pacer holds what its own meter shows.
            Load::Governed => (self.range.clamp(decision.budget / self.simulation.sensor.gain), None),
        }
    }

    fn step(&mut self, dt: Seconds, load: Watts) {
        let before = *self.spacecraft.state();
        let after = *self.spacecraft.step(dt, load, 0.0);
        self.counter.draw(after.t, load);
        self.tally.add(&self.spacecraft, &before, load, dt);
    }

    fn emit(&self, trace: &mut Option<Trace<'_>>, t_s: Seconds, load_w: Watts, decision: &Decision) {
        if let Some(sink) = trace {
            let (budget_w, limited_by) = (decision.budget, decision.limited_by);
            sink(&Row { t_s, state: *self.spacecraft.state(), load_w, budget_w, limited_by });
        }
    }
}
