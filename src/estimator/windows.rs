//! Energy windows: what readings make of the time behind them.
//!
//! ```text
//!   account ──> gap: assumed ─┐
//!           ──> counted ──────┴──> confirmed spacecraft, expected and worst state anew
//!                   └──> costs of batches, what a held power shows, assumptions that do not hold
//! ```
//!
//! Windows touch: each begins where the last one ended.

use super::account::Posted;
use super::costs::CALIBRATED_SHARE;
use super::{Assumption, Confirmed, Estimator, ROUNDING, STEPS};
use crate::reading::{Basis, EnergyWindow, Reading, Refusal};
use crate::units::{Joules, Seconds, Watts};

impl Estimator {
    /// Takes a look at the meter. What was counted or has to be assumed moves the confirmed spacecraft, and comes back in order.
    pub fn read(&mut self, now: Seconds, reading: &Reading) -> [Option<Confirmed>; 2] {
        let most = self.machine().full_w;
        let before = self.account.refusal();
        let windows = match self.account.post(now, reading, most) {
            Err(_) => [None, None],
            Ok(Posted::Unknown { to, cause }) => [self.assume(to, cause), None],
            Ok(Posted::Counted { energy, from, to }) => {
                let gap = if from > self.booked { self.assume(from, before) } else { None };
                let share = if from < to { (to - self.booked) / (to - from) } else { 0.0 };
                [gap, self.count(to, energy * share.min(1.0))]
            }
            Ok(Posted::Shown { power, from, to }) => {
                let gap = if from > self.booked { self.assume(from, before) } else { None };
                let counted = self.count(to, power * (to - self.booked).max(Seconds::ZERO));
                [gap, counted]
            }
        };
        self.fresh |= matches!(windows, [_, Some(_)]);
        windows
    }

    /// Ends the flight: what was not counted until `end` is assumed.
    pub fn close(&mut self, end: Seconds) -> Option<Confirmed> {
        let refusal = self.account.refusal();
        // The last readings had no time to come; a source that has not renewed its value for longer was silent before.
        let seen_at = self.account.seen_at().unwrap_or(Seconds::ZERO);
        let is_short = end - seen_at <= self.shown_after();
        let cause = if refusal == Refusal::Old && is_short { Refusal::Ended } else { refusal };
        self.assume(end, cause)
    }

    fn count(&mut self, to: Seconds, energy: Joules) -> Option<Confirmed> {
        let high_j = self.high.map(|high| energy * high);
        self.confirm(to, energy, (high_j, Basis::Counted))
    }

    fn assume(&mut self, to: Seconds, cause: Refusal) -> Option<Confirmed> {
        let (from, span) = (self.booked, to - self.booked);
        let peak = self.machine().full_w - self.range.idle_w;
        let energy = self.range.idle_w * span + self.activity.drawn_at_most(from, to, peak, self.longest_batch());
        self.confirm(to, energy, (None, Basis::Assumed { cause }))
    }

    /// Closes the window that ends at `to`: costs are learned from it and the confirmed spacecraft moves.
    fn confirm(
        &mut self,
        to: Seconds,
        energy_j: Joules,
        (high_j, basis): (Option<Joules>, Basis),
    ) -> Option<Confirmed> {
        let (from, to, whole) = (self.booked, to.min(self.end), to - self.booked);
        let span = to - from;
        if span.0 <= 0.0 {
            return None;
        }
        // Of a window that reaches beyond the end, the part before it.
        let share = span / whole;
        let (energy_j, high_j) = (energy_j * share, high_j.map(|high| high * share));
        let window = EnergyWindow { from_s: from, to_s: to, energy_j, high_j, basis };
        let is_switching = self.range.is_switching();
        let busy = if is_switching { self.activity.busy(from, to) } else { Vec::new() };
        let ran = busy.iter().fold(Seconds::ZERO, |sum, (_, ran)| sum + *ran);
        let before = from - self.period() * STEPS;
        let confirmed = Confirmed {
            window,
            above_idle_j: energy_j - self.range.idle_w * span,
            expected_j: self.activity.drawn(from, to),
            busy_share: (ran / span).min(1.0),
            is_rest: ran <= Seconds::ZERO && (!is_switching || self.activity.busy(before, from).is_empty()),
        };
        if !is_switching && confirmed.is_counted() {
            self.compare(&confirmed);
        }
        let breaches = *self.confirmed.breaches();
        self.book(&window);
        if *self.confirmed.breaches() != breaches {
            self.breached = to;
        }
        if is_switching && confirmed.is_counted() {
            self.learn(&confirmed, &busy);
        }
        Some(confirmed)
    }

