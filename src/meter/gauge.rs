//! A meter with its books: what a flight holds instead of a bare meter.
//!
//! Every look is a reading for the governor and a [`Mark`] for the books, of the source itself and of its witnesses. A
//! suspend of the machine between two marks leaves their window without an energy. What looking costs is counted: time
//! and CPU time of the flight's thread in its looks, and CPU time of the sources' own threads.

use super::drawn::Drawn;
use super::suspend::SuspendWatch;
use super::totaliser::{Mark, Totaliser};
use super::{Meter, cpu_clock};
use crate::reading::{Coverage, NoData, Reading, Source, Throttling};
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// A meter and the books over it.
pub struct Gauge {
    meter: Box<dyn Meter>,
    books: Totaliser,
    witnesses: Vec<(Source, Totaliser)>,
    suspend: SuspendWatch,
    /// Looks take time; those at a simulated meter do not.
    is_timed: bool,
    sleeps: u64,
    slept: Option<Seconds>,
    looks: u64,
    looking: Seconds,
    waited: Seconds,
    opened_at: Option<Seconds>,
    /// Before the first look: the source was tried before it was chosen.
    reads_before: u64,
    threads_before: Seconds,
}

/// One look: for the governor, and for the books.
#[derive(Clone, Debug)]
pub struct Look {
    /// What the source said.
    pub reading: Reading,
    /// Up to where the energy is known.
    mark: Mark,
    witnesses: Vec<Mark>,
    throttling: Option<Throttling>,
    sleeps: u64,
}

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
    /// CPU time of the sources' own threads.
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
    fn shared(self) -> MeterCost {
        let share = |time: Seconds| if self.over_s > Seconds::ZERO { time / self.over_s } else { 0.0 };
        let unasked = self.reads.saturating_sub(self.looks) as f64 / self.reads.max(1) as f64;
        let taken = self.waited_s + self.threads_s * unasked;
        MeterCost { core_share: self.cpu_s.map(share), work_share: share(taken), ..self }
    }
}

impl Gauge {
    /// Books over `meter`, nothing in them yet.
    pub fn new(meter: Box<dyn Meter>) -> Gauge {
        Gauge::with_watch(meter, SuspendWatch::default())
    }

    /// The same with another watch for suspends.
    pub fn with_watch(meter: Box<dyn Meter>, suspend: SuspendWatch) -> Gauge {
        let witnesses = meter.witness_sources();
        Gauge {
            books: Totaliser::new(meter.source()),
            witnesses: witnesses.into_iter().map(|source| (source.clone(), Totaliser::new(&source))).collect(),
            meter,
            suspend,
            is_timed: true,
            sleeps: 0,
            slept: None,
            looks: 0,
            looking: Seconds::ZERO,
            waited: Seconds::ZERO,
            opened_at: None,
            reads_before: 0,
            threads_before: Seconds::ZERO,
        }
    }

    /// The same over a simulated meter: no clock of this computer is asked, and looks cost nothing.
    pub fn simulated(meter: Box<dyn Meter>, suspend: SuspendWatch) -> Gauge {
        Gauge { is_timed: false, ..Gauge::with_watch(meter, suspend) }
    }

    /// The source.
    pub fn source(&self) -> &Source {
        self.meter.source()
    }

    /// How well it has been watched.
    pub fn coverage(&self) -> Coverage {
        self.meter.coverage()
    }

    /// The sources beside it.
    pub fn witness_sources(&self) -> impl Iterator<Item = &Source> {
        self.witnesses.iter().map(|(source, _)| source)
    }

