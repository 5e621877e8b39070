//! One orbit: measured watts move the spacecraft, the spacecraft moves the governor, the governor moves the pacer,
//! the pacer admits the work that draws the watts.
//!
//! The ring closes in [`Flight::turn`], once a tick. Between ticks batches are admitted one at a time; a workload keeps
//! its turn for a slice, so that energy can be told apart by workload. Where there is no reading, the spacecraft is
//! heated and drained by the full power of the machine: what is not known is assumed at its worst.

use super::measure::{Unconstrained, note_suspend, note_witnesses};
use super::power::MeasuredPower;
use super::recorder::Recorder;
use super::worker::{HANG, Worker};
use super::{FlightError, Request};
use crate::actuator::Actuator;
use crate::envelope::{Ledger, Sky, Spacecraft};
use crate::governor::pacer::{Admission, BatchId, Pacer};
use crate::governor::{
    self, Decision, Design, Governor, LimitedBy, Observation, OperatingRange, Regime, WorkCurve, safe_all_year,
};
use crate::journal::{Drawn, Event, Tick, WorkDone};
use crate::meter::{Gauge, Look};
use crate::oracle::{Course, Ends, Stores, certificate};
use crate::reading::Reading;
use crate::units::{Joules, Seconds, Watts};
use crate::workload::Description;

/// Everything an orbit is flown with.
pub(super) struct Orbit<'a, 'r> {
    pub(super) recorder: &'a mut Recorder<'r>,
    pub(super) request: &'a Request,
    /// On the machine's clock; a whole orbit, unless only the loop is of interest.
    pub(super) duration: Seconds,
    pub(super) worker: &'a Worker,
    pub(super) gauge: &'a mut Gauge,
    pub(super) workloads: &'a [Description],
    pub(super) measured: &'a [Unconstrained],
    pub(super) spacecraft: Spacecraft,
    pub(super) machine: OperatingRange,
    /// What follows the budget beside the pacer, where that was asked for.
    pub(super) actuator: Option<&'a mut Actuator>,
}

/// Flies it. The arrival is recorded however it ends.
pub(super) fn fly(orbit: Orbit<'_, '_>) -> Result<(), FlightError> {
    let mut flight = Flight::depart(orbit);
    let ended = flight.fly();
    flight.arrive();
    ended
}

/// A batch under way.
#[derive(Clone, Copy)]
struct Batch {
    id: BatchId,
    workload: usize,
    began: Seconds,
}

/// The state of a flight between two turns.
struct Flight<'a, 'r> {
    orbit: Orbit<'a, 'r>,
    governor: Box<dyn Governor + Send>,
    pacer: Pacer,
    departed: Seconds,
    last_turn: Seconds,
    /// At departure.
    first: Look,
    look: Look,
    reading: Reading,
    power: MeasuredPower,
    course: Course,
    from: Stores,
    decision: Decision,
    under_way: Option<Batch>,
    slice: Slice,
    produced_bits: f64,
    /// Of the pacer, at the last turn.
    unused: Joules,
}

/// The turn of one workload.
struct Slice {
    workload: usize,
    began: Seconds,
    /// What the meter showed then.
    first: Look,
    oldest: Seconds,
    work: WorkDone,
}

impl Slice {
    fn of(workload: usize, began: Seconds, first: Look) -> Slice {
        let (none, drawn) = (Seconds::ZERO, Drawn::default());
        let work = WorkDone { workload, batches: 0, items: 0.0, busy_s: none, held_s: none, slice_s: none, drawn };
        Slice { workload, began, oldest: none, first, work }
    }
}

impl<'a, 'r> Flight<'a, 'r> {
    fn depart(orbit: Orbit<'a, 'r>) -> Flight<'a, 'r> {
        let now = orbit.recorder.now();
        let look = orbit.gauge.look(now);
        let reading = look.reading;
        let design = Design {
            static_cap: safe_all_year(&orbit.request.satellite, orbit.spacecraft.scale(), Sky::Orbit, &orbit.machine),
            curve: WorkCurve::linear(orbit.machine.idle_w, orbit.machine.full_w),
        };
        let governor = governor::new(orbit.request.policy, &design);
        let course = Course::of(&orbit.spacecraft, best_curve(&orbit));
        let from = orbit.spacecraft.state().into();
        let mut pacer = Pacer::new(orbit.machine);
        for (workload, measured) in orbit.measured.iter().enumerate() {
            pacer.expect(workload, measured.cost(&orbit.machine));
        }
        let mut flight = Flight {
            governor,
            pacer,
            departed: now,
            last_turn: now,
            first: look.clone(),
            slice: Slice::of(0, now, look.clone()),
            look,
            reading,
            power: MeasuredPower::new(reading, orbit.machine.update_period_s, orbit.request.length.tick),
            course,
            from,
            decision: Decision {
                budget: orbit.machine.idle_w,
                limited_by: LimitedBy::Machine,
                regime: Regime::Tracking,
                transition: None,
                spare: Watts::ZERO,
                shortfall: Watts::ZERO,
                fall: None,
            },
            under_way: None,
            produced_bits: 0.0,
            unused: Joules::ZERO,
            orbit,
        };
        flight.orbit.recorder.record(Event::Departed);
        flight.decide(now, Seconds::ZERO);
        flight
    }

