//! A simulated flight in progress: from tick to tick, and inside a tick from event to event.
//!
//! Events are a switch of a given load, the beginning and end of a fault, an update of the sensor, and the end or the
//! admission of a batch. Between two of them the power is constant. While the machine is suspended there are none but
//! faults: nobody ticks, reads or starts anything, and the satellite flies on under the machine's idle power. A machine
//! that is asleep draws less than that, so this errs to the safe side.

use super::best::Flown;
use super::chance::chance;
use super::fault::{FaultKind, Faults};
use super::plant::{Batches, KnownBy};
use super::sensor::Instrument;
use super::summary::Tally;
use super::{Load, Row, Simulation, Trace};
use crate::envelope::{Condition, Spacecraft};
use crate::governor::{
    self, BAND_SHARE, Decision, Design, Governor, Junction, LimitedBy, Observation, OperatingRange, Regime, WorkCurve,
};
use crate::reading::{NoData, Reading};
use crate::units::{Joules, Seconds, Watts};

/// Power and budget of batches are averaged over this at least for the score, machine time.
const WINDOW: Seconds = Seconds(10.0);

/// A flight in progress. Times are simulated unless said.
pub(super) struct Flight<'a> {
    simulation: &'a Simulation<'a>,
    faults: Faults<'a>,
    truth: Spacecraft,
    condition: Condition,
    /// The spacecraft that the governor sees, if that is not the true one, and what has been drawn by its readings.
    seen: Option<(Spacecraft, Joules)>,
    /// Drawn, and the work it was worth, since the true spacecraft moved; only where it moves with the readings.
    owed: Owed,
    governor: Box<dyn Governor + Send>,
    range: OperatingRange,
    instrument: Instrument,
    /// None under an ideal pacer or a given load.
    batches: Option<Batches>,
    junction: Junction,
    reading: Reading,
    decision: Decision,
    /// Begin of the last tick that was not slept through, and when the next one is due.
    ticked: Option<(Seconds, Seconds)>,
    tally: Tally,
}

/// What has happened since the true spacecraft moved.
#[derive(Clone, Copy, Debug, Default)]
struct Owed {
    time: Seconds,
    drawn: Joules,
    worth: Joules,
}

