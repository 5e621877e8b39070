//! Differences of an energy counter: what happened between two looks at a number that should only grow.
//!
//! A counter that falls has either wrapped at the end of its range or been reset (a driver reload, a device reset).
//! The two look alike and mean opposite things, so a wrap is accepted only where it can be proved:
//!
//! * the range is known,
//! * the energy it implies, `(range - last + now) · unit`, is within `ceiling · (dt + slack)`,
//! * and that bound is less than a whole range, so no second wrap can hide in the interval.
//!
//! Every other fall is a reset. A rise that no load explains is a leap: the counter says what cannot be. Both end the total
//! for good, each with its cause: a sum with a hole of unknown size is not a smaller sum, it is none. NVML's and AMD's
//! counters have no known range: they never wrap.
//!
//! A counter has no power beside it: [`MeanPower`] is `ΔE / Δt` over at least [`WINDOW`]. Looks that come closer together
//! see the mean of the window before: over a single millisecond the steps of the counter would show, not the load.

use crate::reading::NoData;
use crate::units::{Joules, Seconds, Watts};

/// Energy of one count in sysfs.
pub const MICROJOULE: Joules = Joules(1e-6);

/// Energy of one count in NVML.
pub const MILLIJOULE: Joules = Joules(1e-3);

/// The slack of real counters: ten times the longest update period known (100 ms), since a busy driver skips updates.
/// Too little would take a late update for a reset and void a good run; a second at full load hides no wrap.
pub const SLACK: Seconds = Seconds(1.0);

/// The shortest window of a mean power. It holds a hundred updates of RAPL (about 1 ms), so the ragged ends cost at most
/// 1 %, and one period of the scheduler's CPU quotas (100 ms).
pub const WINDOW: Seconds = Seconds(0.1);

/// What is known of a counter before it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Energy of one count.
    pub unit: Joules,
    /// The largest count; after it the counter starts again at 0. None if it does not wrap, or nobody knows where.
    /// (RAPL loses one step of its register, some 61 µJ, in every wrap; it is not put back.)
    pub range: Option<u64>,
    /// More than the boundary can ever draw. None if unknown: then nothing is checked and nothing can wrap.
    pub ceiling: Option<Watts>,
    /// A counter lags behind and catches up, so a step may hold the energy of this much more than the interval.
    pub slack: Seconds,
}

impl Limits {
    /// Microjoules of which nothing is known: every rise is taken, and every fall is a reset.
    pub const NONE: Limits = Limits { unit: MICROJOULE, range: None, ceiling: None, slack: Seconds::ZERO };

    /// A real counter of `unit`, which ends at `range` if that is known, of what draws no more than `ceiling`.
    pub fn of(unit: Joules, range: Option<u64>, ceiling: Watts) -> Limits {
        Limits { unit, range, ceiling: Some(ceiling), slack: SLACK }
    }
}

/// What one look found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// The first look: a level and no energy yet.
    First,
    /// The counter rose, or stood.
    Advanced(Joules),
    /// It passed the end of its range once.
    Wrapped(Joules),
    /// It fell and no load explains it, or a wrap may have gone unseen: there is no total any more.
    Reset,
    /// It rose further than any load explains: there is no total any more.
    Leap,
}

impl Step {
    /// The energy of the step; none for a first look, a reset or a leap.
    pub fn energy(self) -> Option<Joules> {
        match self {
            Self::Advanced(energy) | Self::Wrapped(energy) => Some(energy),
            Self::First | Self::Reset | Self::Leap => None,
        }
    }
}

/// A counter under watch.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    limits: Limits,
    last: Option<(Seconds, u64)>,
    /// For how long the count has stood at the last look; what it has not counted in that time may still come.
    stood: Seconds,
    total: Joules,
    ended: Option<NoData>,
}

impl Counter {
    /// A counter that nobody has looked at yet.
    pub fn new(limits: Limits) -> Counter {
        // Nobody knows for how long a count has stood when it is first seen.
        let stood = (SLACK - limits.slack).max(Seconds::ZERO);
        Counter { limits, last: None, stood, total: Joules::ZERO, ended: None }
    }

