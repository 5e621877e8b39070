//! The machine under the pacer: batches of full power or nothing, each of its own length.
//!
//! ```text
//! power = idle + cost (full - idle)  while a batch runs, idle otherwise         cost: what an item costs over calibration
//! ```
//!
//! A batch that was started runs to its end. Lengths are drawn evenly between half the longest and the longest.

use super::chance::chance;
use super::fault::Fault;
use crate::governor::pacer::{Admission, BatchId, Cost, Pacer};
use crate::governor::{Decision, Felt, OperatingRange};
use crate::reading::Reading;
use crate::units::{Seconds, Watts};

/// How the machine behaves, and what befalls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plant {
    /// The longest batch, machine seconds. Zero: no batches; power follows the budget at once and exactly by the
    /// sensor, as under an ideal pacer that no change of cost surprises.
    pub batch: Seconds,
    /// Ticks and sensor updates come late by up to this share of their period; 0 to 0.99.
    pub jitter: f64,
    /// What the governor knows the spacecraft by.
    pub known_by: KnownBy,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Of every random choice.
    pub seed: u64,
}

/// What drives the spacecraft that the governor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// What is truly drawn: the spacecraft's own sensors.
    Truth,
    /// What the power sensor shows, late: a spacecraft that is itself simulated beside a real machine. Faults of the
    /// sensor are left out. The true one then moves at the same pace: on and off within one step would charge and
    /// discharge its battery at a loss that no reading shows.
    Readings,
}

impl Plant {
    /// An ideal pacer, even ticks, and nothing goes wrong.
    pub const IDEAL: Plant =
        Plant { batch: Seconds::ZERO, jitter: 0.0, known_by: KnownBy::Truth, faults: Vec::new(), seed: 1 };
}

impl Default for Plant {
    fn default() -> Plant {
        Plant::IDEAL
    }
}

/// A batch is expected to be this share of the longest: the mean of their lengths.
const MEAN_SHARE: f64 = 0.75;
const SHORTEST_SHARE: f64 = 0.5;
/// A wait ends after this much at the least, so that time moves on.
const SHORTEST_WAIT: Seconds = Seconds(1e-6);
/// What ends within this time has ended.
const SLACK: Seconds = Seconds(1e-9);

/// The pacer with the batch that it has let through. Times are machine seconds; `clock` is what the machine's own
/// clock shows.
#[derive(Clone, Debug)]
pub(super) struct Batches {
    pacer: Pacer,
    longest: Seconds,
    seed: u64,
    started: u64,
    running: Option<(BatchId, Seconds)>,
    /// When to ask for the next batch.
    ask: Seconds,
}

impl Batches {
    pub(super) fn new(range: OperatingRange, seed: u64) -> Batches {
        let mut pacer = Pacer::new(range);
        let item_s = range.batch_s * MEAN_SHARE;
        pacer.expect(0, Cost { item_j: (range.full_w - range.idle_w) * item_s, item_s });
        let ask = Seconds(f64::INFINITY);
        Batches { pacer, longest: range.batch_s, seed, started: 0, running: None, ask }
    }

    /// The most that the machine is known to draw.
    pub(super) fn peak(&self) -> Watts {
        self.pacer.peak()
    }

    pub(super) fn settle(&mut self, clock: Seconds, reading: &Reading) {
        self.pacer.settle(clock, reading);
    }

    /// Takes in what the junction felt until `clock`.
    pub(super) fn feel(&mut self, clock: Seconds, felt: &Felt) {
        self.pacer.feel(clock, felt);
    }

    pub(super) fn follow(&mut self, now: Seconds, clock: Seconds, decision: &Decision) {
        self.pacer.set_budget(clock, decision.budget + decision.spare, decision.fall);
        self.ask = now;
    }

    /// Ends what has ended and starts what may start, if there is `work`.
    pub(super) fn turn(&mut self, now: Seconds, clock: Seconds, work: bool) {
        if let Some((id, _)) = self.running.filter(|(_, end)| now >= *end - SLACK) {
            self.pacer.finish(clock, id);
            self.running = None;
            self.ask = now;
        }
        if self.running.is_some() || now < self.ask - SLACK {
            return;
        }
        // Without work it is asked again at the next tick.
        let admission = if work { self.pacer.admission(clock, 0, 1) } else { Admission::Never };
        self.ask = match admission {
            Admission::Now => {
                let share = SHORTEST_SHARE + (1.0 - SHORTEST_SHARE) * chance(!self.seed, self.started);
                self.started += 1;
                self.running = Some((self.pacer.start(clock, 0, 1), now + self.longest * share));
                Seconds(f64::INFINITY)
            }
            Admission::In(wait) => now + wait.max(SHORTEST_WAIT),
            Admission::Never => Seconds(f64::INFINITY),
        };
    }

    /// When it must be turned next.
    pub(super) fn next(&self) -> Seconds {
        self.running.map_or(self.ask, |(_, end)| end)
    }

    /// A batch runs.
    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Nothing has run for `time`.
    pub(super) fn sleep(&mut self, time: Seconds) {
        if let Some((_, end)) = &mut self.running {
            *end += time;
        }
    }
}
