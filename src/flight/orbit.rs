//! One orbit: measured watts move the spacecraft, the spacecraft moves the governor, the governor moves the pacer,
//! the pacer admits the work that draws the watts.
//!
//! The ring closes in [`Flight::turn`], once a tick. Between ticks batches are admitted one at a time; a workload keeps
//! its turn for a slice, so that energy can be told apart by workload. Where there is no reading, the spacecraft is
//! heated and drained by the full power of the machine: what is not known is assumed at its worst.

use super::bound::Bound;
use super::measure::Unconstrained;
use super::power::MeasuredPower;
use super::recorder::Recorder;
use super::worker::{HANG, Worker};
use super::{FlightError, Request};
use crate::envelope::{Ledger, Sky, Spacecraft};
use crate::governor::pacer::{Admission, BatchId, Pacer};
use crate::governor::{
    self, Decision, Design, Governor, LimitedBy, Observation, OperatingRange, Regime, WorkCurve, safe_all_year,
};
use crate::journal::{Drawn, Event, Tick, WorkDone};
use crate::meter::Meter;
use crate::reading::Reading;
use crate::units::{Joules, Seconds, Watts};
use crate::workload::Description;

/// Everything an orbit is flown with.
pub(super) struct Orbit<'a, 'r> {
    pub(super) recorder: &'a mut Recorder<'r>,
    pub(super) request: &'a Request,
    pub(super) worker: &'a Worker,
    pub(super) meter: &'a mut dyn Meter,
    pub(super) workloads: &'a [Description],
    pub(super) measured: &'a [Unconstrained],
    pub(super) spacecraft: Spacecraft,
    pub(super) machine: OperatingRange,
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
    first: Reading,
    reading: Reading,
    /// The last one that had an energy.
    seen: Reading,
    updates: u64,
    power: MeasuredPower,
    bound: Bound,
    decision: Decision,
    under_way: Option<Batch>,
    slice: Slice,
    produced_bits: f64,
}

/// The turn of one workload.
struct Slice {
    workload: usize,
    began: Seconds,
    work: WorkDone,
}

impl Slice {
    fn of(workload: usize, began: Seconds) -> Slice {
        let drawn = Drawn { energy_j: Some(Joules::ZERO), windows: 1, ..Drawn::default() };
        let work = WorkDone { workload, batches: 0, items: 0.0, busy_s: Seconds::ZERO, slice_s: Seconds::ZERO, drawn };
        Slice { workload, began, work }
    }
}

impl<'a, 'r> Flight<'a, 'r> {
    fn depart(orbit: Orbit<'a, 'r>) -> Flight<'a, 'r> {
        let now = orbit.recorder.now();
        let reading = orbit.meter.read(now);
        let design = Design {
            static_cap: safe_all_year(&orbit.request.satellite, orbit.spacecraft.scale(), Sky::Orbit, &orbit.machine),
            curve: WorkCurve::linear(orbit.machine.idle_w, orbit.machine.full_w),
        };
        let governor = governor::new(orbit.request.policy, &design);
        let bound = Bound::new(best_curve(&orbit), orbit.spacecraft.state().temperatures);
        let mut pacer = Pacer::new(orbit.machine);
        for (workload, measured) in orbit.measured.iter().enumerate() {
            pacer.expect(workload, measured.cost(&orbit.machine));
        }
        let mut flight = Flight {
            governor,
            pacer,
            departed: now,
            last_turn: now,
            first: reading,
            reading,
            seen: reading,
            updates: 0,
            power: MeasuredPower::new(reading, orbit.machine.update_period_s, orbit.request.length.tick),
            bound,
            decision: Decision {
                budget: orbit.machine.idle_w,
                limited_by: LimitedBy::Machine,
                regime: Regime::Tracking,
                shortfall: Watts::ZERO,
            },
            under_way: None,
            slice: Slice::of(0, now),
            produced_bits: 0.0,
            orbit,
        };
        flight.orbit.recorder.record(Event::Departed);
        flight.decide(now, Seconds::ZERO);
        flight
    }

    /// Until the satellite is back at its node. The last batch is waited for.
    fn fly(&mut self) -> Result<(), FlightError> {
        let tick = self.orbit.request.length.tick;
        let end = self.departed + self.orbit.request.orbit();
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
        self.reading = self.orbit.meter.read(now);
        let measured = self.power.turn(&self.reading, now, dt);
        let load = measured.unwrap_or(self.orbit.machine.full_w);
        let bits = std::mem::take(&mut self.produced_bits);
        self.step(dt, load, bits);
        self.last_turn = now;
        self.decide(now, dt);
        self.account_slice();
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
        let spacecraft = &mut self.orbit.spacecraft;
        let (array_before, environment_before) = (spacecraft.ledger().array_j, spacecraft.state().environment);
        spacecraft.step(dt, load, bits);
        if dt > Seconds::ZERO {
            let array = (spacecraft.ledger().array_j - array_before) / dt;
            let environment = environment_before.min(spacecraft.state().environment);
            self.bound.add(spacecraft.forecast(), array, environment, dt);
        }
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
        self.pacer.settle(now, &self.reading);
        self.pacer.set_budget(now, self.decision.budget);
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
            Admission::In(wait) => self.orbit.recorder.rest(wait.min(until - now)),
            Admission::Never => self.orbit.recorder.rest(until - now),
        }
        Ok(())
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

    /// The slice is given what was drawn since the last look that saw anything; one that saw nothing leaves the slice
    /// without an energy, and the flight with one as long as the source comes back.
    fn account_slice(&mut self) {
        let updates = u64::from(self.seen.energy != self.reading.energy);
        let energy = energy_between(&self.seen, &self.reading);
        let window = Drawn { energy_j: energy.ok(), updates, windows: 0, no_data: energy.err() };
        self.slice.work.drawn = self.slice.work.drawn.plus(&window);
        self.updates += updates;
        if self.reading.energy.is_ok() {
            self.seen = self.reading;
        }
    }

    fn next_slice(&mut self, now: Seconds) {
        let next = (self.slice.workload + 1) % self.orbit.workloads.len();
        let mut ended = std::mem::replace(&mut self.slice, Slice::of(next, now));
        ended.work.slice_s = now - ended.began;
        self.orbit.recorder.record(Event::Work(ended.work));
    }

    /// The last slice and the books.
    fn arrive(mut self) {
        let now = self.orbit.recorder.now();
        self.next_slice(now);
        let spacecraft = &self.orbit.spacecraft;
        let bound = self.bound.work(spacecraft.forecast(), spacecraft.limits(), spacecraft.ledger());
        let energy = energy_between(&self.first, &self.reading);
        let drawn = Drawn { energy_j: energy.ok(), updates: self.updates, windows: 1, no_data: energy.err() };
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

fn energy_between(before: &Reading, after: &Reading) -> Result<Joules, crate::reading::NoData> {
    Ok(after.energy? - before.energy?)
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
