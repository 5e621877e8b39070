//! From looks to the energy of a window, with bounds.
//!
//! A look tells the energy up to the time at which the value behind it was made; a window ends at another. So each look
//! becomes a [`Mark`]: the energy carried forward to the moment of the look, and how far that may be wrong. A window is
//! the difference of two marks, and windows that touch add up exactly.
//!
//! ```text
//! counter:  E(t) = count + P a                          edge = q max(P_max - P, P - P_min) a + P t_u / 2
//! power:    E(t) = integral + P (a + (t_a + t_u) / 2)   edge = q max(P_max - P, P - P_min) (a + t_u / 2)
//!                                                       lag  = q (P_max - P_min) t_a f (1 - f) / 2,   f = (P - P_min) / (P_max - P_min)
//!                                                       q    = min(1, 1/10 + 3 sigma / (P_max - P_min)), 6 sigma for t_a > t_u
//! ```
//!
//! a: age of the value; P: the mean power of the last moments, or the power shown; t_u: update period; t_a: averaging
//! time; P_min, P_max: idle power, once it is known, and the rating; sigma: scatter of the mean powers in and just before
//! the window. An averaging sensor shows half of t_a too late: of the energy P t_a that it last averaged, half has not
//! been shown yet, give or take `lag` (all the power early, or all of it late). A load that was steady all along is not
//! expected to leap between idle and full power at the very edge: q says how far it is. Inside a window come to that,
//! with k = 2 and each as a square:
//!
//! * gaps: `(P_max - P_min) dt / sqrt(3)`, a power anywhere between the two; the window's mean is put in;
//! * long steps of the trapezoid, the same way times q: both ends were seen, and what was steady did not leap between them;
//! * ragged looks at a changing power: `0.3 t_u sqrt(sum (p_i - p_i-1)²)`, half a look late or early at each change;
//! * blind time of a sensor that sees a share s: `2 sigma T sqrt((1 - s) / n)`, with the scatter sigma of the powers shown
//!   and their number n, less where neighbours are alike: `n (1 - r) / (1 + r)`, r their correlation (Yang, Adamek &
//!   Armour, SC24, arXiv:2312.02741, found errors of a third under loads that beat with the sensor).

use super::drawn::Drawn;
use super::plausible::OVER_RATED;
use crate::reading::{Coverage, NoData, Reading, Scatter, Sensing, Source};
use crate::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

/// More than this share of a window unseen leaves it without an energy.
pub const GAP_SHARE_MAX: f64 = 0.05;

/// A count that has not moved for so many updates, and a second, is stuck.
const STUCK_UPDATES: f64 = 20.0;

/// Even a load that was steady may leap by this share of its range.
const STEADIEST: f64 = 0.1;

/// Fewer mean powers than this say nothing about steadiness.
const MEANS_MIN: f64 = 3.0;

/// A source of unknown rating is asked for windows of so many of its averages and updates at least.
const UNRATED_PERIODS: f64 = 3.0;

/// The mean power of the last moments is taken over this long, and over five updates at least.
const HORIZON: Seconds = Seconds(0.5);

/// The energy up to one moment, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// The moment.
    pub at: Seconds,
    /// Energy since the source was opened.
    pub energy: Result<Joules, NoData>,
    /// The power with which it was carried forward.
    power: Watts,
    /// For so long the power is not known.
    open_s: Seconds,
    /// Half width from the time of a renewal, which is not known exactly.
    timing_j: Joules,
    /// Mean powers between the marks so far.
    means: Scatter,
    /// Age of the value.
    pub age_s: Seconds,
    /// How well the source has been watched until now.
    pub coverage: Coverage,
}

/// Turns the looks at one source into marks.
#[derive(Clone, Debug)]
pub struct EnergyMeter {
    update_period: Seconds,
    sensing: Sensing,
    rated: Option<Watts>,
    floor: Watts,
    peak: Watts,
    recent: VecDeque<(Seconds, Joules)>,
    means: Scatter,
    /// Where the last of the mean powers ended.
    mean_from: Option<(Seconds, Joules)>,
}

impl EnergyMeter {
    /// Of a source that nobody has looked at yet.
    pub fn new(source: &Source) -> EnergyMeter {
        EnergyMeter {
            update_period: source.update_period_s,
            sensing: source.sensing,
            rated: source.rated_w,
            floor: Watts::ZERO,
            peak: Watts::ZERO,
            recent: VecDeque::new(),
            means: Scatter::default(),
            mean_from: None,
        }
    }

