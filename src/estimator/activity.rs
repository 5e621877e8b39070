//! What was admitted, and what it was expected to draw: batches, or a power that follows its budget.
//!
//! Between two readings this is all that is known of the power. Powers here are above idle.

use crate::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

/// A batch that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId(u64);

/// A stretch of one power.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    id: BatchId,
    /// None for a power that follows the budget.
    workload: Option<usize>,
    items: f64,
    from: Seconds,
    /// None while it lasts.
    to: Option<Seconds>,
    /// Expected, above idle.
    power: Watts,
    /// Expected of the whole batch, above idle.
    energy: Joules,
}

impl Stretch {
    /// How long it lasted between two instants, the later of which is not in the future.
    fn within(&self, from: Seconds, to: Seconds) -> Seconds {
        (to.min(self.to.unwrap_or(to)) - from.max(self.from)).max(Seconds::ZERO)
    }
}

/// A batch that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) workload: usize,
    pub(super) items: f64,
    pub(super) took: Seconds,
    pub(super) power: Watts,
}

/// The stretches that are remembered, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity {
    stretches: VecDeque<Stretch>,
    next: u64,
    /// Stretches that still last.
    running: usize,
}

impl Activity {
    /// A batch starts that is expected to draw `power` above idle, `energy` in all.
    pub(super) fn begin(&mut self, now: Seconds, workload: usize, items: f64, power: Watts, energy: Joules) -> BatchId {
        self.add(now, Some(workload), items, power, energy)
    }

    fn add(&mut self, now: Seconds, workload: Option<usize>, items: f64, power: Watts, energy: Joules) -> BatchId {
        let id = BatchId(self.next);
        self.next += 1;
        self.running += 1;
        self.stretches.push_back(Stretch { id, workload, items, from: now, to: None, power, energy });
        id
    }

    /// A batch ends. One that is not known is ignored.
    pub(super) fn end(&mut self, now: Seconds, id: BatchId) -> Option<Ended> {
        let stretch = self.stretches.iter_mut().rev().find(|stretch| stretch.id == id && stretch.to.is_none())?;
        stretch.to = Some(now.max(stretch.from));
        self.running -= 1;
        let took = (now - stretch.from).max(Seconds(1e-9));
        stretch.workload.map(|workload| Ended { workload, items: stretch.items, took, power: stretch.power })
    }

    /// The power follows its budget: `power` above idle from now on.
    pub(super) fn hold(&mut self, now: Seconds, power: Watts) {
        if let Some(last) = self.stretches.back_mut().filter(|last| last.workload.is_none() && last.to.is_none()) {
            if last.power == power {
                return;
            }
            last.to = Some(now.max(last.from));
            self.running -= 1;
        }
        self.add(now, None, 0.0, power, Joules::ZERO);
    }

    /// Expected above idle between two instants.
    pub(super) fn drawn(&self, from: Seconds, to: Seconds) -> Joules {
        let between = |sum, stretch: &Stretch| sum + stretch.power * stretch.within(from, to);
        self.since(from).fold(Joules::ZERO, between)
    }

    /// The same if each batch drew `peak` instead, for `longest` at most: one that seems to last longer ended while nobody
    /// looked. A power that follows its budget has no other.
    pub(super) fn drawn_at_most(&self, from: Seconds, to: Seconds, peak: Watts, longest: Seconds) -> Joules {
        let most = |stretch: &Stretch| match stretch.workload {
            Some(_) => peak * stretch.within(from, to.min(stretch.from + longest)),
            None => stretch.power * stretch.within(from, to),
        };
        self.since(from).fold(Joules::ZERO, |sum, stretch| sum + most(stretch))
    }

    /// The highest power between two instants.
    pub(super) fn highest(&self, from: Seconds, to: Seconds) -> Watts {
        let within = self.since(from).filter(|stretch| stretch.from < to);
        within.fold(Watts::ZERO, |highest, stretch| highest.max(stretch.power))
    }

    /// By how much a power that follows its budget has moved between two instants.
    pub(super) fn moved(&self, from: Seconds, to: Seconds) -> Watts {
        let within = self.since(from).filter(|stretch| stretch.from < to);
        let lowest = within.fold(Watts(f64::INFINITY), |lowest, stretch| lowest.min(stretch.power));
        (self.highest(from, to) - lowest).max(Watts::ZERO)
    }

    /// The most by which it has risen from any earlier to any later instant between two.
    pub(super) fn risen(&self, from: Seconds, to: Seconds) -> Watts {
        let within = self.since(from).filter(|stretch| stretch.from < to);
        let (_, risen) = within.fold((Watts(f64::INFINITY), Watts::ZERO), |(lowest, risen), stretch| {
            (lowest.min(stretch.power), risen.max(stretch.power - lowest.min(stretch.power)))
        });
        risen
    }

