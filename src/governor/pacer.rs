//! The pacer: turns a budget in watts into batches that may start.
//!
//! It keeps an energy account above idle power:
//!
//! ```text
//! credit += (budget - idle) dt - what the running batches are expected to draw
//! credit -= measured - expected          for every stretch of time that a reading has come to cover
//! ```
//!
//! A batch starts once the credit covers what it is expected to cost ([`Cost`], learned), so the energy drawn stays
//! behind the energy granted. Credit is bounded above (one batch and a little, see [`burst`]: idle time is not saved
//! up) and below ([`DEBT_S`]: an overdraft is paid back, but not for ever). Readings settle late by the sensor's dead
//! time and are compared with what was expected *then*; while none come, learned costs stand for them.
//!
//! Pure: every call says what time it is. A call whose time lies a little back changes nothing. One that lies back by
//! more than [`MEMORY_S`], or ahead by more than [`LEAP_S`], finds a clock that was set or a machine that slept: what is
//! remembered moves with it, and nothing is admitted before there is a new budget.

mod cost;
mod surprise;

pub use cost::Cost;

use super::OperatingRange;
use super::evidence::Witness;
use super::junction::Felt;
use crate::reading::Reading;
use crate::units::{Joules, Seconds, Watts};
use cost::Costs;
use std::collections::VecDeque;
use surprise::Surprise;

/// The deepest debt, in seconds of full power.
pub const DEBT_S: f64 = 2.0;
/// Credit above one batch: share of the longest batch, and at least this long, so that a batch which is late by a
/// poll of the caller costs nothing.
const BURST_SHARE: f64 = 0.1;
const BURST_S: f64 = 0.01;
/// Assumed length of a batch of which nothing is known.
const UNKNOWN_S: f64 = 0.1;
/// Learning windows: so many update periods, and at least so long.
const WINDOW_PERIODS: f64 = 4.0;
const WINDOW_S: f64 = 0.5;
/// What was expected is remembered for so long, and at most for so many batches.
const MEMORY_S: f64 = 10.0;
const MEMORY_BATCHES: usize = 8192;
/// Nobody leaves the account alone for this long, beside twice the wait that was announced.
const LEAP_S: f64 = 5.0;
/// Work that has come to draw more than this times full power may draw yet more than the meter shows of it.
const DEARER: f64 = 1.1;
const METER: f64 = 1.05;
/// A clock that moved by this share more or less than time passed did not move evenly.
const EVEN_SHARE: f64 = 0.1;
/// A budget of full power has at least this much slack: calibration is not better.
const FULL_SLACK: f64 = 1.02;
/// A budget of so much more than the machine is known to draw lets it run free: the credit may then hold so many seconds of
/// full power, so that readings that wobble hold nothing back. A lower budget takes that credit away at once.
const FREE_SHARE: f64 = 1.01;
const FREE_CREDIT_S: f64 = 0.2;

/// Energy that the credit may hold beyond one batch. Zero for a machine whose power follows the budget at once.
pub fn burst(machine: &OperatingRange) -> Joules {
    let batch = machine.batch_s.0;
    let seconds = if batch > 0.0 { (BURST_SHARE * batch).max(BURST_S) } else { 0.0 };
    (machine.full_w - machine.idle_w) * Seconds(seconds)
}

/// A batch that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId(u64);

/// When the next batch may start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admission {
    /// At once.
    Now,
    /// Not before this much time has passed, if the budget stays.
    In(Seconds),
    /// Not under this budget: it leaves nothing above idle power, or is from before the machine slept.
    Never,
}

/// A batch, running or done, as it was expected to be.
#[derive(Clone, Copy, Debug)]
struct Batch {
    id: BatchId,
    workload: usize,
    items: f64,
    start: Seconds,
    /// None while it runs.
    end: Option<Seconds>,
    /// The clock leapt since it began: nobody knows how long it ran, or how long ago.
    leapt: bool,
    /// What it was expected to cost and to draw while it runs, above idle.
    energy: Joules,
    power: Watts,
}

impl Batch {
    /// How long it ran between two instants, the later of which is not in the future.
    fn ran_between(&self, from: Seconds, to: Seconds) -> Seconds {
        (to.min(self.end.unwrap_or(to)) - from.max(self.start)).max(Seconds::ZERO)
    }
}

/// The energy account and what batches cost.
#[derive(Clone, Debug)]
pub struct Pacer {
    machine: OperatingRange,
    budget: Watts,
    /// The budget is beyond what the machine is known to draw.
    free: bool,
    credit: Joules,
    /// Granted while a batch ran, when the account was full already.
    unused: Joules,
    /// The account stands at this time.
    at: Option<Seconds>,
    /// What the largest batch asked for of late costs.
    asked: Joules,
    costs: Costs,
    batches: VecDeque<Batch>,
    next: u64,
    witness: Witness,
    /// The budget is from before the clock leapt.
    expired: bool,
    /// The longest wait that was announced since there is a budget.
    announced: Seconds,
    surprise: Surprise,
    /// When the junction was last felt.
    felt: Option<Seconds>,
}

