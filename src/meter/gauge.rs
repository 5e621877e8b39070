//! A meter with its books: what a flight holds instead of a bare meter.
//!
//! Every look is a reading for the governor and a [`Mark`] for the books, of the source itself and of its witnesses. A
//! suspend of the machine between two marks leaves their window without an energy. What looking costs is counted: CPU
//! time of the flight's thread in its looks and of the source's own thread.

use super::drawn::Drawn;
use super::suspend::SuspendWatch;
use super::totaliser::{Mark, Totaliser};
use super::{Meter, cpu_clock};
use crate::reading::{Coverage, NoData, Reading, Source, Throttling};
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};

/// A meter and the books over it.
pub struct Gauge {
    meter: Box<dyn Meter>,
    books: Totaliser,
    witnesses: Vec<(Source, Totaliser)>,
    suspend: SuspendWatch,
    sleeps: u64,
    slept: Option<Seconds>,
    looks: u64,
    looking: Seconds,
    opened_at: Option<Seconds>,
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeterLoad {
    /// Looks of the flight.
    pub looks: u64,
    /// Looks of the source's own thread, the flight's among them; the same where it has none.
    pub reads: u64,
    /// CPU time in them.
    pub cpu_s: Seconds,
    /// Since the first look.
    pub over_s: Seconds,
    /// CPU time for each second: the share of one core.
    pub core_share: f64,
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
            sleeps: 0,
            slept: None,
            looks: 0,
            looking: Seconds::ZERO,
            opened_at: None,
        }
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
        let before = cpu_clock::of_this_thread();
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
        self.opened_at.get_or_insert(now);
        if let (Some(before), Some(after)) = (before, cpu_clock::of_this_thread()) {
            self.looking += after - before;
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

    /// What looking has cost until `now`; none where the system does not tell the CPU time of a thread.
    pub fn cost(&self, now: Seconds) -> Option<MeterLoad> {
        cpu_clock::of_this_thread()?;
        let over_s = now - self.opened_at?;
        let cpu_s = self.looking + self.meter.cpu_time().unwrap_or(Seconds::ZERO);
        let reads = self.meter.coverage().looks.max(self.looks);
        (over_s > Seconds::ZERO).then(|| MeterLoad {
            looks: self.looks,
            reads,
            cpu_s,
            over_s,
            core_share: cpu_s / over_s,
        })
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
