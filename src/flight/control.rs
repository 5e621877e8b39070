//! The control loop: the one that flies hardware, simulations and the fault campaign.
//!
//! ```text
//!   look ──> estimator ──> confirmed spacecraft, expected and worst state
//!    ^                              │
//!    │                              v
//!   meter <── batches <── pacer <── governor
//! ```
//!
//! The ring closes in [`Control::tick`]. Between ticks batches are admitted one at a time; a workload keeps its turn for a
//! slice, so that energy can be told apart by workload. Times are machine seconds since departure.

use super::FlightError;
use super::machine::Machine;
use crate::envelope::Spacecraft;
use crate::estimator::{Assumption, Assumptions, BatchId, Confirmed, Cost, Estimator, OperatingRange};
use crate::governor::pacer::{Admission, Pacer};
use crate::governor::{Coarse, Decision, Governor, LimitedBy, Observation};
use crate::journal::{Event, Predicted, Tick, WorkDone};
use crate::reading::{Basis, Reading};
use crate::units::{Joules, Seconds, Watts};

/// Who misses so many ticks was asleep: a power that follows its budget has not been followed meanwhile.
const ASLEEP_TICKS: f64 = 20.0;
/// The shortest wait, so that time moves on.
const SHORTEST_WAIT: Seconds = Seconds(1e-6);

/// What is flown, and by whom.
pub(super) struct Order {
    /// How long; a whole orbit, unless only the loop is of interest.
    pub(super) duration: Seconds,
    /// The governor decides this often.
    pub(super) tick: Seconds,
    /// A workload keeps its turn for this long.
    pub(super) slice: Seconds,
    pub(super) governor: Box<dyn Governor + Send>,
    pub(super) assumptions: Assumptions,
    pub(super) range: OperatingRange,
    /// What calibration found for one batch of each workload.
    pub(super) costs: Vec<Cost>,
    /// At its node.
    pub(super) spacecraft: Spacecraft,
    /// Upper end of the meter's band over what it counts; none where nobody states it.
    pub(super) high: Option<f64>,
}

/// Flies it. The arrival is recorded however it ends.
pub(super) fn fly<M: Machine>(machine: &mut M, order: Order) -> Result<(), FlightError> {
    let mut control = Control::depart(machine, order);
    let ended = control.fly();
    control.arrive();
    ended
}

/// A batch under way.
#[derive(Clone, Copy)]
struct UnderWay {
    id: BatchId,
    workload: usize,
    began: Seconds,
}

/// The loop between two ticks.
struct Control<'m, M> {
    machine: &'m mut M,
    duration: Seconds,
    tick: Seconds,
    slice_length: Seconds,
    governor: Box<dyn Governor + Send>,
    pacer: Pacer,
    estimator: Estimator,
    departed: Seconds,
    last_tick: Seconds,
    decision: Decision,
    under_way: Option<UnderWay>,
    slice: WorkDone,
    slice_began: Seconds,
    oldest: Seconds,
    /// Work was held back since the last tick.
    held: bool,
    /// Of the pacer, at the last tick.
    unused: Joules,
    /// The meter is new at every look.
    at_every_look: bool,
}

fn slice_of(workload: usize) -> WorkDone {
    WorkDone {
        workload,
        batches: 0,
        items: 0.0,
        busy_s: Seconds::ZERO,
        held_s: Seconds::ZERO,
        slice_s: Seconds::ZERO,
        drawn: Default::default(),
    }
}

