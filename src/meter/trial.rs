//! Trying every source by reading it: side by side, each on a thread of its own, so that one that hangs costs its own
//! deadline and nothing more.

use super::Meter;
use super::address::{Address, AddressError};
use super::apple;
use super::board::{Board, BoardDriver, BoardFacts, BoardMeter};
use super::cpu_time::{self, CpuTime};
use super::hwmon::{self, Hwmon};
use super::jetson::{self, Jetson};
use super::mean_power;
use super::nvml::NvmlDriver;
use super::pairs;
use super::polled::Polled;
use super::probe::{Place, Probe, Refusal};
use super::ptdaemon::PtDaemon;
use super::rapl::{self, Rapl};
use super::recorded::Recorded;
use super::sampler::{DEADLINE, Pending, Sampler};
use super::shelly::Shelly;
use super::sysfs::Tree;
use crate::reading::NoData;
use crate::units::{Seconds, Watts};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reads whose mean is the cost of one.
const COST_READS: u32 = 5;

/// How long the first sample of a meter on the network is waited for.
const FIRST_SAMPLE: Duration = Duration::from_secs(5);

/// A meter on the network may take this long to open: a few questions, and the first sample.
const NETWORK_DEADLINE: Seconds = Seconds(15.0);

/// Where sources are looked for, and how long. Tests put trees and drivers of their own here.
#[derive(Clone)]
pub struct Roots {
    /// Linux's tree of attributes.
    pub sysfs: Tree,
    /// The libraries of accelerator boards.
    pub drivers: Vec<Arc<dyn BoardDriver>>,
    /// Sources elsewhere, in the order in which they were asked for.
    pub addresses: Vec<Address>,
    /// The longest that a library may take to list its boards.
    pub library_deadline: Seconds,
    /// The longest that a source may take to open and to answer a few reads.
    pub source_deadline: Seconds,
}

impl Default for Roots {
    /// This machine. A library that finds no board in use wakes all of them, some seconds each.
    fn default() -> Roots {
        Roots {
            sysfs: Tree::new("/sys"),
            drivers: vec![Arc::new(NvmlDriver)],
            addresses: Vec::new(),
            library_deadline: Seconds(20.0),
            source_deadline: Seconds(3.0),
        }
    }
}

impl Roots {
    /// These roots and the addresses among `wanted`, and all of `wanted` as names of sources.
    pub fn with(&self, wanted: &[String]) -> Result<(Roots, Vec<String>), AddressError> {
        let mut roots = self.clone();
        let mut names = Vec::new();
        for text in wanted {
            if Address::is_meant_by(text) {
                let address: Address = text.parse()?;
                names.push(name_of(&roots.addresses, &address));
                roots.addresses.push(address);
            } else {
                names.push(text.clone());
            }
        }
        Ok((roots, names))
    }
}

/// What the source at `address` is called when those before it have theirs: its kind, and its number among its kind.
fn name_of(before: &[Address], address: &Address) -> String {
    let number = before.iter().filter(|earlier| earlier.kind() == address.kind()).count();
    format!("{}:{number}", address.kind())
}

/// A source that was tried: its line in the report, and the source itself if it answered.
pub(super) struct Candidate {
    pub(super) probe: Probe,
    pub(super) place: Place,
    pub(super) meter: Option<Box<dyn Meter>>,
}

impl Candidate {
    fn refused(name: &str, refusal: Refusal) -> Candidate {
        Candidate { probe: Probe::refused(name, refusal), place: Place::default(), meter: None }
    }
}

/// A candidate, a refusal, or nothing where there is no power source at all.
type Attempt = Result<Option<Candidate>, Refusal>;

/// An attempt under way, by the name that it has until it knows a better one.
struct Trial {
    name: String,
    deadline: Seconds,
    pending: std::io::Result<Pending<Attempt>>,
}

impl Trial {
    fn start(name: &str, deadline: Seconds, work: impl FnOnce() -> Attempt + Send + 'static) -> Trial {
        Trial { name: name.to_owned(), deadline, pending: Pending::start(deadline, work) }
    }

    fn end(self) -> Option<Candidate> {
        match answer(self.pending, self.deadline).and_then(|attempt| attempt) {
            Ok(candidate) => candidate,
            Err(refusal) => Some(Candidate::refused(&self.name, refusal)),
        }
    }
}