    /// Takes the count seen at `at` on a monotonic clock.
    pub fn advance(&mut self, at: Seconds, count: u64) -> Step {
        let step = match self.last {
            None => Step::First,
            Some((since, last)) => self.difference(at - since, last, count),
        };
        match step {
            Step::Advanced(energy) | Step::Wrapped(energy) => self.total += energy,
            Step::First => (),
            Step::Reset => self.ended = self.ended.or(Some(NoData::CounterReset)),
            Step::Leap => self.ended = self.ended.or(Some(NoData::Implausible)),
        }
        if let Some((since, last)) = self.last {
            self.stood = if last == count { self.stood + (at - since).max(Seconds::ZERO) } else { Seconds::ZERO };
        }
        self.last = Some((at, count));
        step
    }

    /// Energy since the first look.
    pub fn total(&self) -> Result<Joules, NoData> {
        self.ended.map_or(Ok(self.total), Err)
    }

    /// Whether a look at `at` that sees `count` would be a leap.
    pub fn would_leap(&self, at: Seconds, count: u64) -> bool {
        self.last.is_some_and(|(since, last)| self.difference(at - since, last, count) == Step::Leap)
    }

    /// From now on the boundary is known to be able to draw `ceiling`; what is lower than before changes nothing.
    pub fn raise(&mut self, ceiling: Watts) {
        self.limits.ceiling = self.limits.ceiling.map(|known| known.max(ceiling));
    }

    /// More than the boundary can draw.
    pub fn is_over(&self, power: Watts) -> bool {
        self.limits.ceiling.is_some_and(|ceiling| power.0 > ceiling.0)
    }

    /// The count at the last look.
    pub fn last_count(&self) -> Option<u64> {
        self.last.map(|(_, count)| count)
    }

    fn difference(&self, dt: Seconds, last: u64, count: u64) -> Step {
        let unit = self.limits.unit;
        // A clock that stands or steps back allows no more than the slack.
        let bound = self.limits.ceiling.map(|ceiling| ceiling * (dt.max(Seconds::ZERO) + self.limits.slack));
        let is_within = |energy: Joules| bound.is_none_or(|bound| energy.0 <= bound.0);
        if let Some(range) = self.limits.range {
            let is_silent_too_long = bound.is_some_and(|bound| bound.0 >= (unit * range as f64).0);
            if is_silent_too_long || count > range {
                return Step::Reset;
            }
        }
        if count >= last {
            let energy = unit * (count - last) as f64;
            let owed = self.limits.ceiling.map_or(Joules::ZERO, |ceiling| ceiling * self.stood);
            return if is_within(energy - owed) { Step::Advanced(energy) } else { Step::Leap };
        }
        match (self.limits.range, bound) {
            (Some(range), Some(_)) => {
                let energy = unit * (range.saturating_sub(last) as f64 + count as f64);
                if is_within(energy) { Step::Wrapped(energy) } else { Step::Reset }
            }
            _ => Step::Reset,
        }
    }
}

/// A running mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct MeanPower {
    since: Option<Seconds>,
    energy: Joules,
    latest: Option<Watts>,
}

impl MeanPower {
    /// Takes the energy since the look before; `None` if that cannot be said, and then the mean starts again.
    pub fn advance(&mut self, at: Seconds, energy: Option<Joules>) {
        let (Some(since), Some(energy)) = (self.since, energy) else {
            *self = MeanPower { since: Some(at), ..MeanPower::default() };
            return;
        };
        self.energy += energy;
        let dt = at - since;
        if dt.0 >= WINDOW.0 {
            *self = MeanPower { since: Some(at), energy: Joules::ZERO, latest: Some(self.energy / dt) };
        }
    }

    /// The mean over the last full window.
    pub fn watts(&self) -> Result<Watts, NoData> {
        self.latest.ok_or(NoData::NotYet)
    }
}
