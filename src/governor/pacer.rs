//! The pacer: turns a budget in watts into batches that may start.
//!
//! It keeps an energy account above idle power:
//!
//! ```text
//! credit += (budget - idle) dt - what the running batches are expected to draw
//! credit -= counted - expected          for every stretch of time that a reading has come to cover
//! ```
//!
//! A batch starts once the credit, with what will be granted until the batch ends, covers what the batch is expected to
//! cost: under a budget that stays, one batch after the other draws less than what has been granted, and a batch that
//! draws no more than its budget waits for nothing. Credit is bounded above (one batch and a little, see [`burst`]: idle
//! time is not saved up, and nothing at all through a long rest) and below ([`DEBT_S`]: an overdraft is paid back, but not
//! for ever). What a machine at rest draws beyond idle power makes no debt: no batch held back could help. While no
//! reading comes, learned costs stand for it.
//!
//! Beside the account stands what the constraints leave ([`Decision::on_time_max`]): batches that have started since the
//! decision, each as long as is assumed at most, and what is left of those that ran then, stay within it.
//!
//! Pure: every call says what time it is. A call whose time lies back changes nothing.

use super::{Decision, OperatingRange};
use crate::estimator::{Confirmed, Estimator};
use crate::units::{Joules, Seconds, Watts};

/// The deepest debt, in seconds of full power: chosen, what a reading that is two seconds late may hold.
pub const DEBT_S: f64 = 2.0;
/// Credit above one batch: share of the longest batch, and at least this long, so that a batch which is late by a
/// poll of the caller costs nothing.
const BURST_SHARE: f64 = 0.1;
const BURST_S: f64 = 0.01;
/// After so long a rest nothing is saved up: the time over which budgets are judged.
const REST: Seconds = Seconds(10.0);
/// What a batch draws beyond a budget that fell is to be paid back within so long: chosen, a tenth of the time over which
/// budgets are judged.
const REPAID: Seconds = Seconds(1.0);

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
    /// Not under this decision: its budget leaves nothing above idle power, or will fall under the batch to where that is not
    /// soon paid back, or a constraint leaves less than a batch.
    Never,
}

/// The energy account.
#[derive(Clone, Debug)]
pub struct Pacer {
    machine: OperatingRange,
    budget: Watts,
    /// Nothing binds: batches run back to back.
    is_free: bool,
    /// When the budget is foreseen to fall, and to what.
    preview: Option<(Seconds, Watts)>,
    /// For how long the constraints let batches run from now on.
    room: Option<Seconds>,
    credit: Joules,
    /// Granted while a batch ran, when the account was full already.
    unused: Joules,
    /// The account stands at this time.
    at: Option<Seconds>,
    /// Nothing has run or been granted for so long.
    rested: Seconds,
    /// What the largest batch asked for of late costs.
    asked: Joules,
}

impl Pacer {
    /// A pacer for a machine, with a budget of idle power.
    pub fn new(machine: OperatingRange) -> Pacer {
        Pacer {
            machine,
            budget: machine.idle_w,
            is_free: false,
            preview: None,
            room: None,
            credit: Joules::ZERO,
            unused: Joules::ZERO,
            at: None,
            rested: Seconds::ZERO,
            asked: Joules::ZERO,
        }
    }

    /// The account: energy above idle that may be drawn now.
    pub fn credit(&self) -> Joules {
        self.credit
    }

    /// What was granted so far while a batch ran and could not be drawn by it. What is lost while nothing runs is not in
    /// it: that is the pacer's own doing.
    pub fn unused(&self) -> Joules {
        self.unused
    }

    /// Takes in a decision that holds from `now` on.
    pub fn follow(&mut self, now: Seconds, decision: &Decision, estimator: &Estimator) {
        self.advance(now, estimator);
        self.preview = decision.preview.map(|preview| (now + preview.after, preview.to));
        self.room = decision.on_time_max.map(|most| most - estimator.time_left(now));
        self.budget = if decision.budget.is_finite() { decision.budget } else { self.machine.idle_w };
        self.is_free = decision.limited_by.is_none();
    }

