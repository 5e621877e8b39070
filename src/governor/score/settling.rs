//! Settling after steps, and spells of distrust: lengths of time between two events.

use crate::stats;
use crate::units::Seconds;

/// Settling times of the steps of a budget.
#[derive(Clone, Debug, Default)]
pub(super) struct Settling {
    pub(super) steps: u64,
    /// When the last step was, and since when the power has been on target.
    open: Option<(Seconds, Option<Seconds>)>,
    times: Vec<f64>,
    unsettled: u64,
}

/// Settling times of all steps.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    times: Vec<f64>,
    pub(super) unsettled: u64,
}

impl Settling {
    /// The budget steps at `now`.
    pub(super) fn step(&mut self, now: Seconds) {
        self.close();
        self.steps += 1;
        self.open = Some((now, None));
    }

    /// From `from` on the power was or was not on target.
    pub(super) fn piece(&mut self, from: Seconds, on_target: bool) {
        if let Some((step, since)) = &mut self.open {
            *since = on_target.then(|| since.unwrap_or(from.max(*step)));
        }
    }

    fn close(&mut self) {
        match self.open.take() {
            Some((step, Some(since))) => self.times.push((since - step).0),
            Some((_, None)) => self.unsettled += 1,
            None => {}
        }
    }

    /// All of them, the last one as it stands.
    pub(super) fn closed(&self) -> Settled {
        let mut all = self.clone();
        all.close();
        Settled { times: all.times, unsettled: all.unsettled }
    }
}

impl Settled {
    pub(super) fn median(&self) -> Option<Seconds> {
        median(&self.times)
    }

    pub(super) fn worst(&self) -> Option<Seconds> {
        worst(&self.times)
    }
}

/// Spells of ticks whose reading was not believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Spells {
    since: Option<Seconds>,
    /// Of those that ended.
    pub(super) lengths: Vec<f64>,
}

impl Spells {
    pub(super) fn tick(&mut self, now: Seconds, trusted: bool) {
        if !trusted {
            self.since.get_or_insert(now);
        } else if let Some(since) = self.since.take() {
            self.lengths.push((now - since).0);
        }
    }
}

pub(super) fn median(lengths: &[f64]) -> Option<Seconds> {
    stats::median(lengths).map(Seconds)
}

pub(super) fn worst(lengths: &[f64]) -> Option<Seconds> {
    lengths.iter().copied().reduce(f64::max).map(Seconds)
}
