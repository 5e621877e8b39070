//! Several sources at once: one that counts, and others beside it.
//!
//! Nothing is ever added up over two of them unless a person asks for it ([`super::sum`]). A wall meter holds the board and the board's driver holds the board again;
//! two dies of one board may each report both. The others are read with every look, and their energies are shown beside
//! the one that counts.

use super::Meter;
use crate::reading::{Coverage, Reading, Source, Throttling};
use crate::units::Seconds;

/// A source with others beside it.
pub struct Several {
    first: Box<dyn Meter>,
    others: Vec<Box<dyn Meter>>,
    latest: Vec<(Reading, Coverage)>,
}

impl Several {
    /// `first` counts; `others` are read beside it, and so is what `first` itself has beside it.
    pub fn new(first: Box<dyn Meter>, others: Vec<Box<dyn Meter>>) -> Several {
        Several { first, others, latest: Vec::new() }
    }
}

impl Meter for Several {
    fn source(&self) -> &Source {
        self.first.source()
    }

    fn read(&mut self, now: Seconds) -> Reading {
        let reading = self.first.read(now);
        self.latest = self.first.beside();
        self.latest.extend(self.others.iter_mut().map(|other| (other.read(now), other.coverage())));
        reading
    }

    fn coverage(&self) -> Coverage {
        self.first.coverage()
    }

    fn throttling(&self) -> Option<Throttling> {
        self.first.throttling()
    }

    fn beside_sources(&self) -> Vec<Source> {
        let others = self.others.iter().map(|other| other.source().clone());
        self.first.beside_sources().into_iter().chain(others).collect()
    }

    fn beside(&self) -> Vec<(Reading, Coverage)> {
        self.latest.clone()
    }

    fn cpu_time(&self) -> Option<Seconds> {
        let all = std::iter::once(&self.first).chain(&self.others);
        all.filter_map(|meter| meter.cpu_time()).reduce(|sum, time| sum + time)
    }
}
