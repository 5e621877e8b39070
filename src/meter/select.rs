//! Which source: every candidate is tried by reading it, and the best one that covers the accelerator is taken.
//!
//! | the flight's adapter | sources that cover it, best first |
//! |---|---|
//! | a board of its own | that board's sensor ([`super::nvml`], [`super::hwmon`]), the whole machine's |
//! | inside the CPU package | its module's sensor, the CPU package's ([`super::rapl`]), the whole machine's |
//! | a software renderer, or candle on the CPU | the CPU package's, its module's, the whole machine's, [`super::cpu_time`] |
//!
//! Of several boundaries of one board the narrowest that holds the accelerator is taken: board, package, module. What is in
//! doubt ([`super::doubts`]) is not chosen. Where none can be read the flight gets what there is, and [`Selection::covers_accelerator`] is false.

use super::Meter;
use super::address::AddressError;
use super::board::BoardFacts;
use super::probe::{Place, Probe};
use super::trial::{Candidate, Roots, candidates};
use super::{doubts, sum};
use crate::reading::Boundary;

/// What kind of machine the work runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceleratorKind {
    /// A board with a supply of its own.
    Discrete,
    /// A part of the CPU package.
    Integrated,
    /// The CPU itself.
    Software,
}

/// What is known of the flight's adapter, to find its sensor. Empty and `None` are unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accelerator {
    /// Where it computes.
    pub kind: AcceleratorKind,
    /// Its name as the graphics driver has it.
    pub name: String,
    /// PCI vendor, such as `0x10de`.
    pub vendor_id: Option<u32>,
    /// PCI address, such as `0000:65:00.0`.
    pub pci_address: Option<String>,
}

impl Accelerator {
    /// The CPU: a software renderer, or candle's CPU device.
    pub fn software() -> Accelerator {
        Accelerator { kind: AcceleratorKind::Software, name: String::new(), vendor_id: None, pci_address: None }
    }
}

/// The source of a flight, and what became of every candidate.
pub struct Selection {
    /// The source.
    pub meter: Box<dyn Meter>,
    /// False if the accelerator draws its power outside what the source covers.
    pub covers_accelerator: bool,
    /// Sources beside it, with other boundaries or asked for by name: to be read and shown side by side, never added,
    /// since one may contain the other.
    pub beside: Vec<Box<dyn Meter>>,
    /// All candidates, the chosen one among them.
    pub probes: Vec<Probe>,
}

impl Selection {
    /// What speaks against the source, where it was asked for by name all the same.
    pub fn doubt(&self) -> Option<&str> {
        let name = &self.meter.source().name;
        self.probes.iter().find(|probe| probe.name == *name)?.doubt.as_deref()
    }

    /// What stands on the source's boards beside their power: on its own, or on those of its parts. Empty where it is no
    /// board with a library.
    pub fn facts(&self) -> Vec<&BoardFacts> {
        let name = &self.meter.source().name;
        let parts = self.probes.iter().find(|probe| probe.name == *name).map_or(&[][..], |probe| &probe.parts);
        let is_of_it = |probe: &&Probe| probe.name == *name || parts.contains(&probe.name);
        self.probes.iter().filter(is_of_it).filter_map(|probe| probe.facts.as_deref()).collect()
    }
}

/// Why there is no source.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// The one that was asked for is not there, or the name fits several.
    #[error("power source `{wanted}`: not one of this machine's, or several; it must be one of {known}")]
    Unknown {
        /// As asked for.
        wanted: String,
        /// The names there are.
        known: String,
    },
    /// The one that was asked for cannot be used.
    #[error("power source {0}")]
    Refused(Box<Probe>),
    /// A text that was meant as an address and is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The same one twice.
    #[error("power source `{wanted}`: asked for twice")]
    Twice {
        /// As asked for the second time.
        wanted: String,
    },
    /// What was to be added cannot be.
    #[error("sum of {members}: {reason}")]
    Sum {
        /// The names.
        members: String,
        /// Why not.
        reason: String,
    },
    /// Several boards could be the adapter, and a guess would measure the wrong one.
    #[error("adapter `{adapter}`: could be any of the power sources {boards}; name one of them with --meter NAME")]
    Ambiguous {
        /// The adapter's name.
        adapter: String,
        /// The boards that fit.
        boards: String,
    },
    /// Not even the model.
    #[error("no power source can be read on this machine")]
    None,
}

