//! Boards of one kind side by side, before a flight: those that report the same package are marked as one.
//!
//! Only where two readable boards have the same driver, vendor and product are they looked at: half a second of pauses
//! at most, and the time that the reads take. See [`super::twins`] for what tells them.

use super::trial::Candidate;
use super::twins::{Kinship, LOOKS, Twins};
use crate::units::{Seconds, Watts};
use std::time::{Duration, Instant};

/// Looks at each pair.
const MOST_LOOKS: usize = 25;

/// Time between two of them: more than a sensor needs to be read, and less than it takes to renew its value.
const PAUSE: Duration = Duration::from_millis(20);

/// Two candidates, by their places in the list.
struct Pair {
    one: usize,
    other: usize,
    twins: Twins,
}

/// Marks every board that gives the watts of one before it.
pub(super) fn mark(candidates: &mut [Candidate]) {
    let mut pairs = alike(candidates);
    let mut boards: Vec<usize> = pairs.iter().flat_map(|pair| [pair.one, pair.other]).collect();
    boards.sort_unstable();
    boards.dedup();
    let epoch = Instant::now();
    for look in 0..MOST_LOOKS {
        let is_told = look >= LOOKS && pairs.iter().all(|pair| pair.twins.kinship() == Kinship::Different);
        if pairs.is_empty() || is_told {
            break;
        }
        let mut seen: Vec<Option<Watts>> = vec![None; candidates.len()];
        for &board in &boards {
            let now = Seconds(epoch.elapsed().as_secs_f64());
            let meter = candidates[board].meter.as_mut();
            seen[board] = meter.and_then(|meter| meter.read(now).power.ok());
        }
        for pair in &mut pairs {
            if let (Some(one), Some(other)) = (seen[pair.one], seen[pair.other]) {
                pair.twins.look(one, other);
            }
        }
        std::thread::sleep(PAUSE);
    }
    for pair in pairs.iter().filter(|pair| pair.twins.kinship() == Kinship::Same) {
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
            pairs.push(Pair { one, other, twins: Twins::default() });
        }
    }
    pairs
}
