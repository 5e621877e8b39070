//! A meter with what a flight keeps of it: readings for the governor, energies for the journal.
//!
//! Every look is a [`Reading`] and a [`Mark`], of the source itself and of those beside it. A suspend of the machine
//! between two looks leaves their window without an energy. Time is an argument; the machine's own clocks are asked for
//! two things only, which a flight on a virtual clock has otherwise: whether the machine slept, and what looking costs.

use super::Meter;
use super::cost::{LookTime, MeterCost};
use super::drawn::Drawn;
use super::energy_meter::{EnergyMeter, Mark};
use super::suspend::SuspendWatch;
use crate::reading::{Coverage, NoData, Reading, Source, Throttling};
use crate::units::{Seconds, Watts};

/// A meter and the energies that it has shown.
pub struct Gauge {
    meter: Box<dyn Meter>,
    energy: EnergyMeter,
    beside: Vec<(Source, EnergyMeter)>,
    suspend: SuspendWatch,
    /// None where looks are not timed.
    looking: Option<LookTime>,
    sleeps: u64,
    slept: Option<Seconds>,
    looks: u64,
    opened_at: Option<Seconds>,
    /// Before the first look: the source was tried before it was chosen.
    reads_before: u64,
    threads_before: Seconds,
}

/// One look: for the governor, and for the energies.
#[derive(Clone, Debug)]
pub struct Look {
    /// What the source said.
    pub reading: Reading,
    /// Up to where the energy is known.
    mark: Mark,
    beside: Vec<Mark>,
    throttling: Option<Throttling>,
    sleeps: u64,
}

impl Gauge {
    /// Over `meter`, which nobody has looked at yet, on this machine.
    pub fn new(meter: Box<dyn Meter>) -> Gauge {
        Gauge::with_watch(meter, SuspendWatch::default())
    }

    /// The same with another watch for suspends.
    pub fn with_watch(meter: Box<dyn Meter>, suspend: SuspendWatch) -> Gauge {
        Gauge { looking: Some(LookTime::default()), ..Gauge::without_clocks(meter, suspend) }
    }

    /// The same without any clock of the machine: `suspend` has one of its own, and looking costs nothing.
    pub fn without_clocks(meter: Box<dyn Meter>, suspend: SuspendWatch) -> Gauge {
        let beside = meter.beside_sources();
        Gauge {
            energy: EnergyMeter::new(meter.source()),
            beside: beside.into_iter().map(|source| (source.clone(), EnergyMeter::new(&source))).collect(),
            meter,
            suspend,
            looking: None,
            sleeps: 0,
            slept: None,
            looks: 0,
            opened_at: None,
            reads_before: 0,
            threads_before: Seconds::ZERO,
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
    pub fn beside_sources(&self) -> impl Iterator<Item = &Source> {
        self.beside.iter().map(|(source, _)| source)
    }

    /// Looks now, on a monotonic clock that is the same at every call.
    pub fn look(&mut self, now: Seconds) -> Look {
        if self.opened_at.is_none() {
            self.opened_at = Some(now);
            (self.reads_before, self.threads_before) = (self.meter.coverage().looks, self.threads());
        }
        self.looks += 1;
        let Some(mut looking) = self.looking else { return self.take(now) };
        let look = looking.of(|| self.take(now));
        self.looking = Some(looking);
        look
    }

    fn take(&mut self, now: Seconds) -> Look {
        let reading = self.meter.read(now);
        if let Some(slept) = self.suspend.slept() {
            self.sleeps += 1;
            self.slept = Some(self.slept.map_or(slept, |sum| sum + slept));
        }
        let mark = self.energy.mark(now, &reading, self.meter.coverage());
        let seen = self.meter.beside();
        let marks = self.beside.iter_mut().zip(&seen).map(|((_, energy), look)| energy.mark(now, &look.0, look.1));
        let beside = marks.collect();
        Look { reading, mark, beside, throttling: self.meter.throttling(), sleeps: self.sleeps }
    }

    /// What was drawn between two looks.
    pub fn between(&self, first: &Look, last: &Look) -> Drawn {
        let throttled = first.throttling.zip(last.throttling).map(|(before, after)| after.since(&before));
        match first.sleeps == last.sleeps {
            true => Drawn { throttled, ..self.energy.between(&first.mark, &last.mark) },
            false => Drawn::absent(NoData::Suspended, last.mark.at - first.mark.at),
        }
    }

    /// The same by each source beside it, in their order.
    pub fn between_beside(&self, first: &Look, last: &Look) -> Vec<Drawn> {
        let marks = self.beside.iter().zip(&first.beside).zip(&last.beside);
        let drawn = marks.map(|(((_, energy), before), after)| match first.sleeps == last.sleeps {
            true => energy.between(before, after),
            false => Drawn::absent(NoData::Suspended, after.at - before.at),
        });
        drawn.collect()
    }

    /// The boundary draws `idle` at least.
    pub fn set_idle(&mut self, idle: Watts) {
        self.energy.set_idle(idle);
    }

    /// For how long the machine slept since the last call, where it did.
    pub fn take_suspend(&mut self) -> Option<Seconds> {
        self.slept.take()
    }

    /// CPU time of the sources' threads so far.
    fn threads(&self) -> Seconds {
        self.meter.cpu_time().unwrap_or(Seconds::ZERO)
    }

    /// What looking has cost until `now`; nothing before the first look, nor without the machine's clocks.
    pub fn cost(&self, now: Seconds) -> MeterCost {
        let looking = self.looking.unwrap_or_default();
        let threads_s = (self.threads() - self.threads_before).max(Seconds::ZERO);
        let cost = MeterCost {
            looks: self.looks,
            reads: self.meter.coverage().looks.saturating_sub(self.reads_before).max(self.looks),
            waited_s: looking.waited,
            threads_s,
            cpu_s: looking.cpu.map(|cpu| cpu + threads_s),
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

    /// The same by each source beside it.
    pub fn drawn_beside(&self, gauge: &Gauge) -> Vec<Drawn> {
        gauge.between_beside(&self.first, &self.last)
    }
}