/// Every candidate with what it read, or why not and how to mend it.
pub fn probe(roots: &Roots) -> Vec<Probe> {
    probes(tried(roots))
}

/// The same, with those at the addresses in `wanted`; what is asked for there is marked ([`Probe::asked_for`]).
///
/// # Errors
/// A name that none of them has, or an address that is none.
pub fn probe_all(roots: &Roots, wanted: &[String]) -> Result<Vec<Probe>, MeterError> {
    let (roots, wanted) = roots.with(wanted)?;
    let mut candidates = tried(&roots);
    let named = wanted.iter().map(|name| named(&candidates, name)).collect::<Result<Vec<usize>, _>>()?;
    mark_asked_for(&mut candidates, &named, &roots);
    Ok(probes(candidates))
}

/// The candidates, and a line for each sum.
fn tried(roots: &Roots) -> Vec<Candidate> {
    let mut candidates = candidates(roots);
    for (name, members) in roots.sums() {
        let sum = sum::candidate(&mut candidates, roots, &name, members);
        candidates.push(sum.unwrap_or_else(|error| sum::refused(&name, &error)));
    }
    doubts::mark(&mut candidates);
    candidates
}

/// Marks the candidates at these places, and the parts of sums.
fn mark_asked_for(candidates: &mut [Candidate], places: &[usize], roots: &Roots) {
    let members: Vec<usize> =
        roots.sums().flat_map(|(_, members)| members).filter_map(|member| named(candidates, member).ok()).collect();
    for &place in places.iter().chain(&members) {
        candidates[place].probe.asked_for = true;
    }
}

/// Opens the source for a flight on `accelerator` and those beside it.
///
/// `wanted` holds names and addresses ([`Address`](super::Address)). The first is the flight's source, or the best one
/// where none is wanted. The others are read beside it, and so is one source that measures for each boundary that
/// nobody covers yet.
pub fn open_all(roots: &Roots, wanted: &[String], accelerator: &Accelerator) -> Result<Selection, MeterError> {
    let (roots, wanted) = roots.with(wanted)?;
    let mut candidates = candidates(&roots);
    for (name, members) in roots.sums() {
        let sum = sum::candidate(&mut candidates, &roots, &name, members)?;
        candidates.push(sum);
    }
    // A sum is judged as a whole: each supply of a machine may well give less than its CPU package draws.
    doubts::mark(&mut candidates);
    candidates.iter_mut().filter_map(|candidate| candidate.meter.as_mut()).for_each(|meter| meter.begin_anew());
    let mut named = wanted.iter().map(|name| named(&candidates, name)).collect::<Result<Vec<usize>, _>>()?;
    // What is a part of a sum is not read beside it.
    let parts: Vec<&String> = candidates.iter().flat_map(|candidate| &candidate.probe.parts).collect();
    let is_part: Vec<bool> = named.iter().map(|&index| parts.contains(&&candidates[index].probe.name)).collect();
    let mut is_part = is_part.into_iter();
    named.retain(|_| !is_part.next().unwrap_or(false));
    if let Some(again) = (1..named.len()).find(|&index| named[..index].contains(&named[index])) {
        return Err(MeterError::Twice { wanted: candidates[named[again]].probe.name.clone() });
    }
    mark_asked_for(&mut candidates, &named, &roots);
    let (chosen, others) = match named.split_first() {
        Some((&first, others)) => (first, others),
        None => (best(&candidates, accelerator)?, &[][..]),
    };
    let (meter, covers_accelerator) = take(&mut candidates, chosen, accelerator)?;
    let mut beside = vec![];
    for &other in others {
        beside.push(take(&mut candidates, other, accelerator)?.0);
    }
    let mut covered: Vec<Boundary> = beside.iter().chain([&meter]).map(|meter| meter.source().boundary).collect();
    // Another board is another board's: it says nothing of this flight unless it is asked for.
    covered.extend([Boundary::Accelerator, Boundary::Package]);
    for candidate in &mut candidates {
        let source = candidate.meter.as_ref().map(|meter| meter.source()).filter(|source| {
            // A part says less than the whole that is read, and what is in doubt says nothing.
            !source.boundary.is_part() && source.boundary.is_known() && candidate.probe.doubt.is_none()
        });
        let Some(boundary) = source.filter(|source| source.provenance.is_measured()).map(|source| source.boundary)
        else {
            continue;
        };
        if !covered.contains(&boundary) {
            covered.push(boundary);
            beside.extend(candidate.meter.take());
        }
    }
    Ok(Selection { meter, covers_accelerator, beside, probes: probes(candidates) })
}