    /// Costs, and what is assumed of them.
    fn learn(&mut self, confirmed: &Confirmed, busy: &[(usize, Seconds)]) {
        let Confirmed { window, above_idle_j, expected_j, .. } = *confirmed;
        let from = window.from_s;
        // Beside a breach, more than the meter's steps over what was allowed is no matter of windows' edges.
        let is_breached = from - self.breached < self.period() * STEPS;
        let edge = if is_breached { self.assumed_steps() * window.span() } else { self.costs.largest_edge() };
        let item_cost = self.assumptions.item_cost;
        // At rest there is no item that could cost more.
        if expected_j > Joules::ZERO
            && let Some((dearer, since)) = self.dear.add(from, (above_idle_j, expected_j * item_cost), edge)
        {
            self.watch.see(Assumption::ItemCost, item_cost * dearer, since);
        }
        let doubt = if is_breached { Watts::ZERO } else { (self.range.full_w - self.range.idle_w) * CALIBRATED_SHARE };
        let full = (self.machine().full_w * (1.0 + ROUNDING) + doubt) * window.span();
        if let Some((higher, since)) = self.high_power.add(from, (window.energy_j, full), edge) {
            self.watch.see(Assumption::PeakPower, higher, since);
        }
        if confirmed.is_rest {
            // Beside batches nobody knows what rest draws, so it may have begun in the time since the last of them.
            let since = (from - self.period() * STEPS).max(self.rested);
            self.peak(window, (self.range.idle_w, self.assumed_steps()), since);
            self.rested = from;
        }
        if let Some((dearer, since)) = self.costs.learn(above_idle_j, busy, (from, window.span())) {
            self.watch.see(Assumption::ItemCost, dearer, since);
        }
    }

    /// What the meter showed of a power that was held, or all but held. It may show the same again.
    fn compare(&mut self, confirmed: &Confirmed) {
        let Confirmed { window, above_idle_j, expected_j, .. } = *confirmed;
        let (held, before) = (expected_j / window.span(), window.from_s - self.period());
        let held_before = self.activity.drawn(before, window.from_s) / self.period();
        let least = self.assumed_steps();
        if (held - held_before).0.abs() <= least.0 {
            // More than this is no matter of resolution, and told below.
            self.above_held = self.above_held.max((above_idle_j / window.span() - held).min(least));
        }
        let since = before - self.period();
        let allowed = self.activity.highest(since, window.to_s);
        self.peak(window, (self.range.idle_w + allowed, self.steps() + self.range.full_w * ROUNDING), since);
    }

    /// What the meter showed against the most that was `allowed` from `since` on; what lies within `hidden` is none.
    fn peak(&mut self, window: EnergyWindow, (allowed, hidden): (Watts, Watts), since: Seconds) {
        let beyond = (window.power() - allowed - hidden) / self.range.full_w;
        self.watch.see(Assumption::PeakPower, 1.0 + beyond.max(0.0), since);
    }

    /// Moves the confirmed spacecraft.
    fn book(&mut self, window: &EnergyWindow) {
        let bits = std::mem::take(&mut self.bits);
        self.confirmed.step(window.span(), window.power(), bits);
        self.booked = window.to_s;
        self.last = Some(*window);
        self.activity.forget(self.booked - (self.period() * STEPS).max(self.window()));
        let until = std::mem::replace(&mut self.at, self.booked);
        if !self.has_own_sensors {
            self.expected = *self.confirmed.state();
            self.worst = self.expected;
            self.fly(until);
        } else {
            self.at = until;
        }
    }
}