    /// For how long batches of each workload ran between two instants.
    pub(super) fn busy(&self, from: Seconds, to: Seconds) -> Vec<(usize, Seconds)> {
        let mut busy: Vec<(usize, Seconds)> = Vec::new();
        for stretch in self.since(from) {
            let (Some(workload), ran) = (stretch.workload, stretch.within(from, to)) else { continue };
            match busy.iter_mut().find(|(known, _)| *known == workload) {
                Some((_, sum)) => *sum += ran,
                None if ran > Seconds::ZERO => busy.push((workload, ran)),
                None => {}
            }
        }
        busy
    }

    /// Expected of the running batches from now on, above idle.
    pub(super) fn left(&self, now: Seconds) -> Joules {
        let running = self.stretches.iter().filter(|stretch| stretch.to.is_none() && stretch.workload.is_some());
        running.fold(Joules::ZERO, |sum, stretch| {
            sum + (stretch.energy - stretch.power * (now - stretch.from)).max(Joules::ZERO)
        })
    }

    /// For how long running batches may run on, each for `longest` in all.
    pub(super) fn time_left(&self, now: Seconds, longest: Seconds) -> Seconds {
        let running = self.stretches.iter().rev().filter(|stretch| stretch.to.is_none()).take(self.running);
        let batches = running.filter(|stretch| stretch.workload.is_some());
        batches.fold(Seconds::ZERO, |sum, stretch| sum + (stretch.from + longest - now).max(Seconds::ZERO))
    }

    /// Expected power of what lasts, above idle; none where nothing does.
    pub(super) fn power(&self) -> Option<Watts> {
        let running = self.stretches.iter().rev().filter(|stretch| stretch.to.is_none()).take(self.running);
        running.fold(None, |sum, stretch| Some(sum.unwrap_or(Watts::ZERO) + stretch.power))
    }

    /// Forgets what ended before `before`.
    pub(super) fn forget(&mut self, before: Seconds) {
        while self.stretches.front().is_some_and(|stretch| stretch.to.is_some_and(|to| to < before)) {
            self.stretches.pop_front();
        }
    }

    /// Those that did not end before `from`; stretches begin in order, and few are remembered from before.
    fn since(&self, from: Seconds) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().filter(move |stretch| stretch.to.is_none_or(|to| to > from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_count_for_the_time_that_they_ran_in() {
        let mut activity = Activity::default();
        let first = activity.begin(Seconds(1.0), 0, 4.0, Watts(8.0), Joules(8.0));
        let ended = activity.end(Seconds(2.0), first).expect("it ran");
        assert_eq!((ended.took, ended.items), (Seconds(1.0), 4.0), "one second");
        activity.begin(Seconds(3.0), 1, 1.0, Watts(4.0), Joules(8.0));
        assert_eq!(activity.drawn(Seconds(1.5), Seconds(4.0)), Joules(8.0), "half a second of 8 W and one of 4 W");
        let most = activity.drawn_at_most(Seconds(1.5), Seconds(4.0), Watts(10.0), Seconds(9.0));
        assert_eq!(most, Joules(15.0), "10 W at most");
        let most = activity.drawn_at_most(Seconds(1.5), Seconds(4.0), Watts(10.0), Seconds(0.5));
        assert_eq!(most, Joules(5.0), "and for half a second at most: the first had ended by then");
        let busy = activity.busy(Seconds(0.0), Seconds(4.0));
        assert_eq!(busy, [(0, Seconds(1.0)), (1, Seconds(1.0))], "a second each");
        assert_eq!(activity.left(Seconds(4.0)), Joules(4.0), "half of the second is to come");
        assert_eq!(activity.power(), Some(Watts(4.0)), "which is what runs");
        assert_eq!(activity.end(Seconds(5.0), first), None, "a batch ends once");
    }

    #[test]
    fn a_power_that_follows_its_budget_is_known_from_change_to_change() {
        let mut activity = Activity::default();
        for (now, power) in [(0.0, 5.0), (1.0, 5.0), (2.0, 7.0), (4.0, 0.0)] {
            activity.hold(Seconds(now), Watts(power));
        }
        assert_eq!(activity.stretches.len(), 3, "the same power goes on");
        assert_eq!(activity.drawn(Seconds(1.0), Seconds(6.0)), Joules(19.0), "1 s of 5 W and 2 s of 7 W");
        assert_eq!(
            activity.drawn_at_most(Seconds(1.0), Seconds(6.0), Watts(99.0), Seconds(9.0)),
            Joules(19.0),
            "and no more"
        );
        assert_eq!(activity.moved(Seconds(0.0), Seconds(6.0)), Watts(7.0), "from 7 W to none");
        assert_eq!(activity.risen(Seconds(0.0), Seconds(6.0)), Watts(2.0), "but from 5 W to 7 W upwards");
        activity.forget(Seconds(3.0));
        assert_eq!(activity.drawn(Seconds(3.0), Seconds(6.0)), Joules(7.0), "what is forgotten lies before");
    }
}
