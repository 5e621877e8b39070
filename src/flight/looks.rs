//! The looks between which the energy of an orbit is counted: at departure, at the begin of a slice, and the latest.

use crate::envelope::{Ledger, Spacecraft};
use crate::journal::{Arrival, Beside, Drawn};
use crate::meter::{Gauge, Look};
use crate::reading::Reading;
use crate::units::Joules;

/// See above.
pub(super) struct Looks {
    first: Look,
    opened: Look,
    latest: Look,
}

impl From<Look> for Looks {
    /// Departs with this look.
    fn from(look: Look) -> Looks {
        Looks { first: look.clone(), opened: look.clone(), latest: look }
    }
}

impl Looks {
    /// Takes the next look.
    pub(super) fn take(&mut self, look: Look) -> Reading {
        self.latest = look;
        self.latest.reading
    }

    /// Energy from the last call, or from departure, to the latest look.
    pub(super) fn slice(&mut self, gauge: &Gauge) -> Drawn {
        let drawn = gauge.between(&self.opened, &self.latest);
        self.opened = self.latest.clone();
        drawn
    }

    /// Energy from departure to the latest look, and what was read beside it.
    pub(super) fn total(&self, gauge: &Gauge) -> (Drawn, Vec<Beside>) {
        let sources = gauge.beside_sources().cloned();
        let drawn = gauge.between_beside(&self.first, &self.latest);
        let beside = sources.zip(drawn).map(|(source, drawn)| Beside { source, drawn }).collect();
        (gauge.between(&self.first, &self.latest), beside)
    }
}

/// The books of a spacecraft that has arrived.
pub(super) fn arrival(spacecraft: &Spacecraft, drawn: Drawn) -> Arrival {
    Arrival {
        breaches: *spacecraft.breaches(),
        drawn,
        ledger_residual: residual(spacecraft.ledger()),
        sent_bits: spacecraft.state().sent_bits,
        backlog_bits: spacecraft.state().backlog_bits,
    }
}

/// Share of the array's energy that the energy books cannot account for.
fn residual(ledger: &Ledger) -> f64 {
    let sources = ledger.sources();
    if sources > Joules::ZERO { (sources - ledger.uses()) / sources } else { 0.0 }
}
