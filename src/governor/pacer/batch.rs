//! A batch in the pacer's account: when it ran, and what it was expected to draw.

use crate::units::{Joules, Seconds, Watts};

/// A batch that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchId(u64);

impl BatchId {
    /// Numbers are given once.
    pub(super) fn numbered(number: u64) -> BatchId {
        BatchId(number)
    }
}

/// A batch, running or done, as it was expected to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) id: BatchId,
    pub(super) workload: usize,
    pub(super) items: f64,
    pub(super) start: Seconds,
    /// None while it runs.
    pub(super) end: Option<Seconds>,
    /// The clock leapt since it began: nobody knows how long it ran, or how long ago.
    pub(super) leapt: bool,
    /// What it was expected to cost and to draw while it runs, above idle.
    pub(super) energy: Joules,
    pub(super) power: Watts,
}

impl Batch {
    /// How long it ran between two instants, the later of which is not in the future.
    pub(super) fn ran_between(&self, from: Seconds, to: Seconds) -> Seconds {
        (to.min(self.end.unwrap_or(to)) - from.max(self.start)).max(Seconds::ZERO)
    }

    /// What it is yet expected to draw; nothing once it has ended.
    pub(super) fn left(&self, now: Seconds) -> Joules {
        if self.end.is_some() {
            return Joules::ZERO;
        }
        (self.energy - self.power * (now - self.start)).max(Joules::ZERO)
    }
}
