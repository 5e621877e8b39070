//! Sources whose numbers cannot be, told by holding them against the CPU package's, side by side, before a flight:
//!
//! * what holds the CPU package draws at least what the package draws;
//! * what shows less than [`NOTHING`] while the package works has nothing behind it: milliwatts of a chip that is idle in
//!   a package that is not, or a sensor that is not connected.
//!
//! A source that has both a counter and a power holds them against each other itself ([`disagreement`]).
//!
//! The package's figures are those of a counter that this machine has by itself ([`Probe::packages`](super::probe::Probe)):
//! a number that a person brings speaks against nothing. Package and source are read side by side, and the most that the
//! source shows is held against the least mean that the package had over [`LOOKS`] looks in a row, each at the far end of its
//! band: a load that changes meanwhile is no contradiction. What a source shows is of a time before: it counts only once it has
//! been watched for as long as it averages and takes to be renewed ([`reach`]). That is waited for, but not for longer than
//! [`LONGEST`]; a slower source is not judged. A source in doubt keeps its line with the reason and is not chosen; who asks
//! for it by name gets it, and a result that is not ranked. With several packages it is not known which of them lies inside
//! what, so then only the whole machine is held against their sum.

use super::probe::shown as in_words;
use super::trial::Candidate;
use crate::reading::{Boundary, Source};
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

/// Times that both are read at least.
pub const LOOKS: usize = 4;

/// The longest that a slow source is waited for. Chosen: a plug that averages a second and is renewed as often needs 2.5 s.
const LONGEST: Seconds = Seconds(3.0);

/// Between two of them: more than the window of a counter's mean power.
const PAUSE: Duration = Duration::from_millis(110);

/// What is held against each other.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// The most that the source showed, once what it showed was of this time.
    most: Watts,
    /// The least mean of the package.
    of_package: Watts,
}

/// Marks the sources that contradict the CPU package.
pub(super) fn mark(candidates: &mut [Candidate]) {
    let is = |candidate: &Candidate, wanted: fn(Boundary) -> bool| {
        let source = candidate.probe.source.as_ref().filter(|_| candidate.meter.is_some());
        source.is_some_and(|source| source.provenance.is_measured() && wanted(source.boundary))
    };
    let of_cpu = |one: &Candidate| one.probe.packages.is_some() && is(one, |boundary| boundary == Boundary::CpuPackage);
    let Some(package) = candidates.iter().position(of_cpu) else { return };
    let is_held = |one: &Candidate| {
        is(one, is_comparable) && one.probe.source.as_ref().is_some_and(|source| reach(source) <= LONGEST)
    };
    let held: Vec<usize> = (0..candidates.len()).filter(|&index| is_held(&candidates[index])).collect();
    if held.is_empty() {
        return;
    }
    let shown = look(candidates, package, &held);
    let judge = &candidates[package].probe;
    let Some((inside, packages)) = judge.source.clone().zip(judge.packages) else { return };
    for (&index, shown) in held.iter().zip(&shown) {
        let probe = &mut candidates[index].probe;
        if let (Some(source), Some(shown)) = (&probe.source, shown) {
            let doubt = contradiction(source, (&inside, packages), *shown);
            probe.doubt = probe.doubt.take().or(doubt);
        }
    }
}

/// How far back what a source shows may reach: it averages, the mean stands until it is renewed, and a thread asks for it
/// twice in that time.
fn reach(source: &Source) -> Seconds {
    source.sensing.averaging_s + source.update_period_s * 1.5
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

/// What those in `held` showed beside the package, in their order; none for one that showed nothing.
fn look(candidates: &mut [Candidate], package: usize, held: &[usize]) -> Vec<Option<Shown>> {
    let epoch = Instant::now();
    let reach_of = |index: usize| candidates[index].probe.source.as_ref().map_or(Seconds::ZERO, reach);
    let reaches: Vec<Seconds> = held.iter().map(|&index| reach_of(index)).collect();
    let longest = reaches.iter().copied().fold(Seconds::ZERO, Seconds::max);
    let (mut of_package, mut most) = (Vec::new(), vec![None; held.len()]);
    let mut last_looks = 0;
    while last_looks < LOOKS {
        std::thread::sleep(PAUSE);
        let now = Seconds(epoch.elapsed().as_secs_f64());
        last_looks += usize::from(now >= longest);
        let mut power = |index: usize| {
            let power = candidates[index].meter.as_mut().and_then(|meter| meter.read(now).power.ok());
            power.filter(|power| power.is_finite())
        };
        of_package.extend(power(package).map(|power| power.0));
        for ((&index, &reach), most) in held.iter().zip(&reaches).zip(&mut most) {
            if let Some(power) = power(index).filter(|_| now >= reach) {
                *most = Some(most.map_or(power, |most: Watts| most.max(power)));
            }
        }
    }
    let means = of_package.windows(LOOKS.min(of_package.len()).max(1)).filter_map(stats::mean);
    let least = means.reduce(f64::min).map(Watts);
    most.into_iter().map(|most| least.zip(most).map(|(of_package, most)| Shown { most, of_package })).collect()
}

/// What speaks against a source beside `inside`, which counts `packages` packages.
fn contradiction(source: &Source, (inside, packages): (&Source, u32), shown: Shown) -> Option<String> {
    let band = |source: &Source| source.relative_uncertainty.unwrap_or(0.0);
    if shown.most.0 < NOTHING.0 && shown.of_package.0 >= WORKING.0 {
        return Some(format!(
            "it shows {} while {}, the CPU package, draws {:.1}: nothing is measured there",
            in_words(shown.most),
            inside.name,
            shown.of_package
        ));
    }
    let is_around = source.boundary == Boundary::Wall || (source.boundary.holds_cpu() && packages == 1);
    let is_less = shown.most.0 * (1.0 + band(source)) < shown.of_package.0 * (1.0 - band(inside));
    (is_around && is_less).then(|| {
        format!(
            "it shows {:.1}, less than the {:.1} of {}, which lies inside it",
            shown.most, shown.of_package, inside.name
        )
    })
}
