//! The virtual machine in the orbit alone, judged as it flies: what `simulate` flies for up to a year.
//!
//! No journal and no meter: the control loop looks at the simulated sensor itself, and every watt is summed up as it is drawn.

use super::fault::FaultKind;
use super::summary::Tally;
use super::virtual_machine::{Stretch, Virtual, Watch};
use super::{KnownBy, Load, Row, Simulation, Trace};
use crate::envelope::{Spacecraft, State};
use crate::estimator::{Broken, Confirmed, OperatingRange};
use crate::flight::FlightError;
use crate::flight::machine::{Followed, Machine};
use crate::governor::{Decision, WorkCurve};
use crate::journal::{Arrival, Event};
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use crate::workload::Work;

/// See above. Times are machine seconds unless said.
pub(super) struct Judged<'a, 't> {
    machine: Virtual<'a>,
    pub(super) judge: Judge<'a, 't>,
}

/// Sums, and the trace.
pub(super) struct Judge<'a, 't> {
    simulation: &'a Simulation<'a>,
    curve: WorkCurve,
    decision: Decision,
    /// The spacecraft as it is at every moment; only where somebody looks at it.
    truth: Option<Spacecraft>,
    pub(super) tally: Tally,
    trace: Option<Trace<'t>>,
    /// The power of the last row.
    shown: Option<Watts>,
}

impl<'a, 't> Judged<'a, 't> {
    pub(super) fn new(
        simulation: &'a Simulation<'a>,
        spacecraft: &Spacecraft,
        range: OperatingRange,
        curve: WorkCurve,
        (tally, trace): (Tally, Option<Trace<'t>>),
    ) -> Judged<'a, 't> {
        let is_seen = simulation.known_by() == KnownBy::OwnSensors || trace.is_some();
        let mut machine = Virtual::new(simulation, range);
        machine.depart();
        let judge = Judge {
            simulation,
            curve,
            decision: Decision::idle(&range),
            truth: is_seen.then(|| spacecraft.clone()),
            tally,
            trace,
            shown: None,
        };
        Judged { machine, judge }
    }

    fn simulation(&self) -> &'a Simulation<'a> {
        self.judge.simulation
    }
}

impl Judge<'_, '_> {
    fn emit(&mut self, t_s: Seconds, load_w: Watts) {
        if let (Some(sink), Some(truth)) = (&mut self.trace, &self.truth) {
            let Decision { budget, limited_by, .. } = self.decision;
            sink(&Row { t_s, state: *truth.state(), load_w, budget_w: budget, limited_by });
        }
    }
}

impl Watch for Judge<'_, '_> {
    /// A row of the trace, where the power has changed.
    fn begins(&mut self, t_s: Seconds, power: Watts) {
        if self.shown == Some(power) || t_s >= self.simulation.duration {
            return;
        }
        self.shown = Some(power);
        self.emit(t_s, power);
    }

    fn draws(&mut self, stretch: &Stretch<'_>) {
        let Stretch { from, until, power, worth, gain, faults } = *stretch;
        let end = self.simulation.scale.machine(self.simulation.duration);
        let dt = until.min(end) - from;
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
                let ahead = faults.shift(FaultKind::Clock, self.simulation.scale.simulated(until));
                self.tally.moved(truth, until + ahead);
            }
        }
    }
}

impl Machine for Judged<'_, '_> {
    fn now(&self) -> Seconds {
        self.machine.clock
    }

    fn interrupted(&self) -> bool {
        false
    }

    fn due(&mut self, due: Seconds) -> Seconds {
        self.machine.due(due)
    }

    fn workloads(&self) -> usize {
        usize::from(self.machine.is_paced())
    }

    fn has_work(&self) -> bool {
        self.machine.has_work()
    }

    fn begin(&mut self, _: usize) -> Result<(), FlightError> {
        self.machine.begin(self.simulation().plant.batch, 1.0);
        Ok(())
    }

    fn wait(&mut self, until: Seconds) -> Result<Option<Work>, FlightError> {
        Ok(self.machine.wait(until, &mut self.judge))
    }

    fn bits(&self, _: usize) -> f64 {
        0.0
    }

    fn look(&mut self) -> Reading {
        self.machine.look()
    }

    fn follow(&mut self, decision: &Decision) -> Followed {
        self.machine.decision = *decision;
        (self.judge.decision, self.judge.shown) = (*decision, None);
        let is_governed = self.simulation().load == Load::Governed;
        if is_governed {
            self.judge.tally.grant(decision);
        }
        let follows = self.workloads() == 0;
        let power = follows.then(|| if is_governed { decision.budget } else { self.machine.load().0 });
        Followed { power, settings: Vec::new() }
    }

    fn sensed(&self) -> Option<State> {
        let is_known = self.simulation().known_by() == KnownBy::OwnSensors;
        self.judge.truth.as_ref().filter(|_| is_known).map(|truth| *truth.state())
    }

    fn confirmed(&mut self, spacecraft: &Spacecraft, confirmed: &Confirmed) {
        if self.simulation().known_by() == KnownBy::Readings {
            self.judge.tally.moved(spacecraft, confirmed.window.to_s);
        }
    }

    fn broken(&mut self, broken: &Broken) {
        self.judge.tally.broken(broken);
    }

    fn record(&mut self, _: impl FnOnce() -> Event) {}

    fn arrived(&mut self, spacecraft: &Spacecraft) -> Option<Arrival> {
        let (load, _, _) = self.machine.load();
        self.judge.emit(self.simulation().duration, load);
        let judged = match self.simulation().known_by() {
            KnownBy::Readings => spacecraft,
            KnownBy::OwnSensors => self.judge.truth.as_ref().unwrap_or(spacecraft),
        };
        self.judge.tally.arrive(judged);
        None
    }
}