    /// Until the satellite is back at its node. The last batch is waited for.
    fn fly(&mut self) -> Result<(), FlightError> {
        let tick = self.orbit.request.length.tick;
        let end = self.departed + self.orbit.duration;
        let mut next_turn = self.departed + tick;
        while self.last_turn < end {
            if self.orbit.recorder.interrupted() {
                return Err(FlightError::Interrupted);
            }
            let now = self.orbit.recorder.now();
            if now >= next_turn {
                self.turn(now);
                // A late turn is not made up for: the next one is at least half a tick away.
                next_turn = (next_turn + tick).max(now + tick / 2.0);
            }
            self.work(next_turn)?;
        }
        self.finish_batch()?;
        // What the last batch drew after the last turn belongs to the flight as well.
        self.turn(self.orbit.recorder.now());
        Ok(())
    }

    /// The ring: reading, spacecraft, governor, pacer.
    fn turn(&mut self, now: Seconds) {
        let dt = now - self.last_turn;
        self.look = self.orbit.gauge.look(now);
        self.reading = self.look.reading;
        self.slice.oldest = self.slice.oldest.max(self.reading.age(now));
        note_suspend(self.orbit.recorder, self.orbit.gauge);
        let measured = self.power.turn(&self.reading, now, dt);
        let load = measured.unwrap_or(self.orbit.machine.full_w);
        let bits = std::mem::take(&mut self.produced_bits);
        self.step(dt, load, bits);
        self.last_turn = now;
        self.decide(now, dt);
        let unused = self.pacer.unused();
        let unused_before = std::mem::replace(&mut self.unused, unused);
        let state = self.orbit.spacecraft.state();
        let tick = Tick {
            flight_s: now - self.departed,
            simulated_s: state.simulated,
            illumination: state.illumination,
            array_w: state.array,
            power_w: measured,
            no_data: self.reading.energy.err(),
            load_w: load,
            budget_w: self.decision.budget,
            unused_j: unused - unused_before,
            limited_by: self.decision.limited_by,
            regime: self.decision.regime,
            soc: state.soc,
            junction_k: state.temperatures.junction,
            loop_k: state.temperatures.coolant,
            radiator_k: state.temperatures.radiator,
            workload: self.slice.workload,
        };
        self.orbit.recorder.record(Event::Tick(tick));
    }

    /// Moves the spacecraft, and remembers what any governor could have had in the step.
    fn step(&mut self, dt: Seconds, load: Watts, bits: f64) {
        self.orbit.spacecraft.step(dt, load, bits);
        self.course.follow(&self.orbit.spacecraft, self.orbit.machine.full_w);
    }

    /// Governor and pacer.
    fn decide(&mut self, now: Seconds, dt: Seconds) {
        // A machine that draws more than its calibration saw is believed, not its calibration.
        let full_w = self.orbit.machine.full_w.max(self.pacer.peak());
        let machine = OperatingRange { full_w, ..self.orbit.machine };
        let observation = Observation {
            now,
            dt,
            state: self.orbit.spacecraft.state(),
            limits: self.orbit.spacecraft.limits(),
            forecast: self.orbit.spacecraft.forecast(),
            reading: &self.reading,
            machine: &machine,
        };
        self.decision = self.governor.tick(&observation);
        if let Some(transition) = self.decision.transition {
            self.orbit.recorder.record(Event::Regime { flight_s: now - self.departed, transition });
        }
        self.pacer.settle(now, &self.reading);
        self.pacer.set_budget(now, self.decision.budget + self.decision.spare, self.decision.fall);
        let budget = self.decision.budget;
        let settings = self.orbit.actuator.as_mut().map(|actuator| actuator.follow(now, budget));
        for setting in settings.unwrap_or_default() {
            self.orbit.recorder.record(Event::Knob(setting));
        }
    }

