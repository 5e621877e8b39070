//! Where the governor held work back: the flight in slices of a few degrees of the orbit, each with what held most of it back.
//!
//! From tick to tick a machine of batches is held back and free in turn; only the share of a slice says something to an eye.

use super::super::record::Record;
use crate::governor::LimitedBy;
use crate::units::Seconds;

/// A slice of the flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Simulated time of its begin.
    pub(super) begin: Seconds,
    /// Simulated time of its end.
    pub(super) end: Seconds,
    /// What held most work back; none where the machine ran free all the time.
    pub(super) by: Option<LimitedBy>,
    /// Share of its time in which anything did.
    pub(super) share: f64,
    /// Lowest visible share of the Sun's disc.
    pub(super) lit: f64,
}

/// The flight in order, without gaps, in slices of at least `length` of simulated time.
pub(super) fn held(record: &Record<'_>, length: Seconds) -> Vec<Held> {
    let mut slices = Vec::new();
    let mut open = Slice::from(Seconds::ZERO);
    let mut before = Seconds::ZERO;
    for tick in &record.ticks {
        open.add(tick.limited_by, tick.simulated_s - before, tick.illumination);
        before = tick.simulated_s;
        if before - open.begin >= length {
            slices.push(std::mem::replace(&mut open, Slice::from(before)).closed(before));
        }
    }
    if before > open.begin {
        slices.push(open.closed(before));
    }
    slices
}

struct Slice {
    begin: Seconds,
    lit: f64,
    times: Vec<(LimitedBy, Seconds)>,
}

impl Slice {
    fn from(begin: Seconds) -> Slice {
        Slice { begin, lit: 1.0, times: Vec::new() }
    }

    fn add(&mut self, by: Option<LimitedBy>, time: Seconds, lit: f64) {
        self.lit = self.lit.min(lit);
        let Some(by) = by else { return };
        match self.times.iter_mut().find(|(limit, _)| *limit == by) {
            Some((_, sum)) => *sum += time,
            None => self.times.push((by, time)),
        }
    }

    fn closed(self, end: Seconds) -> Held {
        let all = self.times.iter().fold(Seconds::ZERO, |sum, (_, time)| sum + *time);
        let by = self.times.iter().max_by(|one, two| one.1.0.total_cmp(&two.1.0)).map(|(limit, _)| *limit);
        Held { begin: self.begin, end, by, share: (all / (end - self.begin)).clamp(0.0, 1.0), lit: self.lit }
    }
}