    /// When a batch of `items` of `workload` may start.
    pub fn admission(&mut self, now: Seconds, estimator: &Estimator, workload: usize, items: f64) -> Admission {
        let (cost, power) = estimator.expected_of(workload, items);
        self.asked = self.asked.max(cost);
        self.advance(now, estimator);
        if self.room.is_some_and(|room| room < estimator.longest_batch()) || self.outlasts(now, cost, power) {
            return Admission::Never;
        }
        if self.is_free {
            return Admission::Now;
        }
        if self.rate() <= Watts::ZERO {
            return Admission::Never;
        }
        let granted = self.rate() * (cost / power.max(Watts(1e-9)));
        let missing = cost + estimator.left(now) - granted - self.credit;
        if missing <= cost * 1e-9 { Admission::Now } else { Admission::In(missing / self.rate()) }
    }

    /// A batch starts. It need not have been admitted: the account then goes into debt.
    pub fn started(&mut self, now: Seconds, estimator: &Estimator, workload: usize, items: f64) {
        self.advance(now, estimator);
        self.asked = estimator.expected_of(workload, items).0;
        self.room = self.room.map(|room| room - estimator.longest_batch());
    }

    /// A batch has ended that took so long.
    pub fn ended(&mut self, took: Seconds, estimator: &Estimator) {
        self.room = self.room.map(|room| room + (estimator.longest_batch() - took).max(Seconds::ZERO));
    }

    /// Takes in what was confirmed: what was drawn against what was expected then.
    pub fn settle(&mut self, now: Seconds, confirmed: &Confirmed, estimator: &Estimator) {
        self.advance(now, estimator);
        if !confirmed.is_counted() {
            return;
        }
        let beyond = confirmed.above_idle_j - confirmed.expected_j;
        let (credit, ceiling) = (self.credit - beyond, self.ceiling().max(self.credit));
        // Granted while a batch ran, and not drawn by it.
        self.unused += (credit - ceiling).max(Joules::ZERO) * confirmed.busy_share;
        let least = if confirmed.is_rest { self.credit.min(Joules::ZERO) } else { -self.debt() };
        self.credit = credit.min(ceiling).max(least);
    }

    /// Whether a batch that starts now runs on under a lower budget and draws more there than that soon pays back.
    fn outlasts(&self, now: Seconds, cost: Joules, power: Watts) -> bool {
        self.preview.is_some_and(|(at, to)| {
            let (length, left) = (cost / power.max(Watts(1e-9)), (to - self.machine.idle_w).max(Watts::ZERO));
            let runs_on = (now + length - at).min(length).max(Seconds::ZERO);
            // No mean over this long can be held by a batch that is longer; it may never fit.
            length < REST && (power - left) * runs_on > left * REPAID
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

    /// Brings the account to `now`: before anything starts or ends.
    pub fn advance(&mut self, now: Seconds, estimator: &Estimator) {
        let at = *self.at.get_or_insert(now);
        let dt = now - at;
        if !(dt.0 > 0.0 && now.is_finite()) {
            return;
        }
        let drawn = estimator.running();
        let ceiling = self.ceiling();
        let gained = (self.rate() - drawn.unwrap_or(Watts::ZERO)) * dt;
        let credit = self.credit + gained;
        if drawn.is_some() {
            // Credit that a lower ceiling takes away was granted before, and is not counted again.
            self.unused += (credit - ceiling).min(gained).max(Joules::ZERO);
        }
        let rests = drawn.is_none() && self.rate() <= Watts::ZERO;
        self.rested = if rests { self.rested + dt } else { Seconds::ZERO };
        let ceiling = if self.rested >= REST { Joules::ZERO } else { ceiling };
        self.credit = credit.min(ceiling).max(-self.debt());
        self.at = Some(now);
    }
}
