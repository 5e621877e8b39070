//! The pacer: turns a budget in watts into batches that may start.
//!
//! It keeps an energy account above idle power:
//!
//! ```text
//! credit += (budget - idle) dt - what the running batches are expected to draw
//! credit -= measured - expected          for every stretch of time that a reading has come to cover
//! ```
//!
//! A batch starts once the credit, with what will be granted until the batch ends, covers what the batch is expected to
//! cost ([`Cost`], learned): under a budget that stays, one batch after the other draws less than what has been granted,
//! and a batch that draws no more than its budget waits for nothing. Credit is bounded above (one batch and a little, see
//! [`burst`]: idle time is not saved up, and nothing at all through a long rest) and below ([`DEBT_S`]: an overdraft is paid
//! back, but not for ever). What a machine at rest draws beyond idle power makes no debt: no batch held back could help.
//! Readings settle late by the sensor's dead time and are compared with what was expected *then*; while none come, learned
//! costs stand for them.
//!
//! Pure: every call says what time it is. A call whose time lies a little back changes nothing. One that lies back by
//! more than [`MEMORY_S`], or ahead by more than [`LEAP_S`], finds a clock that was set or a machine that slept: what is
//! remembered moves with it, and nothing is admitted before there is a new budget.

mod batch;
mod cost;
mod surprise;

pub use batch::BatchId;
pub use cost::Cost;

use super::evidence::Witness;
use super::junction::Felt;
use super::{Fall, OperatingRange};
use crate::reading::Reading;
use crate::units::{Joules, Seconds, Watts};
use batch::Batch;
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
/// What a batch draws beyond a budget that fell is to be paid back within so long: chosen, a tenth of the time over which
/// budgets are judged.
const REPAID_S: f64 = 1.0;
/// Nobody leaves the account alone for this long, beside twice the wait that was announced.
const LEAP_S: f64 = 5.0;
/// Work that has come to draw more than this times full power may draw yet more than the meter shows of it.
const DEARER: f64 = 1.1;
const METER: f64 = 1.05;
/// A clock that moved by this share more or less than time passed did not move evenly.
const EVEN_SHARE: f64 = 0.1;
/// A budget of full power has at least this much slack: calibration is not better.
const FULL_SLACK: f64 = 1.02;

/// Energy that the credit may hold beyond one batch. Zero for a machine whose power follows the budget at once.
pub fn burst(machine: &OperatingRange) -> Joules {
    let batch = machine.batch_s.0;
    let seconds = if batch > 0.0 { (BURST_SHARE * batch).max(BURST_S) } else { 0.0 };
    (machine.full_w - machine.idle_w) * Seconds(seconds)
}

/// When the next batch may start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Admission {
    /// At once.
    Now,
    /// Not before this much time has passed, if the budget stays.
    In(Seconds),
    /// Not under this budget: it leaves nothing above idle power, will fall under the batch to where that is not soon paid
    /// back, or is from before the machine slept.
    Never,
}

/// The energy account and what batches cost.
#[derive(Clone, Debug)]
pub struct Pacer {
    machine: OperatingRange,
    budget: Watts,
    /// When the budget is foreseen to fall, and to what.
    fall: Option<(Seconds, Watts)>,
    credit: Joules,
    /// Granted while a batch ran, when the account was full already.
    unused: Joules,
    /// The account stands at this time.
    at: Option<Seconds>,
    /// Nothing has run or been granted for so long.
    rested: Seconds,
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
    /// When the junction was last felt, and from when on it has felt work that draws more.
    felt: Option<Seconds>,
    dearer: Option<Seconds>,
}