/// The meter of a candidate and whether it covers the accelerator, or why it cannot be used.
fn take(
    candidates: &mut [Candidate],
    index: usize,
    accelerator: &Accelerator,
) -> Result<(Box<dyn Meter>, bool), MeterError> {
    let covers_accelerator = covers(&candidates[index], accelerator) != Fit::No;
    match candidates[index].meter.take() {
        Some(meter) => Ok((meter, covers_accelerator)),
        None => Err(MeterError::Refused(Box::new(candidates[index].probe.clone()))),
    }
}

fn probes(candidates: Vec<Candidate>) -> Vec<Probe> {
    candidates.into_iter().map(|candidate| candidate.probe).collect()
}

/// The place of the candidate that a person calls `wanted`.
pub(super) fn named(candidates: &[Candidate], wanted: &str) -> Result<usize, MeterError> {
    let names = || candidates.iter().map(|candidate| candidate.probe.name.as_str());
    if let Some(exact) = names().position(|name| name == wanted) {
        return Ok(exact);
    }
    let mut fitting = names().enumerate().filter(|(_, name)| name.split(':').next() == Some(wanted));
    match (fitting.next(), fitting.next()) {
        (Some((only, _)), None) => Ok(only),
        _ => {
            let known = names().collect::<Vec<_>>().join(", ");
            Err(MeterError::Unknown { wanted: wanted.to_owned(), known })
        }
    }
}

/// How sure it is that a source covers the accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    No,
    Perhaps,
    Sure,
}

/// The boundaries of a board that may hold an accelerator, narrowest first.
const OF_BOARD: [Boundary; 5] =
    [Boundary::Accelerator, Boundary::Package, Boundary::Apu, Boundary::Module, Boundary::Unknown];

fn best(candidates: &[Candidate], accelerator: &Accelerator) -> Result<usize, MeterError> {
    use Boundary::{CpuPackage, Process, Wall};
    let with = |wanted: Boundary| {
        let is_it = |candidate: &Candidate| is_usable(candidate) && boundary(candidate) == Some(wanted);
        candidates.iter().position(is_it)
    };
    // What computes on the CPU is best seen by its package.
    if let (AcceleratorKind::Software, Some(package)) = (accelerator.kind, with(CpuPackage)) {
        return Ok(package);
    }
    if let Some(board) = board(candidates, accelerator)? {
        return Ok(board);
    }
    let order = match accelerator.kind {
        // The package does not see a board.
        AcceleratorKind::Discrete => [Wall, CpuPackage, Process],
        AcceleratorKind::Integrated | AcceleratorKind::Software => [CpuPackage, Wall, Process],
    };
    order.into_iter().find_map(with).ok_or(MeterError::None)
}

fn boundary(candidate: &Candidate) -> Option<Boundary> {
    candidate.probe.source.as_ref().map(|source| source.boundary)
}

/// It answers, and nothing speaks against what it says.
fn is_usable(candidate: &Candidate) -> bool {
    candidate.meter.is_some() && candidate.probe.doubt.is_none()
}