    /// Starts a batch when the pacer admits one, else waits; back at `until` at the latest.
    fn work(&mut self, until: Seconds) -> Result<(), FlightError> {
        let now = self.orbit.recorder.now();
        if let Some(batch) = self.under_way {
            if let Some(outcome) = self.orbit.worker.poll(batch.workload, until - now) {
                self.end_batch(batch, outcome?);
            } else if now - batch.began > HANG {
                return Err(self.orbit.worker.hung(batch.workload).into());
            }
            return Ok(());
        }
        // A turn ends between two batches, so that each batch belongs to one workload alone.
        if now - self.slice.began >= self.orbit.request.length.slice {
            self.turn(now);
            self.next_slice(now);
        }
        let workload = self.slice.workload;
        match self.pacer.admission(now, workload, 1) {
            Admission::Now => {
                self.orbit.worker.begin(workload)?;
                self.under_way = Some(Batch { id: self.pacer.start(now, workload, 1), workload, began: now });
            }
            Admission::In(wait) => self.hold(wait.min(until - now)),
            Admission::Never => self.hold(until - now),
        }
        Ok(())
    }

    /// Nothing is admitted for `wait`.
    fn hold(&mut self, wait: Seconds) {
        let began = self.orbit.recorder.now();
        self.orbit.recorder.rest(wait);
        self.slice.work.held_s += self.orbit.recorder.now() - began;
    }

    fn end_batch(&mut self, batch: Batch, work: crate::workload::Work) {
        let now = self.orbit.recorder.now();
        self.pacer.finish(now, batch.id);
        self.produced_bits += self.orbit.workloads[batch.workload].result_bits_per_batch;
        self.under_way = None;
        self.slice.work.batches += 1;
        self.slice.work.items += work.items;
        self.slice.work.busy_s += now - batch.began;
    }

    fn finish_batch(&mut self) -> Result<(), FlightError> {
        let Some(batch) = self.under_way else { return Ok(()) };
        match self.orbit.worker.poll(batch.workload, HANG) {
            Some(outcome) => self.end_batch(batch, outcome?),
            None => return Err(self.orbit.worker.hung(batch.workload).into()),
        }
        Ok(())
    }

    fn next_slice(&mut self, now: Seconds) {
        let next = (self.slice.workload + 1) % self.orbit.workloads.len();
        let mut ended = std::mem::replace(&mut self.slice, Slice::of(next, now, self.look.clone()));
        ended.work.slice_s = now - ended.began;
        ended.work.drawn = Drawn { oldest_s: ended.oldest, ..self.orbit.gauge.between(&ended.first, &self.look) };
        self.orbit.recorder.record(Event::Work(ended.work));
    }

    /// The last slice and the books.
    fn arrive(mut self) {
        let now = self.orbit.recorder.now();
        self.next_slice(now);
        let spacecraft = &self.orbit.spacecraft;
        let bound = certificate(&self.course, &Ends::Change { from: self.from, to: spacecraft.state().into() });
        let drawn = self.orbit.gauge.between(&self.first, &self.look);
        let witnesses = self.orbit.gauge.between_by_witnesses(&self.first, &self.look);
        note_witnesses(self.orbit.recorder, self.orbit.gauge, None, witnesses);
        let arrived = Event::Arrived {
            breaches: *spacecraft.breaches(),
            drawn,
            ledger_residual: residual(spacecraft.ledger()),
            sent_bits: spacecraft.state().sent_bits,
            backlog_bits: spacecraft.state().backlog_bits,
            upper_bound_s: (bound > Seconds::ZERO).then_some(bound),
        };
        self.orbit.recorder.record(arrived);
    }
}

/// What a watt buys at best: every workload is taken to draw as little at full speed as the most frugal one does.
fn best_curve(orbit: &Orbit<'_, '_>) -> WorkCurve {
    let powers = orbit.measured.iter().filter_map(|workload| workload.power);
    let least = powers.fold(orbit.machine.full_w, Watts::min);
    WorkCurve::linear(orbit.machine.idle_w, least)
}

/// Share of the array's energy that the energy books cannot account for.
fn residual(ledger: &Ledger) -> f64 {
    let sources = ledger.sources();
    if sources > Joules::ZERO { (sources - ledger.uses()) / sources } else { 0.0 }
}
