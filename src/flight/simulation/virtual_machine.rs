//! The virtual machine: a clock that jumps from event to event, and what is drawn in between.
//!
//! ```text
//! power = idle + cost (full - idle)  while a batch runs, idle otherwise         cost: what an item costs over calibration
//! ```
//!
//! Or the power follows the budget as the sensor shows it, or is given. Events are the end of a batch, the begin and end of a
//! fault, a switch of a given load, and whatever the control loop waits for. While the machine is suspended nothing runs and
//! nobody ticks: it draws idle power and the satellite flies on. A batch that was started runs to its end.
//!
//! True time passes evenly; the machine's clock is ahead of it by what it has leapt.

use super::chance::chance;
use super::fault::{FaultKind, Faults};
use super::plant::KnownBy;
use super::sensor::Instrument;
use super::summary::Tally;
use super::{Load, Row, Simulation, Trace};
use crate::envelope::{Spacecraft, State};
use crate::estimator::{Broken, Confirmed, Cost, OperatingRange};
use crate::flight::FlightError;
use crate::flight::machine::{Followed, Machine};
use crate::governor::{Decision, WorkCurve};
use crate::journal::{Arrival, Event};
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use crate::workload::Work;

/// A batch is expected to be this share of the longest: the mean of their lengths.
const MEAN_SHARE: f64 = 0.75;
const SHORTEST_SHARE: f64 = 0.5;
/// What ends within this time has ended: rounding.
const SLACK: Seconds = Seconds(1e-9);

/// What calibration would find of a batch of `range`.
pub(super) fn cost(range: &OperatingRange) -> Cost {
    let item_s = range.batch_s * MEAN_SHARE;
    Cost { item_j: (range.full_w - range.idle_w) * item_s, item_s }
}

/// A machine in flight. Times are machine seconds unless said.
pub(super) struct Virtual<'a, 't> {
    simulation: &'a Simulation<'a>,
    faults: Faults<'a>,
    range: OperatingRange,
    curve: WorkCurve,
    /// True time, and what the machine's clock shows.
    t: Seconds,
    clock: Seconds,
    decision: Decision,
    /// True time at which the batch under way ends.
    running: Option<Seconds>,
    started: u64,
    ticks: u64,
    instrument: Instrument,
    /// The spacecraft as it is at every moment; only where somebody looks at it.
    truth: Option<Spacecraft>,
    pub(super) tally: Tally,
    trace: Option<Trace<'t>>,
    /// The power of the last row.
    shown: Option<Watts>,
}