    /// From now on the boundary is known to draw `idle` at least; bounds are narrower for it. A tenth is left for an idle
    /// that was itself measured, and for a machine that idles deeper later on.
    pub fn set_idle(&mut self, idle: Watts) {
        self.floor = (idle * 0.9).max(Watts::ZERO);
    }

    /// Takes one look.
    pub fn mark(&mut self, at: Seconds, reading: &Reading, coverage: Coverage) -> Mark {
        let age_s = (at - reading.taken_at).max(Seconds::ZERO);
        let absent = |cause| Mark {
            at,
            energy: Err(cause),
            power: Watts::ZERO,
            open_s: Seconds::ZERO,
            timing_j: Joules::ZERO,
            means: self.means,
            age_s,
            coverage,
        };
        let energy = match reading.energy {
            Ok(energy) => energy,
            Err(cause) => {
                let mark = absent(cause);
                self.recent.clear();
                self.mean_from = None;
                return mark;
            }
        };
        if age_s > self.update_period * STUCK_UPDATES + Seconds(1.0) {
            return absent(NoData::Gap);
        }
        self.remember(reading.taken_at, energy);
        if let Ok(power) = reading.power {
            self.peak = self.peak.max(power);
        }
        let (shown, update) = (reading.power.ok(), self.update_period);
        let unknown = (self.floor + self.ceiling()) * 0.5;
        let is_integrated = coverage.scatter.count > 0;
        let (power, carried_s, open_s, timing_j) = match is_integrated {
            true => {
                let power = shown.or_else(|| self.slope()).unwrap_or(unknown);
                (power, age_s + (self.sensing.averaging_s + update) * 0.5, age_s + update * 0.5, Joules::ZERO)
            }
            false => {
                let power = self.slope().or(shown).unwrap_or(unknown);
                (power, age_s, age_s, power * (update * 0.5))
            }
        };
        self.peak = self.peak.max(power);
        let energy = Ok(energy + power * carried_s);
        Mark { at, energy, power, open_s, timing_j, means: self.means, age_s, coverage }
    }

    /// The window between two marks. Its oldest value is the caller's to tell.
    pub fn between(&self, first: &Mark, last: &Mark) -> Drawn {
        let window_s = last.at - first.at;
        let (before, after) = (&first.coverage, &last.coverage);
        let gap_s = after.gap_s - before.gap_s;
        let updates = after.updates.saturating_sub(before.updates);
        let absent = |cause| Drawn { updates, gap_s, ..Drawn::absent(cause, window_s) };
        let (begin, end) = match (first.energy, last.energy) {
            (Ok(begin), Ok(end)) => (begin, end),
            (_, Err(cause)) | (Err(cause), _) => return absent(cause),
        };
        if gap_s > window_s * GAP_SHARE_MAX {
            return absent(NoData::Gap);
        }
        // A machine that is known to idle at some watts does not draw none at all for several updates.
        if (end - begin).0 < 0.1 * (self.floor * window_s).0 && window_s > self.update_period * 5.0 {
            return absent(NoData::Implausible);
        }
        // What has been drawn is never given back.
        if end < begin {
            return absent(NoData::CounterReset);
        }
        // Without a rating nothing bounds what has not been shown yet.
        let shortest = (self.sensing.averaging_s + self.update_period) * UNRATED_PERIODS;
        if self.rated.is_none() && window_s < shortest && before.scatter.count > 0 {
            return absent(NoData::NotYet);
        }
        let seen = end - begin;
        let energy = if gap_s > Seconds::ZERO { seen * (window_s / (window_s - gap_s)) } else { seen };
        let share = self.unsteady(&first.means, &last.means);
        let inside = self.inside(&before.scatter, &after.scatter, (window_s, gap_s), share);
        let edge = |mark: &Mark| (self.reach(mark.power) * share * mark.open_s + mark.timing_j).0;
        Drawn {
            energy_j: Some(energy),
            updates,
            windows: 1,
            no_data: None,
            window_s,
            gap_s,
            oldest_s: first.age_s.max(last.age_s),
            spread_j: Joules(inside.0.hypot(edge(first)).hypot(edge(last))),
            lag_j: Joules((self.lag(first.power) * share).0.hypot((self.lag(last.power) * share).0)),
            throttled: None,
        }
    }