/// The answer of work under way, or why there is none.
fn answer<T: Send + 'static>(pending: std::io::Result<Pending<T>>, deadline: Seconds) -> Result<T, Refusal> {
    pending.map_err(|error| no_thread(&error))?.wait().ok_or_else(|| {
        Refusal::new(NoData::Timeout, format!("no answer within {deadline}"))
            .with_remedy("the driver hangs: look into the kernel's log, and reset the device or restart the machine")
    })
}

fn no_thread(error: &std::io::Error) -> Refusal {
    Refusal::new(NoData::NotSupported, format!("no thread to read it on: {error}"))
}

/// All sources of this machine: boards first, then the tree's, then the model.
pub(super) fn candidates(roots: &Roots) -> Vec<Candidate> {
    let libraries: Vec<_> = roots
        .drivers
        .iter()
        .map(|driver| {
            let theirs = Arc::clone(driver);
            (driver.name(), Pending::start(roots.library_deadline, move || theirs.boards()))
        })
        .collect();
    let mut trials = Vec::new();
    for chip in hwmon::chips(&roots.sysfs) {
        let tree = roots.sysfs.clone();
        trials.push(Trial::start(&chip.clone(), roots.source_deadline, move || try_hwmon(&tree, &chip)));
    }
    let tree = roots.sysfs.clone();
    trials.push(Trial::start(jetson::NAME, roots.source_deadline, move || try_jetson(&tree)));
    for (index, address) in roots.addresses.iter().cloned().enumerate() {
        let name = name_of(&roots.addresses[..index], &address);
        let deadline = roots.source_deadline.max(NETWORK_DEADLINE);
        trials.push(Trial::start(&name.clone(), deadline, move || try_address(&name, &address)));
    }
    trials.push(Trial::start(apple::NAME, roots.source_deadline.max(NETWORK_DEADLINE), try_apple));
    let tree = roots.sysfs.clone();
    trials.push(Trial::start(rapl::NAME, roots.source_deadline, move || try_rapl(&tree)));
    trials.push(Trial::start(cpu_time::NAME, roots.source_deadline, try_cpu_time));

    let mut candidates = Vec::new();
    let mut boards = Vec::new();
    for (library, pending) in libraries {
        match answer(pending, roots.library_deadline).and_then(|listed| listed) {
            Ok(listed) => boards.extend(listed.into_iter().enumerate().map(|(index, board)| {
                let name = format!("{library}:{index}");
                Trial::start(&name.clone(), roots.source_deadline, move || try_board(board?, &name))
            })),
            Err(refusal) => candidates.push(Candidate::refused(library, refusal)),
        }
    }
    candidates.extend(boards.into_iter().chain(trials).filter_map(Trial::end));
    pairs::mark(&mut candidates);
    candidates
}

fn try_board(mut board: Box<dyn Board>, name: &str) -> Attempt {
    let epoch = Instant::now();
    let (place, facts) = (board.place(), board.facts());
    let mut wait = |dt: Seconds| {
        std::thread::sleep(Duration::try_from_secs_f64(dt.0).unwrap_or(Duration::ZERO));
        Seconds(epoch.elapsed().as_secs_f64())
    };
    let meter = BoardMeter::open(board, name, &mut wait)?;
    let period = meter.poll_period();
    Ok(with_facts(accept(place, sampled(meter, period)?)?, facts))
}

/// The candidate with what stands on its board; nothing is said for a library that tells nothing.
fn with_facts(candidate: Option<Candidate>, facts: BoardFacts) -> Option<Candidate> {
    let facts = (!facts.id.is_empty()).then(|| Box::new(facts));
    candidate.map(|candidate| Candidate { probe: Probe { facts, ..candidate.probe }, ..candidate })
}

fn try_hwmon(tree: &Tree, chip: &str) -> Attempt {
    let Some(meter) = Hwmon::open(tree, chip)? else { return Ok(None) };
    let (place, facts, period) = (meter.place().clone(), meter.facts(), meter.poll_period());
    Ok(with_facts(accept(place, sampled(meter, period)?)?, facts))
}

fn try_jetson(tree: &Tree) -> Attempt {
    let Some(meter) = Jetson::open(tree)? else { return Ok(None) };
    let (place, period) = (meter.place(), meter.poll_period());
    accept(place, sampled(meter, period)?)
}