impl Pacer {
    /// A pacer for a machine, with a budget of idle power.
    pub fn new(machine: OperatingRange) -> Pacer {
        Pacer {
            machine,
            budget: machine.idle_w,
            free: false,
            credit: Joules::ZERO,
            unused: Joules::ZERO,
            at: None,
            asked: Joules::ZERO,
            costs: Costs::default(),
            batches: VecDeque::new(),
            next: 0,
            witness: Witness::default(),
            expired: false,
            announced: Seconds::ZERO,
            surprise: Surprise::default(),
            felt: None,
        }
    }

    /// What calibration found for one item of a workload. Workloads are numbered by the caller.
    pub fn expect(&mut self, workload: usize, cost: Cost) {
        self.costs.set(workload, cost);
    }

    /// What one item of a workload is expected to take; none before its first batch.
    pub fn cost(&self, workload: usize) -> Option<Cost> {
        self.costs.of(workload)
    }

    /// The most that the machine draws while a batch runs, idle power included, as far as it is known. Where this has
    /// come to exceed the calibrated full power, the governor should be told: it plans what the bus must carry by it.
    pub fn peak(&self) -> Watts {
        let (range, learned) = (self.machine.full_w - self.machine.idle_w, self.costs.most());
        // Calibration is exact by its own meter. What was learned since is the meter's word, which errs.
        let learned = if learned > range * DEARER { learned * METER } else { learned };
        self.machine.idle_w + self.surprise.most().max(learned)
    }

    /// The account: energy above idle that may be drawn now.
    pub fn credit(&self) -> Joules {
        self.credit
    }

    /// What was granted so far while a batch ran and could not be drawn by it: where this grows, the machine binds, not the
    /// budget. What is lost while nothing runs is not in it: that is the pacer's own doing.
    pub fn unused(&self) -> Joules {
        self.unused
    }

    /// A new budget from `now` on, idle power included.
    pub fn set_budget(&mut self, now: Seconds, budget: Watts) {
        self.advance(now);
        (self.expired, self.announced) = (false, Seconds::ZERO);
        let budget = if budget.is_finite() { budget } else { self.machine.idle_w };
        let full = self.machine.full_w;
        self.free = budget >= full.max(self.peak()) * FREE_SHARE;
        self.budget = if budget >= full { budget.max(full * FULL_SLACK) } else { budget };
    }

    /// When a batch of `items` of `workload` may start.
    pub fn admission(&mut self, now: Seconds, workload: usize, items: u32) -> Admission {
        let cost = self.expected(workload, items).0;
        self.asked = self.asked.max(cost);
        self.advance(now);
        if self.rate() <= Watts::ZERO || self.expired {
            return Admission::Never;
        }
        let missing = cost - self.credit;
        if missing <= cost * 1e-9 {
            return Admission::Now;
        }
        let running: Joules =
            self.batches.iter().filter(|batch| batch.end.is_none()).fold(Joules::ZERO, |sum, batch| {
                let drawn = batch.power * (now - batch.start);
                sum + (batch.energy - drawn).max(Joules::ZERO)
            });
        let wait = (missing + running) / self.rate();
        self.announced = self.announced.max(wait);
        Admission::In(wait)
    }

    /// A batch starts. It need not have been admitted: the account then goes into debt.
    pub fn start(&mut self, now: Seconds, workload: usize, items: u32) -> BatchId {
        self.advance(now);
        let (energy, power) = self.expected(workload, items);
        let id = BatchId(self.next);
        self.next += 1;
        self.asked = energy;
        if self.batches.len() >= MEMORY_BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back(Batch {
            id,
            workload,
            items: f64::from(items),
            start: now,
            end: None,
            leapt: false,
            energy,
            power,
        });
        id
    }

    /// A batch ends. One that is not known is ignored.
    pub fn finish(&mut self, now: Seconds, id: BatchId) {
        self.advance(now);
        let Some(batch) = self.batches.iter_mut().find(|batch| batch.id == id && batch.end.is_none()) else { return };
        let took = (now - batch.start).max(Seconds(1e-9));
        batch.end = Some(batch.start + took);
        if !batch.leapt {
            self.costs.finished(batch.workload, took / batch.items.max(1.0), batch.power);
        }
    }