    /// The most that the boundary is taken to draw.
    fn ceiling(&self) -> Watts {
        self.rated.unwrap_or(self.peak * OVER_RATED).max(self.peak)
    }

    /// What a power of `power` may be wrong by for a while.
    fn reach(&self, power: Watts) -> Watts {
        (self.ceiling() - power).max(power - self.floor).max(Watts::ZERO)
    }

    fn span(&self) -> Watts {
        (self.ceiling() - self.floor).max(Watts::ZERO)
    }

    /// What averaging may have hidden at one edge.
    fn lag(&self, power: Watts) -> Joules {
        let span = self.span();
        let share = if span > Watts::ZERO { ((power - self.floor) / span).clamp(0.0, 1.0) } else { 0.0 };
        span * self.sensing.averaging_s * (0.5 * share * (1.0 - share))
    }

    /// How far the load may be expected to leap, as a share of its whole range; all of it where little was seen.
    fn unsteady(&self, before: &Scatter, after: &Scatter) -> f64 {
        let (count, variance) = spread(before, after);
        if count < MEANS_MIN || self.span().0 <= 0.0 {
            return 1.0;
        }
        // An average swings less than what it is taken of.
        let factor = if self.sensing.averaging_s > self.update_period { 6.0 } else { 3.0 };
        (STEADIEST + factor * variance.sqrt() / self.span().0).min(1.0)
    }

    /// Half width from what happened between the edges.
    fn inside(&self, before: &Scatter, after: &Scatter, (window, gap): (Seconds, Seconds), share: f64) -> Joules {
        let span = self.span().0;
        let gaps = span * gap.0 / 3.0_f64.sqrt();
        let bridged = share * span * ((after.bridged - before.bridged).max(0.0) / 3.0).sqrt();
        let change = (after.change - before.change).max(0.0);
        let ragged = 0.3 * self.update_period.0 * change.sqrt();
        let blind = self.blind(before, after, change) * window.0;
        Joules(gaps.hypot(bridged).hypot(ragged).hypot(blind))
    }

    /// Half width of the mean power of a sensor that does not see everything.
    fn blind(&self, before: &Scatter, after: &Scatter, change: f64) -> f64 {
        let (count, variance) = spread(before, after);
        let unseen = 1.0 - self.sensing.seen_share;
        if count < 1.0 || unseen <= 0.0 {
            return 0.0;
        }
        // Von Neumann's ratio: 1 - r for a correlation r of neighbours.
        let ratio = if variance > 0.0 { (change / count / (2.0 * variance)).clamp(0.0, 1.0) } else { 1.0 };
        let independent = (count * ratio / (2.0 - ratio)).max(1.0);
        2.0 * (variance * unseen / independent).sqrt()
    }

    fn remember(&mut self, taken_at: Seconds, energy: Joules) {
        let horizon = HORIZON.max(self.update_period * 5.0);
        if self.recent.back().is_some_and(|&(at, _)| taken_at <= at) {
            return;
        }
        self.recent.push_back((taken_at, energy));
        self.average(taken_at, energy);
        while self.recent.get(1).is_some_and(|&(at, _)| taken_at - at >= horizon) {
            self.recent.pop_front();
        }
    }

    /// One more mean power, over three updates at least.
    fn average(&mut self, taken_at: Seconds, energy: Joules) {
        let Some((since, before)) = self.mean_from else {
            self.mean_from = Some((taken_at, energy));
            return;
        };
        let dt = taken_at - since;
        if dt >= self.update_period * 3.0 {
            let mean = ((energy - before) / dt).0;
            self.means.count += 1;
            self.means.sum += mean;
            self.means.square += mean * mean;
            self.mean_from = Some((taken_at, energy));
        }
    }

    /// Mean power of the last moments.
    fn slope(&self) -> Option<Watts> {
        let (&(begin, before), &(end, after)) = (self.recent.front()?, self.recent.back()?);
        (end > begin).then(|| ((after - before) / (end - begin)).max(Watts::ZERO))
    }
}

/// Number of the powers between two moments, and their variance, W^2.
fn spread(before: &Scatter, after: &Scatter) -> (f64, f64) {
    let count = after.count.saturating_sub(before.count) as f64;
    let mean = (after.sum - before.sum) / count;
    (count, ((after.square - before.square) / count - mean * mean).max(0.0))
}