impl<'a, 't> Virtual<'a, 't> {
    pub(super) fn new(
        simulation: &'a Simulation<'a>,
        spacecraft: &Spacecraft,
        range: OperatingRange,
        curve: WorkCurve,
        (tally, trace): (Tally, Option<Trace<'t>>),
    ) -> Virtual<'a, 't> {
        let Simulation { sensor, ref plant, .. } = *simulation;
        let is_seen = simulation.known_by() == KnownBy::OwnSensors || trace.is_some();
        let mut machine = Virtual {
            simulation,
            faults: Faults(&plant.faults),
            decision: Decision::idle(&range),
            range,
            curve,
            t: Seconds::ZERO,
            clock: Seconds::ZERO,
            running: None,
            started: 0,
            ticks: 0,
            instrument: Instrument::new(sensor, range.idle_w, plant.jitter, plant.seed),
            truth: is_seen.then(|| spacecraft.clone()),
            tally,
            trace,
            shown: None,
        };
        machine.clock = machine.ahead(Seconds::ZERO);
        machine
    }

    /// Simulated time of true time `t`.
    fn simulated(&self, t: Seconds) -> Seconds {
        self.simulation.scale.simulated(t)
    }

    /// What the clock is ahead of true time.
    fn ahead(&self, t: Seconds) -> Seconds {
        self.faults.shift(FaultKind::Clock, self.simulated(t))
    }

    fn is(&self, kind: FaultKind) -> bool {
        self.faults.any(kind, self.simulated(self.t))
    }

    /// What is drawn now, what the work in it should have cost, and when a given load switches next.
    fn load(&self) -> (Watts, Watts, Option<Seconds>) {
        let Simulation { sensor, ref load, .. } = *self.simulation;
        let OperatingRange { idle_w, full_w, .. } = self.range;
        let now = self.simulated(self.t);
        let cost = self.faults.factor(FaultKind::Load, now);
        match load {
            Load::Constant(power) => (*power, *power, None),
            Load::Schedule(schedule) => {
                let (power, switch) = schedule.at(now);
                (power, power, switch)
            }
            Load::Governed if self.is(FaultKind::Suspend) => (idle_w, idle_w, None),
            Load::Governed if self.range.is_switching() => match self.running {
                Some(_) => (idle_w + (full_w - idle_w) * cost, full_w, None),
                None => (idle_w, idle_w, None),
            },
            Load::Governed if self.is(FaultKind::Starved) => (idle_w, idle_w, None),
            // The ideal pacer holds what its own meter shows, whatever an item costs.
            Load::Governed => {
                let shown = sensor.gain * self.faults.factor(FaultKind::Gain, now);
                // A budget of idle power admits nothing, whatever the meter shows of it.
                let budget = self.decision.budget;
                let power = if budget > idle_w { self.range.clamp(budget / shown) } else { idle_w };
                let worth = if cost == 1.0 { power } else { idle_w + (power - idle_w) / cost };
                (power, worth, None)
            }
        }
    }

    /// Flies to true time `to`; no batch ends before.
    fn fly(&mut self, to: Seconds) {
        while self.t < to {
            let (power, worth, switch) = self.load();
            let now = self.simulated(self.t);
            let edge = self.faults.next_edge(now).min(switch.unwrap_or(Seconds(f64::INFINITY)));
            let until = to.min(self.simulation.scale.machine(edge).max(self.t));
            // Where an edge is no later than now but for rounding, time moves on all the same.
            let until = if until > self.t { until } else { to };
            self.show(power);
            self.draw(until, power, worth);
            if self.is(FaultKind::Suspend)
                && let Some(end) = &mut self.running
            {
                *end += until - self.t;
            }
            self.t = until;
        }
    }

    fn draw(&mut self, until: Seconds, power: Watts, worth: Watts) {
        let gain = self.faults.factor(FaultKind::Gain, self.simulated(self.t));
        self.instrument.draw(until, power, gain);
        let end = self.simulation.scale.machine(self.simulation.duration);
        let dt = until.min(end) - self.t;
        if dt.0 <= 0.0 {
            return;
        }
        self.tally.draw(dt, power, self.curve.rate(worth));
        // A spacecraft that is moved by the meter is shown as an exact meter would move it.
        let moves = match self.simulation.known_by() {
            KnownBy::Readings => power * (self.simulation.sensor.gain * gain),
            KnownBy::OwnSensors => power,
        };
        if let Some(truth) = &mut self.truth {
            truth.step(dt, moves, 0.0);
            if self.simulation.known_by() == KnownBy::OwnSensors {
                let ahead = self.faults.shift(FaultKind::Clock, self.simulation.scale.simulated(until));
                self.tally.moved(truth, until + ahead);
            }
        }
    }

    /// A row of the trace, where the power has changed.
    fn show(&mut self, power: Watts) {
        let t_s = self.simulated(self.t);
        if self.shown == Some(power) || t_s >= self.simulation.duration {
            return;
        }
        self.shown = Some(power);
        self.emit(t_s, power);
    }

    fn emit(&mut self, t_s: Seconds, load_w: Watts) {
        if let (Some(sink), Some(truth)) = (&mut self.trace, &self.truth) {
            let Decision { budget, limited_by, .. } = self.decision;
            sink(&Row { t_s, state: *truth.state(), load_w, budget_w: budget, limited_by });
        }
    }
}

impl Machine for Virtual<'_, '_> {
    fn now(&self) -> Seconds {
        self.clock
    }

