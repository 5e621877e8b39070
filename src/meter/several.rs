//! Several sources at once: one that counts, and witnesses beside it.
//!
//! Nothing is ever added up over two of them. A wall meter holds the board and the board's driver holds the board again;
//! two dies of one board may each report both. The witnesses are read with every look, and their energies are shown
//! beside the one that counts.

use super::Meter;
use crate::reading::{Coverage, Reading, Source, Throttling};
use crate::units::Seconds;

/// A source with others beside it.
pub struct Several {
    primary: Box<dyn Meter>,
    others: Vec<Box<dyn Meter>>,
    latest: Vec<(Reading, Coverage)>,
}

impl Several {
    /// `primary` counts; each of `others` is a witness, and so are the witnesses that `primary` brings.
    pub fn new(primary: Box<dyn Meter>, others: Vec<Box<dyn Meter>>) -> Several {
        Several { primary, others, latest: Vec::new() }
    }
}

impl Meter for Several {
    fn source(&self) -> &Source {
        self.primary.source()
    }

    fn read(&mut self, now: Seconds) -> Reading {
        let reading = self.primary.read(now);
        self.latest = self.primary.witnesses();
        for other in &mut self.others {
            let seen = other.read(now);
            self.latest.push((seen, other.coverage()));
        }
        reading
    }

    fn coverage(&self) -> Coverage {
        self.primary.coverage()
    }

    fn throttling(&self) -> Option<Throttling> {
        self.primary.throttling()
    }

    fn witness_sources(&self) -> Vec<Source> {
        let others = self.others.iter().map(|other| other.source().clone());
        self.primary.witness_sources().into_iter().chain(others).collect()
    }

    fn witnesses(&self) -> Vec<(Reading, Coverage)> {
        self.latest.clone()
    }

    fn cpu_time(&self) -> Option<Seconds> {
        let all = std::iter::once(&self.primary).chain(&self.others);
        all.filter_map(|meter| meter.cpu_time()).reduce(|sum, time| sum + time)
    }
}
