//! The table of assumptions, and what became of each in flight.

use super::record::Record;
use crate::governor::{Assumption, Broken};
use crate::units::Seconds;
use serde::Serialize;
use std::fmt;

/// One assumption.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AssumptionHeld {
    /// Which.
    pub assumption: Assumption,
    /// The most that was assumed; 1 for what is not a number.
    pub assumed: f64,
    /// Whether it held all the time.
    pub held: bool,
    /// The worst that was seen; null where it held.
    pub worst_seen: Option<f64>,
    /// When that was seen, since departure; null where it held.
    pub worst_at_s: Option<Seconds>,
    /// When it was broken first, since departure; null where it held.
    pub first_broken_at_s: Option<Seconds>,
}

/// The whole table; empty where the flight ended before it was written.
pub(super) fn assumptions(record: &Record<'_>) -> Vec<AssumptionHeld> {
    let Some(table) = record.assumptions else { return Vec::new() };
    let of = |assumption: Assumption| {
        let mut seen = record.broken.iter().filter(|broken| broken.assumption == assumption);
        let first = seen.clone().min_by(|a, b| a.at_s.0.total_cmp(&b.at_s.0));
        let over = |broken: &Broken| broken.seen - broken.assumed;
        let worst =
            seen.next().map(|one| seen.fold(one, |worst, next| if over(next) > over(worst) { next } else { worst }));
        AssumptionHeld {
            assumption,
            assumed: table.value(assumption),
            held: first.is_none(),
            worst_seen: worst.map(|worst| worst.seen),
            worst_at_s: worst.map(|worst| worst.at_s),
            first_broken_at_s: first.map(|first| first.at_s),
        }
    };
    Assumption::ALL.into_iter().map(of).collect()
}

impl AssumptionHeld {
    /// What became of it, in a word or two.
    pub(super) fn became(&self) -> &'static str {
        match self.assumption {
            _ if !self.held => "BROKEN",
            // A meter cannot say how wrong it is.
            Assumption::MeterShare | Assumption::MeterStep => "taken for granted",
            _ => "held",
        }
    }
}

impl fmt::Display for AssumptionHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.assumption)?;
        if self.assumption != Assumption::IdleKeepsLimits {
            write!(f, "{} ", self.assumed)?;
        }
        match (self.worst_seen, self.worst_at_s, self.first_broken_at_s) {
            (Some(worst), Some(at), Some(first)) => {
                write!(f, "BROKEN: {worst:.4} at {:.1} s, first at {:.1} s", at.0, first.0)
            }
            _ => f.write_str(self.became()),
        }
    }
}