    /// Takes in a reading: what was drawn against what was expected then.
    pub fn settle(&mut self, now: Seconds, reading: &Reading) {
        self.advance(now);
        // What is plausible goes by what batches have come to draw.
        let machine = OperatingRange { full_w: self.machine.full_w.max(self.peak()), ..self.machine };
        let Ok(measured) = self.witness.look(now, reading, &machine) else { return };
        let Some(seen) = self.witness.seen_at().filter(|_| measured.span.0 > 0.0) else { return };
        let to = seen - self.machine.sensor_lag_s;
        let from = to - measured.span;
        if self.batches.iter().any(|batch| batch.leapt && batch.ran_between(from, to).0 > 0.0) {
            self.costs.skip();
            return;
        }
        let (mut foreseen, mut busy) = (Joules::ZERO, Vec::<(usize, Seconds)>::new());
        for batch in &self.batches {
            let ran = batch.ran_between(from, to);
            foreseen += batch.power * ran;
            match busy.iter_mut().find(|(workload, _)| *workload == batch.workload) {
                Some((_, sum)) => *sum += ran,
                None => busy.push((batch.workload, ran)),
            }
        }
        let above_idle = (measured.power - self.machine.idle_w) * measured.span;
        let ran = busy.iter().fold(Seconds::ZERO, |sum, (_, ran)| sum + *ran);
        self.surprise.read(now, above_idle, ran, self.known(), &self.machine);
        let known = self.at.is_some_and(|at| at - from < Seconds(MEMORY_S));
        if known {
            self.credit = (self.credit - (above_idle - foreseen)).max(-self.debt());
            let window = (self.machine.update_period_s * WINDOW_PERIODS).max(Seconds(WINDOW_S));
            self.costs.learn(above_idle, &busy, measured.span, window);
        }
    }

    /// Takes in what the junction felt until `now`: work that draws more than is known shows in it at once.
    pub fn feel(&mut self, now: Seconds, felt: &Felt) {
        self.advance(now);
        let elapsed = self.felt.replace(now).map(|last| now - last);
        // Of a span over which the clock did not move evenly nobody knows when batches ran.
        if elapsed.is_none_or(|elapsed| (elapsed - felt.span).0.abs() > felt.span.0 * EVEN_SHARE) {
            return;
        }
        let (from, mut busy, mut workloads) = (now - felt.span, 0.0, Vec::new());
        for batch in self.batches.iter().filter(|batch| batch.end.is_none_or(|end| end > from)) {
            busy += felt.weight(now - batch.start, batch.end.map_or(Seconds::ZERO, |end| now - end));
            if !workloads.contains(&batch.workload) {
                workloads.push(batch.workload);
            }
        }
        let found = self.surprise.feel(now, felt.power - self.machine.idle_w, busy, self.known());
        if let (Some(power), &[workload]) = (found, workloads.as_slice()) {
            self.costs.raise(workload, power);
        }
    }

    /// What a batch is expected to cost and to draw, above idle.
    fn expected(&self, workload: usize, items: u32) -> (Joules, Watts) {
        let most = self.machine.full_w - self.machine.idle_w;
        match self.costs.of(workload) {
            Some(cost) => (cost.item_j * f64::from(items), cost.power()),
            None => {
                let length = if self.machine.batch_s.0 > 0.0 { self.machine.batch_s } else { Seconds(UNKNOWN_S) };
                (most * length, most)
            }
        }
    }

    fn rate(&self) -> Watts {
        self.budget - self.machine.idle_w
    }

    fn free_credit(&self) -> Joules {
        let OperatingRange { idle_w, full_w, .. } = self.machine;
        if self.free { (full_w - idle_w) * Seconds(FREE_CREDIT_S) } else { Joules::ZERO }
    }

    fn debt(&self) -> Joules {
        self.machine.full_w * Seconds(DEBT_S)
    }

    /// The most that batches are known to draw above idle, by calibration or by what was learned.
    fn known(&self) -> Watts {
        (self.machine.full_w - self.machine.idle_w).max(self.costs.most())
    }

    /// The clock was set by `step`.
    fn move_clock(&mut self, step: Seconds) {
        self.expired = true;
        (self.surprise, self.felt) = (Surprise::default(), None);
        self.at = self.at.map(|at| at + step);
        self.witness = Witness::default();
        for batch in &mut self.batches {
            batch.start += step;
            batch.end = batch.end.map(|end| end + step);
            batch.leapt = true;
        }
    }

    /// Brings the account to `now`.
    fn advance(&mut self, now: Seconds) {
        let at = *self.at.get_or_insert(now);
        let dt = now - at;
        let leap = dt > Seconds(LEAP_S) + self.announced * 2.0;
        if now.is_finite() && (leap || dt < Seconds(-MEMORY_S)) {
            self.move_clock(dt);
            return;
        }
        if dt.0 <= 0.0 || !now.is_finite() {
            return;
        }
        let running = self.batches.iter().filter(|batch| batch.end.is_none());
        let drawn = running.fold(None, |sum, batch| Some(sum.unwrap_or(Watts::ZERO) + batch.power));
        let ceiling = self.asked + burst(&self.machine) + self.free_credit();
        let gained = (self.rate() - drawn.unwrap_or(Watts::ZERO)) * dt;
        let credit = self.credit + gained;
        if drawn.is_some() {
            // Credit that a lower ceiling takes away was granted before, and is not counted again.
            self.unused += (credit - ceiling).min(gained).max(Joules::ZERO);
        }
        self.credit = credit.min(ceiling).max(-self.debt());
        self.at = Some(now);
        let forgotten = now - Seconds(MEMORY_S);
        while self.batches.front().is_some_and(|batch| batch.end.is_some_and(|end| end < forgotten)) {
            self.batches.pop_front();
        }
    }
}