impl<'m, M: Machine> Control<'m, M> {
    fn depart(machine: &'m mut M, order: Order) -> Control<'m, M> {
        let Order { duration, tick, slice, governor, assumptions, range, costs, spacecraft, high } = order;
        machine.record(|| Event::Assumed(assumptions));
        machine.record(|| Event::Departed);
        let mut estimator = Estimator::new(spacecraft, range, assumptions, tick, high);
        costs.into_iter().enumerate().for_each(|(workload, cost)| estimator.expect(workload, cost));
        let mut control = Control {
            departed: machine.now(),
            machine,
            duration,
            tick,
            slice_length: slice,
            governor,
            pacer: Pacer::new(range),
            estimator,
            last_tick: Seconds::ZERO,
            decision: Decision::idle(&range),
            under_way: None,
            slice: slice_of(0),
            slice_began: Seconds::ZERO,
            oldest: Seconds::ZERO,
            held: false,
            unused: Joules::ZERO,
            at_every_look: range.update_period_s.0 <= 0.0,
        };
        let reading = control.look();
        control.take(Seconds::ZERO, &reading);
        control.decide(Seconds::ZERO);
        control
    }

    fn now(&self) -> Seconds {
        self.machine.now() - self.departed
    }

    /// Until the satellite is back at its node. The last batch is waited for, and then what the meter still has to show.
    fn fly(&mut self) -> Result<(), FlightError> {
        let mut grid = self.tick;
        let mut next = self.due(grid);
        loop {
            if self.machine.interrupted() {
                return Err(FlightError::Interrupted);
            }
            let now = self.now();
            if now >= self.duration {
                break;
            }
            if now >= next {
                self.tick(now);
                // A late tick is not made up for: the next one is at least half a tick away.
                grid = (grid + self.tick).max(now + self.tick / 2.0);
                next = self.due(grid);
            }
            self.work(next.min(self.duration))?;
        }
        self.finish_batch()
    }

    fn due(&mut self, grid: Seconds) -> Seconds {
        self.machine.due(grid + self.departed) - self.departed
    }

    /// One tick of the loop.
    fn tick(&mut self, now: Seconds) {
        let dt = now - self.last_tick;
        let late = self.last_tick + self.tick * self.estimator.assumptions().tick_length;
        self.estimator.see(Assumption::TickLength, dt / self.tick, late);
        if dt > self.tick * ASLEEP_TICKS {
            self.estimator.slept(late);
        }
        self.pacer.advance(now, &self.estimator);
        let reading = self.look();
        self.take(now, &reading);
        let expected = self.estimator.drawn_at(self.last_tick, now);
        let limited_by = if self.held { self.decision.limited_by } else { None };
        self.held = false;
        self.decide(now);
        self.last_tick = now;
        self.tell_broken();
        let unused = self.pacer.unused();
        let unused_j = unused - std::mem::replace(&mut self.unused, unused);
        let Control { machine, estimator, decision, slice, .. } = self;
        machine
            .record(|| Event::Tick(entry(now, estimator, decision, (expected, unused_j, limited_by, slice.workload))));
    }

    fn tell_broken(&mut self) {
        for broken in self.estimator.broken() {
            self.machine.broken(&broken);
        }
    }

    /// A meter that is new at every look shows each batch for itself.
    fn glance(&mut self, now: Seconds) {
        if self.at_every_look {
            let reading = self.look();
            self.take(now, &reading);
        }
    }

    fn look(&mut self) -> Reading {
        let reading = self.machine.look();
        let reading = Reading { taken_at: reading.taken_at - self.departed, ..reading };
        self.oldest = self.oldest.max(reading.age(self.now()));
        reading
    }

    /// Takes in a look at the meter.
    fn take(&mut self, now: Seconds, reading: &Reading) {
        for confirmed in self.estimator.read(now, reading).into_iter().flatten() {
            self.book(now, &confirmed);
        }
        match self.machine.sensed() {
            Some(state) => self.estimator.sense(now, &state),
            None => self.estimator.advance(now),
        }
    }

    fn book(&mut self, now: Seconds, confirmed: &Confirmed) {
        self.pacer.settle(now, confirmed, &self.estimator);
        self.machine.confirmed(self.estimator.confirmed(), confirmed);
        self.machine.record(|| Event::Energy(confirmed.window));
    }

    /// Governor and pacer.
    fn decide(&mut self, now: Seconds) {
        let freshness = self.estimator.freshness(now);
        let (worst, range, limits) = (self.estimator.worst(), self.estimator.machine(), self.estimator.limits());
        let observation = Observation::of(&self.estimator, &worst, &range, &limits, (now, self.tick), freshness);
        self.decision = self.governor.tick(&observation);
        // Told once, at departure.
        if now <= Seconds::ZERO
            && let Some(coarse) = Coarse::of(&observation, &self.decision)
        {
            self.machine.record(|| Event::Coarse(coarse));
        }
        if let Some(transition) = self.decision.transition {
            self.machine.record(|| Event::Regime { flight_s: now, transition });
        }
        if self.decision.infeasible.is_some() {
            self.estimator.see(Assumption::IdleKeepsLimits, 2.0, now);
        }
        self.pacer.follow(now, &self.decision, &self.estimator);
        let followed = self.machine.follow(&self.decision);
        if let Some(power) = followed.power {
            self.estimator.hold(now, power);
            self.held |= self.decision.limited_by.is_some();
        }
        for setting in followed.settings {
            self.machine.record(|| Event::PowerLimit(setting));
        }
    }

    /// Starts a batch when the pacer admits one, else waits; back at `until` at the latest.
    fn work(&mut self, until: Seconds) -> Result<(), FlightError> {
        let now = self.now();
        if let Some(batch) = self.under_way {
            if let Some(work) = self.machine.wait(until + self.departed)? {
                self.end_batch(batch, work.items);
            }
            return Ok(());
        }
        // A turn ends between two batches, so that each batch belongs to one workload alone. The last one lasts until the end:
        // what is left after it would be too short for an energy.
        if now - self.slice_began >= self.slice_length && self.duration - now >= self.slice_length {
            self.tick(now);
            self.next_slice(now);
        }
        let workload = self.slice.workload;
        let admission = match self.machine.has_work() && self.machine.workloads() > 0 {
            true => self.pacer.admission(now, &self.estimator, workload, 1.0),
            false => return self.rest(until),
        };
        match admission {
            Admission::Now => {
                self.machine.begin(workload)?;
                let now = self.now();
                self.glance(now);
                self.pacer.started(now, &self.estimator, workload, 1.0);
                let id = self.estimator.begin(now, workload, 1.0);
                self.under_way = Some(UnderWay { id, workload, began: now });
                Ok(())
            }
            Admission::In(wait) => self.hold((now + wait.max(SHORTEST_WAIT)).min(until)),
            Admission::Never => self.hold(until),
        }
    }

    fn rest(&mut self, until: Seconds) -> Result<(), FlightError> {
        self.machine.wait(until + self.departed).map(|_| ())
    }

    /// Nothing is admitted until then.
    fn hold(&mut self, until: Seconds) -> Result<(), FlightError> {
        let began = self.now();
        self.held = true;
        self.rest(until)?;
        self.slice.held_s += self.now() - began;
        Ok(())
    }

    fn end_batch(&mut self, batch: UnderWay, items: f64) {
        let now = self.now();
        self.pacer.advance(now, &self.estimator);
        self.glance(now);
        self.estimator.finish(now, batch.id, self.machine.bits(batch.workload));
        self.pacer.ended(now - batch.began, &self.estimator);
        self.under_way = None;
        self.slice.batches += 1;
        self.slice.items += items;
        self.slice.busy_s += now - batch.began;
    }

    fn finish_batch(&mut self) -> Result<(), FlightError> {
        while let Some(batch) = self.under_way {
            if self.machine.interrupted() {
                return Err(FlightError::Interrupted);
            }
            let until = self.now() + self.tick;
            if let Some(work) = self.machine.wait(until + self.departed)? {
                self.end_batch(batch, work.items);
            }
        }
        Ok(())
    }

    fn next_slice(&mut self, now: Seconds) {
        let next = (self.slice.workload + 1) % self.machine.workloads().max(1);
        let mut ended = std::mem::replace(&mut self.slice, slice_of(next));
        ended.slice_s = now - std::mem::replace(&mut self.slice_began, now);
        let drawn = self.machine.slice();
        ended.drawn = crate::journal::Drawn { oldest_s: std::mem::take(&mut self.oldest), ..drawn };
        self.machine.record(|| Event::Work(ended));
    }

    /// What the last batch drew, the last slice and the books. The meter is given the time that it needs to show the end.
    fn arrive(mut self) {
        let end = self.now();
        self.estimator.end(end);
        self.tick(end);
        let patience = end + self.estimator.shown_after();
        while self.estimator.confirmed_until() < end && self.now() < patience && !self.machine.interrupted() {
            let until = (self.now() + self.tick).min(patience);
            if self.rest(until).is_err() {
                break;
            }
            let (now, reading) = (self.now(), self.look());
            self.take(now, &reading);
        }
        if let Some(confirmed) = self.estimator.close(end) {
            self.book(end, &confirmed);
        }
        self.tell_broken();
        self.next_slice(end);
        if let Some(arrival) = self.machine.arrived(self.estimator.confirmed()) {
            self.machine.record(|| Event::Arrived(arrival));
        }
    }
}

/// What one tick of the loop writes down.
fn entry(
    now: Seconds,
    estimator: &Estimator,
    decision: &Decision,
    (expected_w, unused_j, limited_by, workload): (Watts, Joules, Option<LimitedBy>, usize),
) -> Tick {
    let (confirmed, expected) = (estimator.confirmed().state(), estimator.expected());
    let (hot, soon) = (&confirmed.temperatures, &expected.temperatures);
    let counted = estimator.last_window().filter(|window| window.basis == Basis::Counted);
    Tick {
        flight_s: now,
        simulated_s: expected.simulated,
        illumination: expected.illumination,
        array_w: expected.array,
        confirmed_s: estimator.confirmed_until(),
        soc: confirmed.soc,
        junction_k: hot.junction,
        loop_k: hot.coolant,
        radiator_k: hot.radiator,
        predicted: Predicted {
            soc: expected.soc,
            junction_k: soon.junction,
            loop_k: soon.coolant,
            radiator_k: soon.radiator,
        },
        power_w: counted.map(|window| window.power()),
        expected_w,
        no_reading: estimator.refusal(),
        budget_w: decision.budget,
        unused_j,
        limited_by,
        regime: decision.regime,
        workload,
    }
}