    fn interrupted(&self) -> bool {
        false
    }

    fn due(&mut self, due: Seconds) -> Seconds {
        let Simulation { dt, scale, ref plant, .. } = *self.simulation;
        if plant.jitter <= 0.0 {
            return due;
        }
        self.ticks += 1;
        due + scale.machine(dt) * (plant.jitter * chance(plant.seed.rotate_left(32), self.ticks))
    }

    fn workloads(&self) -> usize {
        usize::from(self.simulation.load == Load::Governed && self.range.is_switching())
    }

    fn has_work(&self) -> bool {
        !self.is(FaultKind::Starved)
    }

    fn begin(&mut self, _: usize) -> Result<(), FlightError> {
        let share = SHORTEST_SHARE + (1.0 - SHORTEST_SHARE) * chance(!self.simulation.plant.seed, self.started);
        self.started += 1;
        self.running = Some(self.t + self.range.batch_s * share);
        Ok(())
    }

    fn wait(&mut self, until: Seconds) -> Result<Option<Work>, FlightError> {
        loop {
            if self.running.is_some_and(|end| self.t >= end - SLACK) && !self.is(FaultKind::Suspend) {
                self.running = None;
                return Ok(Some(Work { items: 1.0 }));
            }
            if self.clock >= until && !self.is(FaultKind::Suspend) {
                return Ok(None);
            }
            let scale = self.simulation.scale;
            let edge = scale.machine(self.faults.next_edge(self.simulated(self.t)));
            let wanted = (until - self.ahead(self.t)).max(self.t);
            let asleep = self.is(FaultKind::Suspend);
            let over = scale.machine(self.simulation.duration);
            if asleep && self.t >= over {
                // It does not wake before the flight is over; what ran is lost.
                self.clock = if until.is_finite() { until } else { over.max(self.clock) };
                return Ok(self.running.take().map(|_| Work { items: 0.0 }));
            }
            let end = self.running.filter(|_| !asleep).unwrap_or(Seconds(f64::INFINITY));
            let goal = if asleep { over } else { wanted };
            let to = goal.min(end).min(if edge > self.t { edge } else { self.t + SLACK });
            self.fly(to);
            self.clock = if to == wanted { until } else { to + self.ahead(to) };
        }
    }

    fn bits(&self, _: usize) -> f64 {
        0.0
    }

    fn look(&mut self) -> Reading {
        self.instrument.look(self.t, self.simulated(self.t), self.faults, self.clock - self.t)
    }

    fn follow(&mut self, decision: &Decision) -> Followed {
        self.decision = *decision;
        self.shown = None;
        if self.simulation.load == Load::Governed {
            self.tally.grant(decision);
        }
        let follows = self.workloads() == 0;
        let power =
            follows.then(|| if self.simulation.load == Load::Governed { decision.budget } else { self.load().0 });
        Followed { power, settings: Vec::new() }
    }

    fn sensed(&self) -> Option<State> {
        let is_known = self.simulation.known_by() == KnownBy::OwnSensors;
        self.truth.as_ref().filter(|_| is_known).map(|truth| *truth.state())
    }

    fn confirmed(&mut self, spacecraft: &Spacecraft, confirmed: &Confirmed) {
        if self.simulation.known_by() == KnownBy::Readings {
            self.tally.moved(spacecraft, confirmed.window.to_s);
        }
    }

    fn broken(&mut self, broken: &Broken) {
        self.tally.broken(broken);
    }

    fn record(&mut self, _: impl FnOnce() -> Event) {}

    fn arrived(&mut self, spacecraft: &Spacecraft) -> Option<Arrival> {
        let (load, _, _) = self.load();
        self.emit(self.simulation.duration, load);
        let judged = match self.simulation.known_by() {
            KnownBy::Readings => spacecraft,
            KnownBy::OwnSensors => self.truth.as_ref().unwrap_or(spacecraft),
        };
        self.tally.arrive(judged);
        None
    }
}
