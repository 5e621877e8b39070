//! What looking at a meter costs: the time of the flight's thread in its looks, and CPU time of all threads that look.

use super::cpu_clock;
use crate::units::Seconds;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What looking costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeterCost {
    /// Looks of the flight.
    pub looks: u64,
    /// Looks of the sources' own threads, the flight's among them; the same where there are none.
    pub reads: u64,
    /// Time that the flight's thread spent in its looks.
    #[serde(default)]
    pub waited_s: Seconds,
    /// CPU time of the sources' own threads, and of programs that are sources.
    #[serde(default)]
    pub threads_s: Seconds,
    /// CPU time of all looks; none where the system does not tell that of a thread.
    pub cpu_s: Option<Seconds>,
    /// Since the first look.
    pub over_s: Seconds,
    /// CPU time for each second: the share of one core.
    pub core_share: Option<f64>,
    /// The most that looking can have taken from the work, for each second: the time in the flight's looks, in which nothing
    /// new is admitted and whoever is asked answers, and the CPU time of the sources' threads in looks of their own, which a
    /// workload on all cores must give up.
    #[serde(default)]
    pub work_share: f64,
}

impl MeterCost {
    /// The meter should take no more than this of a core, nor of the work.
    pub const SHARE_MAX: f64 = 0.005;

    /// From `before` to here.
    pub fn since(&self, before: &MeterCost) -> MeterCost {
        let looks = (self.looks.saturating_sub(before.looks), self.reads.saturating_sub(before.reads));
        self.join(before, looks, |now, then| now - then)
    }

    /// Both together.
    pub fn plus(&self, other: &MeterCost) -> MeterCost {
        let looks = (self.looks + other.looks, self.reads + other.reads);
        self.join(other, looks, |one, two| one + two)
    }

    fn join(&self, other: &MeterCost, (looks, reads): (u64, u64), by: fn(Seconds, Seconds) -> Seconds) -> MeterCost {
        let cost = MeterCost {
            looks,
            reads,
            waited_s: by(self.waited_s, other.waited_s),
            threads_s: by(self.threads_s, other.threads_s),
            cpu_s: self.cpu_s.zip(other.cpu_s).map(|(one, two)| by(one, two)),
            over_s: by(self.over_s, other.over_s),
            ..MeterCost::default()
        };
        cost.shared()
    }

    /// With its shares.
    pub(super) fn shared(self) -> MeterCost {
        let share = |time: Seconds| if self.over_s > Seconds::ZERO { time / self.over_s } else { 0.0 };
        let unasked = self.reads.saturating_sub(self.looks) as f64 / self.reads.max(1) as f64;
        // Who is asked and does not make the flight wait takes his time all the same, as a program does.
        let asked = self.threads_s * (1.0 - unasked);
        let taken = self.waited_s.max(asked) + self.threads_s * unasked;
        MeterCost { core_share: self.cpu_s.map(share), work_share: share(taken), ..self }
    }
}

/// Time in the looks of this thread, by the machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LookTime {
    pub(super) waited: Seconds,
    /// None where the system does not tell.
    pub(super) cpu: Option<Seconds>,
}

impl LookTime {
    /// Does `work` and adds what it took.
    pub(super) fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (began, before) = (Instant::now(), cpu_clock::of_this_thread());
        let done = work();
        let cpu = cpu_clock::of_this_thread().zip(before).map(|(after, before)| after - before);
        self.cpu = cpu.map(|cpu| self.cpu.unwrap_or(Seconds::ZERO) + cpu);
        self.waited += Seconds(began.elapsed().as_secs_f64());
        done
    }
}