    /// Looks now, on a monotonic clock that is the same at every call.
    pub fn look(&mut self, now: Seconds) -> Look {
        if self.opened_at.is_none() {
            self.opened_at = Some(now);
            (self.reads_before, self.threads_before) = (self.meter.coverage().looks, self.threads());
        }
        let began = self.is_timed.then(|| (Instant::now(), cpu_clock::of_this_thread()));
        let reading = self.meter.read(now);
        if let Some(slept) = self.suspend.slept() {
            self.sleeps += 1;
            self.slept = Some(self.slept.map_or(slept, |sum| sum + slept));
        }
        let mark = self.books.mark(now, &reading, self.meter.coverage());
        let looks = self.meter.witnesses();
        let marks = self.witnesses.iter_mut().zip(&looks).map(|((_, books), look)| books.mark(now, &look.0, look.1));
        let witnesses = marks.collect();
        self.looks += 1;
        if let Some((began, before)) = began {
            if let (Some(before), Some(after)) = (before, cpu_clock::of_this_thread()) {
                self.looking += after - before;
            }
            self.waited += Seconds(began.elapsed().as_secs_f64());
        }
        Look { reading, mark, witnesses, throttling: self.meter.throttling(), sleeps: self.sleeps }
    }

    /// What was drawn between two looks.
    pub fn between(&self, first: &Look, last: &Look) -> Drawn {
        let window = last.mark.at - first.mark.at;
        if first.sleeps != last.sleeps {
            return Drawn::absent(NoData::Suspended, window);
        }
        let throttled = first.throttling.zip(last.throttling).map(|(before, after)| after.since(&before));
        Drawn { throttled, ..self.books.between(&first.mark, &last.mark) }
    }

    /// The same by each witness, in their order.
    pub fn between_by_witnesses(&self, first: &Look, last: &Look) -> Vec<Drawn> {
        let marks = first.witnesses.iter().zip(&last.witnesses);
        let drawn = |((_, books), (before, after)): (&(Source, Totaliser), (&Mark, &Mark))| {
            let is_whole = first.sleeps == last.sleeps;
            if is_whole { books.between(before, after) } else { Drawn::absent(NoData::Suspended, after.at - before.at) }
        };
        self.witnesses.iter().zip(marks).map(drawn).collect()
    }

    /// The boundary draws `idle` at least.
    pub fn set_idle(&mut self, idle: Watts) {
        self.books.set_idle(idle);
    }

    /// For how long the machine slept since the last call, where it did.
    pub fn take_suspend(&mut self) -> Option<Seconds> {
        self.slept.take()
    }

    /// CPU time of the sources' threads so far.
    fn threads(&self) -> Seconds {
        self.meter.cpu_time().unwrap_or(Seconds::ZERO)
    }

    /// What looking has cost until `now`; nothing before the first look.
    pub fn cost(&self, now: Seconds) -> MeterCost {
        let threads_s = (self.threads() - self.threads_before).max(Seconds::ZERO);
        let cost = MeterCost {
            looks: self.looks,
            reads: self.meter.coverage().looks.saturating_sub(self.reads_before).max(self.looks),
            waited_s: self.waited,
            threads_s,
            cpu_s: cpu_clock::of_this_thread().filter(|_| self.is_timed).map(|_| self.looking + threads_s),
            over_s: self.opened_at.map_or(Seconds::ZERO, |opened_at| now - opened_at),
            ..MeterCost::default()
        };
        cost.shared()
    }
}

/// A window under way: the look that opened it, and the latest.
#[derive(Clone, Debug)]
pub struct Window {
    first: Look,
    last: Look,
    oldest: Seconds,
}

impl Window {
    /// Opens with a first look.
    pub fn open(gauge: &mut Gauge, now: Seconds) -> Window {
        let first = gauge.look(now);
        Window { last: first.clone(), oldest: first.mark.age_s, first }
    }

    /// Looks again.
    pub fn look(&mut self, gauge: &mut Gauge, now: Seconds) {
        self.last = gauge.look(now);
        self.oldest = self.oldest.max(self.last.mark.age_s);
    }

    /// What was drawn between the first look and the last.
    pub fn drawn(&self, gauge: &Gauge) -> Drawn {
        Drawn { oldest_s: self.oldest, ..gauge.between(&self.first, &self.last) }
    }

    /// The same by each witness.
    pub fn drawn_by_witnesses(&self, gauge: &Gauge) -> Vec<Drawn> {
        gauge.between_by_witnesses(&self.first, &self.last)
    }
}
