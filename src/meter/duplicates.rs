//! Sensors that report the same watts: the dies of one package, each of which gives the total.
//!
//! Names do not tell: the dies have addresses of their own, and two boards of one kind have the same name. So readable
//! boards of the same driver, vendor and product are looked at side by side before a flight, and told by what they show:
//!
//! * the same to within [`TOLERANCE`] at every look but a few ([`STRAYS`]: one may be renewed between two reads),
//! * while each moves by more than [`MOVEMENT`] of its mean.
//!
//! Two idle boards of one kind may well show the same steady watts: as long as nothing moves, nothing is said. On some
//! boards (MI250X) the second die gives 0 W in place of the total; a source that has only ever said 0 W is refused anyway.
//! It takes half a second of pauses at most, and the time of the reads.

use super::trial::Candidate;
use crate::units::{Seconds, Watts};
use std::time::{Duration, Instant};

/// Largest difference, as a share of the larger of the two.
pub const TOLERANCE: f64 = 0.02;

/// Smallest range of what each shows, as a share of its mean: more than twice the difference that is let pass.
pub const MOVEMENT: f64 = 0.05;

/// Share of looks that may differ by more.
pub const STRAYS: f64 = 0.1;

/// Looks before anything is said, and in all.
pub const LOOKS: usize = 10;
const LOOKS_MAX: usize = 25;

/// Time between two of them: more than a sensor needs to be read, and less than it takes to renew its value.
const PAUSE: Duration = Duration::from_millis(20);

/// Two sensors side by side.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    looks: Vec<(f64, f64)>,
}

impl Comparison {
    /// Takes what both showed at one moment.
    pub fn look(&mut self, one: Watts, other: Watts) {
        if one.is_finite() && other.is_finite() {
            self.looks.push((one.0, other.0));
        }
    }

    /// Whether both show the same watts; none while they are alike, but too steady or too short to tell.
    pub fn is_same(&self) -> Option<bool> {
        if self.looks.len() < LOOKS {
            return None;
        }
        let differs = |&&(one, other): &&(f64, f64)| (one - other).abs() > TOLERANCE * one.abs().max(other.abs());
        let strays = self.looks.iter().filter(differs).count() as f64;
        if strays > STRAYS * self.looks.len() as f64 {
            return Some(false);
        }
        let moves = |show: fn(&(f64, f64)) -> f64| {
            let shown = self.looks.iter().map(show);
            let (low, high) = shown
                .clone()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), watts| (low.min(watts), high.max(watts)));
            high - low > MOVEMENT * shown.sum::<f64>() / self.looks.len() as f64
        };
        (moves(|look| look.0) && moves(|look| look.1)).then_some(true)
    }
}

/// Two candidates, by their places in the list.
struct Pair {
    one: usize,
    other: usize,
    comparison: Comparison,
}

/// Marks every board that gives the watts of one before it.
pub(super) fn mark(candidates: &mut [Candidate]) {
    let mut pairs = alike(candidates);
    let epoch = Instant::now();
    for look in 0..LOOKS_MAX {
        let is_told = look >= LOOKS && pairs.iter().all(|pair| pair.comparison.is_same() == Some(false));
        if pairs.is_empty() || is_told {
            break;
        }
        let mut seen: Vec<Option<Watts>> = Vec::new();
        for (index, candidate) in candidates.iter_mut().enumerate() {
            let is_compared = pairs.iter().any(|pair| [pair.one, pair.other].contains(&index));
            let now = Seconds(epoch.elapsed().as_secs_f64());
            let meter = candidate.meter.as_mut().filter(|_| is_compared);
            seen.push(meter.and_then(|meter| meter.read(now).power.ok()));
        }
        for pair in &mut pairs {
            if let (Some(one), Some(other)) = (seen[pair.one], seen[pair.other]) {
                pair.comparison.look(one, other);
            }
        }
        std::thread::sleep(PAUSE);
    }
    for pair in pairs.iter().filter(|pair| pair.comparison.is_same() == Some(true)) {
        let first = candidates[pair.one].probe.name.clone();
        candidates[pair.other].probe.same_as.get_or_insert(first);
    }
}

/// The pairs of readable boards of one kind. What is on no bus and has no vendor is no board.
fn alike(candidates: &[Candidate]) -> Vec<Pair> {
    let kind = |candidate: &Candidate| {
        let driver = candidate.probe.name.split(':').next().map(str::to_owned);
        let vendor = candidate.place.vendor_id.filter(|_| candidate.meter.is_some());
        vendor.map(|vendor| (driver, vendor, candidate.place.product.clone()))
    };
    let kinds: Vec<_> = candidates.iter().map(kind).collect();
    let mut pairs = Vec::new();
    for other in 0..kinds.len() {
        for one in (0..other).filter(|&one| kinds[one].is_some() && kinds[one] == kinds[other]) {
            pairs.push(Pair { one, other, comparison: Comparison::default() });
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(one: impl Fn(f64) -> f64, other: impl Fn(f64) -> f64) -> Option<bool> {
        let mut comparison = Comparison::default();
        (0..40).for_each(|look| comparison.look(Watts(one(f64::from(look))), Watts(other(f64::from(look)))));
        comparison.is_same()
    }

    fn wave(look: f64) -> f64 {
        200.0 + 50.0 * (look * 0.4).sin()
    }

    #[test]
    fn dies_that_show_the_same_moving_watts_are_the_same() {
        assert_eq!(is_same(wave, wave), Some(true), "to the last digit");
        assert_eq!(is_same(wave, |look| wave(look) * 1.015), Some(true), "to within the tolerance");
        let late = |look: f64| if look == 7.0 { wave(look - 3.0) } else { wave(look) };
        assert_eq!(is_same(wave, late), Some(true), "one look that fell between two renewals");
    }

    #[test]
    fn boards_that_work_for_themselves_are_different() {
        assert_eq!(is_same(wave, |look| wave(look + 4.0)), Some(false), "the same load at another time");
        assert_eq!(is_same(wave, |_| 200.0), Some(false), "one works, one idles");
        assert_eq!(is_same(wave, |_| 0.0), Some(false), "a die that says nothing");
    }

    #[test]
    fn idle_boards_of_a_kind_are_not_taken_for_one() {
        assert_eq!(is_same(|_| 41.0, |_| 41.0), None, "nothing moves, nothing is said");
        let mut short = Comparison::default();
        (0..LOOKS - 1).for_each(|look| short.look(Watts(wave(look as f64)), Watts(wave(look as f64))));
        assert_eq!(short.is_same(), None, "too few looks");
    }
}