impl Pacer {
    /// A pacer for a machine, with a budget of idle power.
    pub fn new(machine: OperatingRange) -> Pacer {
        Pacer {
            machine,
            budget: machine.idle_w,
            fall: None,
            credit: Joules::ZERO,
            unused: Joules::ZERO,
            at: None,
            rested: Seconds::ZERO,
            asked: Joules::ZERO,
            costs: Costs::default(),
            batches: VecDeque::new(),
            next: 0,
            witness: Witness::default(),
            expired: false,
            announced: Seconds::ZERO,
            surprise: Surprise::default(),
            felt: None,
            dearer: None,
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

    /// A new budget from `now` on, idle power included, and how it is foreseen to fall.
    pub fn set_budget(&mut self, now: Seconds, budget: Watts, fall: Option<Fall>) {
        self.advance(now);
        self.fall = fall.map(|fall| (now + fall.after, fall.to));
        (self.expired, self.announced) = (false, Seconds::ZERO);
        let budget = if budget.is_finite() { budget } else { self.machine.idle_w };
        let full = self.machine.full_w;
        self.budget = if budget >= full { budget.max(full * FULL_SLACK) } else { budget };
    }

    /// When a batch of `items` of `workload` may start.
    pub fn admission(&mut self, now: Seconds, workload: usize, items: u32) -> Admission {
        let (cost, power) = self.expected(workload, items);
        self.asked = self.asked.max(cost);
        self.advance(now);
        if self.rate() <= Watts::ZERO || self.expired || self.outlasts(now, cost, power) {
            return Admission::Never;
        }
        let running = self.batches.iter().fold(Joules::ZERO, |sum, batch| sum + batch.left(now));
        let granted = self.rate() * (cost / power.max(Watts(1e-9)));
        let missing = cost + running - granted - self.credit;
        if missing <= cost * 1e-9 {
            return Admission::Now;
        }
        let wait = missing / self.rate();
        self.announced = self.announced.max(wait);
        Admission::In(wait)
    }

    /// A batch starts. It need not have been admitted: the account then goes into debt.
    pub fn start(&mut self, now: Seconds, workload: usize, items: u32) -> BatchId {
        self.advance(now);
        let (energy, power) = self.expected(workload, items);
        let id = BatchId::numbered(self.next);
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
            let window = (self.machine.update_period_s * WINDOW_PERIODS).max(Seconds(WINDOW_S));
            let rested = self.batches.iter().all(|batch| batch.ran_between(from - window, to).0 <= 0.0);
            self.book(above_idle - foreseen, if rested { None } else { Some((ran / measured.span).min(1.0)) });
            // What ran before work came to draw more says nothing of what it draws now.
            match self.dearer.is_some_and(|since| from < since) {
                true => self.costs.skip(),
                false => self.costs.learn(above_idle, &busy, measured.span, window),
            }
        }
    }

    /// Books what was drawn beyond what was expected over a span of which batches ran for the share `ran`; none long after
    /// the last batch.
    fn book(&mut self, beyond: Joules, ran: Option<f64>) {
        let (credit, ceiling) = (self.credit - beyond, self.ceiling().max(self.credit));
        // Granted while a batch ran, and not drawn by it.
        self.unused += (credit - ceiling).max(Joules::ZERO) * ran.unwrap_or(0.0);
        let least = if ran.is_some() { -self.debt() } else { self.credit.min(Joules::ZERO) };
        self.credit = credit.min(ceiling).max(least);
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
        if let (Some((power, surprise)), &[workload]) = (found, workloads.as_slice()) {
            self.costs.feel(workload, power, surprise);
            self.dearer = if surprise { Some(from) } else { self.dearer };
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

    /// Whether a batch that starts now runs on under a lower budget and draws more there than that soon pays back.
    fn outlasts(&self, now: Seconds, cost: Joules, power: Watts) -> bool {
        self.fall.is_some_and(|(at, to)| {
            let (length, left) = (cost / power.max(Watts(1e-9)), (to - self.machine.idle_w).max(Watts::ZERO));
            let runs_on = (now + length - at).min(length).max(Seconds::ZERO);
            // No mean over this long can be held by a batch that is longer; it may never fit.
            length < Seconds(MEMORY_S) && (power - left) * runs_on > left * Seconds(REPAID_S)
        })
    }

    fn rate(&self) -> Watts {
        self.budget - self.machine.idle_w
    }

    /// The most that the account may hold.
    fn ceiling(&self) -> Joules {
        self.asked + burst(&self.machine)
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
        (self.surprise, self.felt, self.dearer) = (Surprise::default(), None, None);
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
        let ceiling = self.ceiling();
        let gained = (self.rate() - drawn.unwrap_or(Watts::ZERO)) * dt;
        let credit = self.credit + gained;
        if drawn.is_some() {
            // Credit that a lower ceiling takes away was granted before, and is not counted again.
            self.unused += (credit - ceiling).min(gained).max(Joules::ZERO);
        }
        let rests = drawn.is_none() && self.rate() <= Watts::ZERO;
        self.rested = if rests { self.rested + dt } else { Seconds::ZERO };
        let ceiling = if self.rested >= Seconds(MEMORY_S) { Joules::ZERO } else { ceiling };
        self.credit = credit.min(ceiling).max(-self.debt());
        self.at = Some(now);
        let forgotten = now - Seconds(MEMORY_S);
        while self.batches.front().is_some_and(|batch| batch.end.is_some_and(|end| end < forgotten)) {
            self.batches.pop_front();
        }
    }
}