impl<'a> Flight<'a> {
    pub(super) fn new(
        simulation: &'a Simulation<'a>,
        curve: WorkCurve,
        range: OperatingRange,
        static_cap: Watts,
    ) -> Flight<'a> {
        let Simulation { satellite, scale, sky, start, policy, sensor, ref plant, .. } = *simulation;
        let mut truth = Spacecraft::new(satellite, scale, sky, start);
        let (faults, mut condition) = (Faults(&plant.faults), Condition::SOUND);
        if faults.condition(Seconds::ZERO) != condition {
            condition = faults.condition(Seconds::ZERO);
            truth.set_condition(condition);
        }
        // Batches are quanta: only means over so many that one of them is within the band can be held against a budget.
        let paced = simulation.load == Load::Governed && range.batch_s.0 > 0.0;
        let window = if paced { WINDOW.max(range.batch_s / BAND_SHARE) } else { Seconds::ZERO };
        let budget = range.idle_w;
        Flight {
            simulation,
            faults,
            condition,
            seen: (plant.known_by == KnownBy::Readings).then(|| (truth.clone(), Joules::ZERO)),
            owed: Owed::default(),
            governor: governor::new(policy, &Design { static_cap, curve: curve.clone() }),
            range,
            instrument: Instrument::new(sensor, plant.jitter, plant.seed),
            batches: paced.then(|| Batches::new(range, plant.seed)),
            junction: Junction::default(),
            reading: Reading::absent(Seconds::ZERO, NoData::NotYet),
            decision: Decision {
                budget,
                limited_by: LimitedBy::Stale,
                regime: Regime::Blind { since: Seconds::ZERO },
                transition: None,
                spare: Watts::ZERO,
                shortfall: Watts::ZERO,
                fall: None,
            },
            ticked: None,
            tally: Tally::new(&truth, curve, simulation.duration, window),
            truth,
        }
    }

    pub(super) fn fly(mut self, mut trace: Option<Trace<'_>>) -> Flown {
        let Simulation { duration, dt, .. } = *self.simulation;
        let ticks = (duration / dt - 1e-9).ceil().max(1.0) as u64;
        let mut last = None;
        for tick in 0..ticks {
            let from = self.tick_at(tick);
            let to = if tick + 1 < ticks { self.tick_at(tick + 1) } else { (dt * ticks as f64).min(duration) };
            self.arrive(from);
            self.decide(from, to);
            let mut now = from;
            while now < to {
                let (load, worth, until) = self.load(now, to);
                if now == from || last != Some(load) {
                    self.emit(&mut trace, now, load);
                }
                self.step(now, until, load, worth);
                now = until;
                last = Some(load);
                if now < to {
                    self.arrive(now);
                    self.turn(now);
                }
            }
        }
        self.settle_truth();
        if let Some(load) = last {
            self.emit(&mut trace, duration, load);
        }
        self.tally.flown(self.simulation, &self.truth)
    }

    /// When tick number `tick` comes.
    fn tick_at(&self, tick: u64) -> Seconds {
        let Simulation { dt, ref plant, .. } = *self.simulation;
        let late = if tick > 0 { plant.jitter * chance(plant.seed.rotate_left(32), tick) } else { 0.0 };
        // Without jitter exactly the grid.
        (dt * (tick as f64 + late)).min(self.simulation.duration)
    }

    /// What the machine's clock is ahead of machine time.
    fn ahead(&self, now: Seconds) -> Seconds {
        self.faults.shift(FaultKind::Clock, now)
    }

    /// Machine time, and what the machine's clock shows.
    fn clocks(&self, now: Seconds) -> (Seconds, Seconds) {
        let machine = self.simulation.scale.machine(now);
        (machine, machine + self.ahead(now))
    }

    fn is_suspended(&self, now: Seconds) -> bool {
        self.faults.any(FaultKind::Suspend, now)
    }

    /// What an item costs above idle, over what it should cost.
    fn cost(&self, now: Seconds) -> f64 {
        self.faults.factor(FaultKind::Load, now)
    }

    /// What comes from outside at `now`: faults begin and end, the sensor is read.
    fn arrive(&mut self, now: Seconds) {
        let condition = self.faults.condition(now);
        if condition != self.condition {
            self.settle_truth();
            self.condition = condition;
            self.truth.set_condition(condition);
            if let Some((seen, _)) = &mut self.seen {
                seen.set_condition(condition);
            }
        }
        if !self.is_suspended(now) && (self.batches.is_some() || self.seen.is_some()) {
            self.read(now);
        }
    }

    /// Batches end and start.
    fn turn(&mut self, now: Seconds) {
        let (machine, clock) = self.clocks(now);
        let (asleep, starved) = (self.is_suspended(now), self.faults.any(FaultKind::Starved, now));
        if let Some(batches) = self.batches.as_mut().filter(|_| !asleep) {
            batches.turn(machine, clock, !starved);
        }
    }

    /// Takes a reading, and moves what goes by readings.
    fn read(&mut self, now: Seconds) {
        let (machine, clock) = self.clocks(now);
        let update = self.instrument.last_update(machine);
        self.reading = self.instrument.look(machine, now, self.faults, clock - machine);
        if let Some(batches) = &mut self.batches {
            batches.settle(clock, &self.reading);
        }
        if let Some((seen, known)) = &mut self.seen {
            let (span, drawn) = (update - seen.state().t, self.instrument.drawn(machine));
            if span.0 > 1e-9 {
                seen.step(span, ((drawn - *known) / span).max(Watts::ZERO), 0.0);
                *known = drawn;
                self.settle_truth();
            }
        }
    }

    /// Where the spacecraft is known by its own sensors, its junction tells the pacer what was drawn.
    fn feel(&mut self, now: Seconds) {
        let (_, clock) = self.clocks(now);
        if let (Some(batches), None) = (&mut self.batches, &self.seen) {
            let felt = self.junction.feel(&self.truth.forecast().thermal, self.truth.state());
            felt.into_iter().for_each(|felt| batches.feel(clock, &felt));
        }
    }

    fn decide(&mut self, from: Seconds, to: Seconds) {
        if self.is_suspended(from) {
            return;
        }
        let Simulation { scale, ref plant, .. } = *self.simulation;
        if self.batches.is_none() && self.seen.is_none() {
            self.reading = self.instrument.look(self.truth.state().t, from, self.faults, self.ahead(from));
        }
        // Even ticks are known by their length; others by the time since the last one.
        let dt = match self.ticked {
            Some((last, due)) if plant.jitter > 0.0 || due != from => scale.machine(from - last),
            _ => scale.machine(to - from),
        };
        self.feel(from);
        let machine = match &self.batches {
            Some(batches) => OperatingRange { full_w: self.range.full_w.max(batches.peak()), ..self.range },
            None => self.range,
        };
        let (time, clock) = match self.batches.is_some() || self.seen.is_some() {
            true => self.clocks(from),
            false => (self.truth.state().t, self.truth.state().t + self.ahead(from)),
        };
        let spacecraft = self.seen.as_ref().map_or(&self.truth, |(seen, _)| seen);
        self.decision = self.governor.tick(&Observation {
            now: clock,
            dt,
            state: spacecraft.state(),
            limits: spacecraft.limits(),
            forecast: spacecraft.forecast(),
            reading: &self.reading,
            machine: &machine,
        });
        if self.simulation.load == Load::Governed {
            self.tally.grant(&self.decision);
        }
        self.ticked = Some((from, to));
        if let Some(batches) = &mut self.batches {
            batches.follow(time, clock, &self.decision);
        }
        self.turn(from);
    }

    /// What is drawn at `now`, what the work in it should have cost, and until when, `to` at the latest.
    fn load(&self, now: Seconds, to: Seconds) -> (Watts, Watts, Seconds) {
        let Simulation { scale, sensor, ref load, .. } = *self.simulation;
        let OperatingRange { idle_w, full_w, .. } = self.range;
        let until = to.min(self.faults.next_edge(now));
        let asleep = self.is_suspended(now);
        match (load, &self.batches) {
            (Load::Constant(power), _) => (*power, *power, until),
            (Load::Schedule(schedule), _) => {
                let (power, switch) = schedule.at(now);
                (power, power, switch.map_or(until, |switch| switch.min(until)))
            }
            (Load::Governed, _) if asleep => (idle_w, idle_w, until),
            (Load::Governed, None) if self.faults.any(FaultKind::Starved, now) => (idle_w, idle_w, until),
            // The ideal pacer holds what its own meter shows, whatever an item costs.
            (Load::Governed, None) => {
                let shown = sensor.gain * self.faults.factor(FaultKind::Gain, now);
                // A budget of idle power admits nothing, whatever the meter shows of it.
                let budget = self.decision.budget;
                let power = if budget > idle_w { self.range.clamp(budget / shown) } else { idle_w };
                let cost = self.cost(now);
                let worth = if cost == 1.0 { power } else { idle_w + (power - idle_w) / cost };
                (power, worth, self.next_update(now, until))
            }
            (Load::Governed, Some(batches)) => {
                let until = self.next_update(now, until.min(scale.simulated(batches.next())));
                let busy = batches.is_busy();
                let above = if busy { (full_w - idle_w) * self.cost(now) } else { Watts::ZERO };
                // Rounding of the clock must not hold time up.
                let soonest = now + scale.simulated(Seconds(1e-9));
                (idle_w + above, if busy { full_w } else { idle_w }, until.max(soonest).min(to))
            }
        }
    }

    /// The sooner of `until` and the next update of the sensor, where somebody waits for it.
    fn next_update(&self, now: Seconds, until: Seconds) -> Seconds {
        if self.batches.is_none() && self.seen.is_none() {
            return until;
        }
        let scale = self.simulation.scale;
        let next = self.instrument.next_update(scale.machine(now));
        next.map_or(until, |next| scale.simulated(next).min(until))
    }

    /// Flies from `now` until `until`.
    fn step(&mut self, now: Seconds, until: Seconds, load: Watts, worth: Watts) {
        let dt = self.simulation.scale.machine(until - now);
        self.owed.time += dt;
        self.owed.drawn += load * dt;
        self.owed.worth += worth * dt;
        if self.seen.is_none() {
            self.move_truth(dt, load, worth);
        }
        let gain = self.faults.factor(FaultKind::Gain, now);
        let t = if self.seen.is_none() { self.truth.state().t } else { self.simulation.scale.machine(until) };
        self.instrument.draw(t, load, gain);
        if let Some(batches) = self.batches.as_mut().filter(|_| self.faults.any(FaultKind::Suspend, now)) {
            batches.sleep(dt);
        }
    }

    /// Moves the true spacecraft by all that it has not yet seen.
    fn settle_truth(&mut self) {
        let Owed { time, drawn, worth } = self.owed;
        if time.0 > 0.0 {
            self.move_truth(time, drawn / time, worth / time);
        }
    }

    fn move_truth(&mut self, dt: Seconds, load: Watts, worth: Watts) {
        self.truth.step(dt, load, 0.0);
        self.tally.add(&self.truth, load, worth, dt);
        self.owed = Owed::default();
    }

    fn emit(&self, trace: &mut Option<Trace<'_>>, t_s: Seconds, load_w: Watts) {
        if let Some(sink) = trace {
            let (budget_w, limited_by) = (self.decision.budget, self.decision.limited_by);
            sink(&Row { t_s, state: *self.truth.state(), load_w, budget_w, limited_by });
        }
    }
}
