//! Sources whose numbers cannot be, told by holding them against the CPU package's, side by side, before a flight:
//!
//! * what holds the CPU package draws at least what the package draws;
//! * what shows less than [`NOTHING`] while the package works has nothing behind it: milliwatts of a chip that is idle in
//!   a package that is not, or a sensor that is not connected.
//!
//! A source that has both a counter and a power holds them against each other itself ([`disagreement`]).
//!
//! Package and source are read [`LOOKS`] times, and the most that the source shows is held against the package's mean, each
//! at the far end of its band: a load that changes between two reads is no contradiction. A source in doubt keeps its line
//! with the reason and is not chosen; who asks for it by name gets it, and a result that is not ranked. With several packages
//! it is not known which of them lies inside what, so then only the whole machine is held against their sum.

use super::probe::shown as in_words;
use super::trial::Candidate;
use crate::reading::{Boundary, Provenance, Source};
use crate::stats;
use crate::units::{Seconds, Watts};
use std::time::{Duration, Instant};

/// No module, package or board that runs draws less: the idle power of the smallest is some tenths of a watt. Chosen.
pub const NOTHING: Watts = Watts(0.1);

/// A package that draws this much works. Chosen: the packages of servers and laptops idle above it.
pub const WORKING: Watts = Watts(1.0);

/// Largest difference between the counter and the power of one device, as a share of the larger: twice what NVML's manual
/// states for either.
pub const DISAGREEMENT: f64 = 0.10;

/// Times that both are read.
pub const LOOKS: usize = 4;

/// Between two of them: more than the window of a counter's mean power.
const PAUSE: Duration = Duration::from_millis(110);

/// Mean and most that a source showed.
#[derive(Clone, Copy, Debug)]
struct Shown {
    mean: Watts,
    most: Watts,
}

/// Marks the sources that contradict the CPU package.
pub(super) fn mark(candidates: &mut [Candidate]) {
    let is = |candidate: &Candidate, wanted: fn(Boundary) -> bool| {
        let source = candidate.probe.source.as_ref().filter(|_| candidate.meter.is_some());
        source.is_some_and(|source| source.provenance.is_measured() && wanted(source.boundary))
    };
    let Some(package) = candidates.iter().position(|one| is(one, |boundary| boundary == Boundary::CpuPackage)) else {
        return;
    };
    let held: Vec<usize> = (0..candidates.len()).filter(|&index| is(&candidates[index], is_comparable)).collect();
    if held.is_empty() {
        return;
    }
    let shown = look(candidates, package, &held);
    let Some((inside, of_package)) = candidates[package].probe.source.clone().zip(shown[0]) else { return };
    for (&index, shown) in held.iter().zip(&shown[1..]) {
        let probe = &mut candidates[index].probe;
        if let (Some(source), Some(shown)) = (&probe.source, shown) {
            let doubt = contradiction((source, *shown), (&inside, of_package));
            probe.doubt = probe.doubt.take().or(doubt);
        }
    }
}

/// What speaks against a device whose counter rises at `counted`, give or take `rounding`, while its power shows `shown`:
/// both cannot be right, and nobody knows which is wrong.
pub(super) fn disagreement(counted: Watts, shown: Watts, rounding: Watts) -> Option<String> {
    let (difference, larger) = ((counted - shown).0.abs(), counted.max(shown));
    let differs = difference > DISAGREEMENT * larger.0 + rounding.0;
    differs.then(|| {
        let percent = 100.0 * difference / larger.0;
        format!(
            "its energy counter rises at {counted:.1} and its power shows {shown:.1}: they differ by {percent:.0} %, and \
             nobody knows which is wrong"
        )
    })
}

/// A board's own sensor may well show less than the package; it is looked at for showing nothing.
fn is_comparable(boundary: Boundary) -> bool {
    boundary.holds_cpu() || matches!(boundary, Boundary::Accelerator | Boundary::Package | Boundary::Unknown)
}

/// What the package and those held against it showed, in their order; none for one that showed nothing.
fn look(candidates: &mut [Candidate], package: usize, held: &[usize]) -> Vec<Option<Shown>> {
    let epoch = Instant::now();
    let order: Vec<usize> = std::iter::once(package).chain(held.iter().copied()).collect();
    let mut powers: Vec<Vec<f64>> = vec![Vec::new(); order.len()];
    for _ in 0..LOOKS {
        std::thread::sleep(PAUSE);
        for (&index, powers) in order.iter().zip(&mut powers) {
            let now = Seconds(epoch.elapsed().as_secs_f64());
            let power = candidates[index].meter.as_mut().and_then(|meter| meter.read(now).power.ok());
            powers.extend(power.filter(|power| power.is_finite()).map(|power| power.0));
        }
    }
    let shown = |powers: &Vec<f64>| {
        let most = powers.iter().copied().reduce(f64::max)?;
        Some(Shown { mean: Watts(stats::mean(powers)?), most: Watts(most) })
    };
    powers.iter().map(shown).collect()
}

/// What speaks against a source that showed `shown` beside a package that showed `of_package`.
fn contradiction((source, shown): (&Source, Shown), (inside, of_package): (&Source, Shown)) -> Option<String> {
    let band = |source: &Source| source.relative_uncertainty.unwrap_or(0.0);
    if shown.most.0 < NOTHING.0 && of_package.mean.0 >= WORKING.0 {
        return Some(format!(
            "it shows {} while {}, the CPU package, draws {:.1}: nothing is measured there",
            in_words(shown.most),
            inside.name,
            of_package.mean
        ));
    }
    let is_one = inside.method.contains(" 1 CPU package") || source.boundary == Boundary::Wall;
    let is_less = shown.most.0 * (1.0 + band(source)) < of_package.mean.0 * (1.0 - band(inside));
    (source.boundary.holds_cpu() && inside.provenance != Provenance::Modelled && is_one && is_less).then(|| {
        format!(
            "it shows {:.1}, less than the {:.1} of {}, which lies inside it",
            shown.most, of_package.mean, inside.name
        )
    })
}