/// The sensor of the accelerator's board; none where there is none.
fn board(candidates: &[Candidate], accelerator: &Accelerator) -> Result<Option<usize>, MeterError> {
    let rank = |candidate: &Candidate| {
        boundary(candidate).and_then(|boundary| OF_BOARD.iter().position(|&known| known == boundary))
    };
    let boards: Vec<(usize, (Fit, std::cmp::Reverse<usize>))> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| is_usable(candidate))
        .filter_map(|(index, candidate)| {
            let fit = covers(candidate, accelerator);
            Some((index, (fit, std::cmp::Reverse(rank(candidate)?)))).filter(|_| fit != Fit::No)
        })
        .collect();
    let best_fit = boards.iter().map(|&(_, fit)| fit).max();
    let mut fitting: Vec<usize> =
        boards.iter().filter(|&&(_, fit)| Some(fit) == best_fit).map(|&(index, _)| index).collect();
    // Of two dies that both report the total either is the right one, and the first is taken.
    let names: Vec<String> = fitting.iter().map(|&index| candidates[index].probe.name.clone()).collect();
    fitting.retain(|&index| candidates[index].probe.same_as.as_ref().is_none_or(|other| !names.contains(other)));
    match fitting.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(*only)),
        several => {
            let names: Vec<&str> = several.iter().map(|&index| candidates[index].probe.name.as_str()).collect();
            Err(MeterError::Ambiguous { adapter: accelerator.name.clone(), boards: names.join(", ") })
        }
    }
}

fn covers(candidate: &Candidate, accelerator: &Accelerator) -> Fit {
    use AcceleratorKind::{Discrete, Integrated, Software};
    let Some(source) = &candidate.probe.source else { return Fit::No };
    match (source.boundary, accelerator.kind) {
        (Boundary::Wall, _)
        | (Boundary::CpuPackage, Integrated | Software)
        | (Boundary::Apu | Boundary::Module | Boundary::Process, Software) => Fit::Sure,
        (Boundary::Accelerator | Boundary::Package, Discrete)
        | (Boundary::Apu | Boundary::Module, Discrete | Integrated) => {
            // A sum holds the accelerator where one of its parts does.
            let fits = candidate.places_of_parts.iter().map(|place| same_board(place, accelerator));
            fits.max().unwrap_or_else(|| same_board(&candidate.place, accelerator))
        }
        // Of what nobody says what it covers at least the device must be the accelerator's.
        (Boundary::Unknown, Discrete | Integrated) if candidate.place != Place::default() => {
            same_board(&candidate.place, accelerator)
        }
        _ => Fit::No,
    }
}

/// Two PCI addresses decide. Without them the vendors must not differ, nor the names if both are known.
fn same_board(place: &Place, accelerator: &Accelerator) -> Fit {
    let address = |text: &Option<String>| text.as_deref().and_then(pci_address);
    if let (Some(sensor), Some(adapter)) = (address(&place.pci_address), address(&accelerator.pci_address)) {
        return if sensor == adapter { Fit::Sure } else { Fit::No };
    }
    if place.vendor_id.zip(accelerator.vendor_id).is_some_and(|(sensor, adapter)| sensor != adapter) {
        return Fit::No;
    }
    match place.product.as_deref() {
        Some(product) if !accelerator.name.is_empty() => {
            let (product, name) = (product.to_lowercase(), accelerator.name.to_lowercase());
            if product.contains(&name) || name.contains(&product) { Fit::Perhaps } else { Fit::No }
        }
        _ => Fit::Perhaps,
    }
}

/// Domain, bus, device and function of `0000:65:00.0`, `00000000:65:00.0` or `65:00.0`.
pub(super) fn pci_address(text: &str) -> Option<[u32; 4]> {
    let (rest, function) = text.trim().rsplit_once('.')?;
    let mut parts = rest.rsplit(':').map(|part| u32::from_str_radix(part, 16));
    let device = parts.next()?.ok()?;
    let bus = parts.next()?.ok()?;
    let domain = parts.next().unwrap_or(Ok(0)).ok()?;
    Some([domain, bus, device, u32::from_str_radix(function, 16).ok()?])
}