fn try_address(name: &str, address: &Address) -> Attempt {
    match address {
        Address::Recorded { file, boundary } => {
            let mut tried = Recorded::open(name, file, *boundary)?;
            let (first, read_cost) = timed(|| tried.read(Seconds::ZERO));
            let probe = Probe::accepted(tried.source(), &first, read_cost);
            // The replay begins with the first look of the flight.
            let fresh = Recorded::open(name, file, *boundary)?;
            Ok(Some(Candidate { probe, place: Place::default(), meter: Some(Box::new(fresh)) }))
        }
        Address::Shelly { host, port, switch } => polled(Box::new(Shelly::open(name, host, *port, *switch)?)),
        Address::PtDaemon { host, port } => polled(Box::new(PtDaemon::open(name, host, *port)?)),
    }
}

/// Takes a source that is slow to answer, once it has given an energy.
fn polled(mut meter: Box<dyn Meter>) -> Attempt {
    let epoch = Instant::now();
    let mut look = || {
        let now = Seconds(epoch.elapsed().as_secs_f64());
        timed(|| meter.read(now))
    };
    let (mut first, mut read_cost) = look();
    // The first sample of a measurement that has just been started takes its time.
    while first.energy == Err(NoData::NotYet) && epoch.elapsed() < FIRST_SAMPLE {
        std::thread::sleep(FIRST_SAMPLE / 10);
        (first, read_cost) = look();
    }
    if let Err(cause) = first.energy {
        return Err(Refusal::new(cause, format!("no energy from {}", meter.source().method)));
    }
    let probe = Probe::accepted(meter.source(), &first, read_cost);
    let period = meter.source().update_period_s;
    let meter = Polled::start(meter, epoch, first, period).map_err(|error| no_thread(&error))?;
    Ok(Some(Candidate { probe, place: Place::default(), meter: Some(Box::new(meter)) }))
}

/// What `read` gives, and how long it takes.
fn timed<T>(read: impl FnOnce() -> T) -> (T, Seconds) {
    let begin = Instant::now();
    let value = read();
    (value, Seconds(begin.elapsed().as_secs_f64()))
}

/// It has a thread already, and its first interval takes its time.
fn try_apple() -> Attempt {
    apple::open().map_or(Ok(None), |chip| polled(Box::new(chip?)))
}

fn try_rapl(tree: &Tree) -> Attempt {
    accept(Place::default(), sampled(Rapl::open(tree)?, rapl::POLL_PERIOD)?)
}

fn try_cpu_time() -> Attempt {
    let tried = accept(Place::default(), Box::new(CpuTime::open()?))?;
    // Without a thread it is read on the flight's clock, not on the one of its trial: the flight gets a fresh one.
    let fresh: Box<dyn Meter> = Box::new(CpuTime::open()?);
    Ok(tried.map(|tried| Candidate { meter: Some(fresh), ..tried }))
}

fn sampled(meter: impl Meter + 'static, period: Seconds) -> Result<Box<dyn Meter>, Refusal> {
    let sampler = Sampler::start(Box::new(meter), period, DEADLINE).map_err(|error| no_thread(&error))?;
    Ok(Box::new(sampler))
}

/// Takes a source that gives an energy, and a power above zero if it gives one, over a window of the mean power.
fn accept(place: Place, mut meter: Box<dyn Meter>) -> Attempt {
    let epoch = Instant::now();
    let clock = || Seconds(epoch.elapsed().as_secs_f64());
    meter.read(clock());
    std::thread::sleep(Duration::from_secs_f64(mean_power::WINDOW.0 * 1.1));
    let mut first = meter.read(clock());
    let before = clock();
    for _ in 0..COST_READS {
        first = meter.read(clock());
    }
    let read_cost = (clock() - before) / f64::from(COST_READS);
    if let Err(cause) = first.energy {
        return Err(Refusal::new(cause, format!("no energy from {}", meter.source().method)));
    }
    if first.power == Ok(Watts::ZERO) {
        let detail = format!("0 W from {}: nothing is measured there", meter.source().method);
        return Err(Refusal::new(NoData::Implausible, detail));
    }
    let probe = Probe::accepted(meter.source(), &first, read_cost);
    Ok(Some(Candidate { probe, place, meter: Some(meter) }))
}
