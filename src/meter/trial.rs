//! Trying every source by reading it: side by side, each on a thread of its own, so that one that hangs costs its own
//! deadline and nothing more.
//!
//! A source that is found by itself has one line in [`KINDS`], which lists its trials; boards behind a library come first
//! ([`BoardDriver`]), and an address has its trial in [`of_address`].

use super::address::{Address, AddressError};
use super::board::{BoardDriver, BoardFacts};
use super::channel::{Channel, Sensor};
use super::counter;
use super::doors::{Exec, Web};
use super::exec;
use super::nvml::{BoardSensor, Device, NvmlBoard, NvmlDriver};
use super::pending::{Pending, no_thread};
use super::probe::{Beside, Place, Probe, Refusal};
use super::ptdaemon::PtDaemon;
use super::recorded::Recorded;
use super::shelly::Shelly;
use super::sysfs::Tree;
use super::thread::{Answers, DEADLINE, LOOK_WAIT, Threaded};
use super::web;
use super::{Meter, acpi, apple, cpu_time, cray, duplicates, hwmon, jetson, rapl};
use crate::reading::{NoData, Reading};
use crate::units::{Seconds, Watts};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The kinds of sources that are found by themselves, in the order of the report. The model comes last.
const KINDS: [fn(&Roots) -> Vec<Trial>; 8] = [
    hwmon::trials,
    jetson::trials,
    acpi::trials,
    cray::trials,
    of_addresses,
    apple::trials,
    rapl::trials,
    cpu_time::trials,
];

/// Reads whose mean is the cost of one.
const COST_READS: u32 = 5;

/// How long the first sample of a meter on the network is waited for.
const FIRST_SAMPLE: Duration = Duration::from_secs(5);

/// A slow source may take this long to open: a few questions, and the first sample.
const SLOW_DEADLINE: Seconds = Seconds(15.0);

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
    ///
    /// # Errors
    /// A text that is meant as an address and is none.
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

    /// The sums that are asked for: their names, and those of their members.
    pub(super) fn sums(&self) -> impl Iterator<Item = (String, &[String])> {
        self.addresses.iter().enumerate().filter_map(|(index, address)| match address {
            Address::Sum(members) => Some((name_of(&self.addresses[..index], address), members.as_slice())),
            _ => None,
        })
    }

    /// The address of the source `name`; none where it is one of this machine's.
    pub(super) fn address_of(&self, name: &str) -> Option<&Address> {
        let named = |&(index, address): &(usize, &Address)| name_of(&self.addresses[..index], address) == name;
        self.addresses.iter().enumerate().find(named).map(|(_, address)| address)
    }

    /// The longest that a source may take that is slow to answer.
    pub(super) fn slow_deadline(&self) -> Seconds {
        self.source_deadline.max(SLOW_DEADLINE)
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
    /// Where its parts are; empty where it is no sum.
    pub(super) places_of_parts: Vec<Place>,
    pub(super) meter: Option<Box<dyn Meter>>,
}

impl Candidate {
    pub(super) fn refused(name: &str, refusal: Refusal) -> Candidate {
        Candidate::of(Probe::refused(name, refusal), None)
    }

    fn accepted(meter: Box<dyn Meter>, (first, read_cost): (Reading, Seconds)) -> Candidate {
        let mut probe = Probe::accepted(meter.source(), &first, read_cost);
        let shown = meter.beside().into_iter().map(|(reading, _)| reading.power.ok());
        let beside = meter.beside_sources().into_iter().zip(shown.chain(std::iter::repeat(None)));
        probe.beside = beside.map(|(source, power_w)| Beside { source, power_w }).collect();
        Candidate::of(probe, Some(meter))
    }

    fn of(probe: Probe, meter: Option<Box<dyn Meter>>) -> Candidate {
        Candidate { probe, place: Place::default(), places_of_parts: Vec::new(), meter }
    }

    /// Reads a source on a thread that answers at once.
    pub(super) fn on_thread<S: Sensor + 'static>(channel: Channel<S>) -> Result<Candidate, Refusal> {
        let (epoch, period) = (Instant::now(), channel.poll_period());
        let nothing_yet = Reading::absent(Seconds::ZERO, NoData::NotYet);
        let mut meter = threaded(
            Box::new(channel),
            (epoch, nothing_yet),
            period,
            Answers::Fresh { wait: LOOK_WAIT, oldest: DEADLINE },
        )?;
        let first = first_of(meter.as_mut(), epoch)?;
        Ok(Candidate::accepted(meter, first))
    }

    /// Reads a source that is slow to answer, and leaves it to a thread that asks once an update.
    pub(super) fn slow<S: Sensor + 'static>(channel: Channel<S>) -> Result<Candidate, Refusal> {
        let period = channel.source().update_period_s;
        Candidate::slow_every(period, channel)
    }

    /// The same of a source that speaks by itself, to which the thread listens every `period`.
    pub(super) fn slow_every<S: Sensor + 'static>(
        period: Seconds,
        mut channel: Channel<S>,
    ) -> Result<Candidate, Refusal> {
        let epoch = Instant::now();
        let first = slow_first_of(&mut channel, epoch)?;
        let meter = threaded(Box::new(channel), (epoch, first.0), period, Answers::Latest)?;
        Ok(Candidate::accepted(meter, first))
    }

    /// Reads a source that cannot hang. Without a thread it is read on the flight's clock, not on the one of its trial, so
    /// the flight gets a `fresh` one.
    pub(super) fn here<S: Sensor + 'static>(mut tried: Channel<S>, fresh: Channel<S>) -> Result<Candidate, Refusal> {
        let first = first_of(&mut tried, Instant::now())?;
        Ok(Candidate::accepted(Box::new(fresh), first))
    }

    /// The same with what speaks against its numbers.
    pub(super) fn doubted(mut self, doubt: Option<String>) -> Candidate {
        self.probe.doubt = doubt;
        self
    }

    /// The same, which the machine says to be the sum over `packages` CPU packages.
    pub(super) fn of_packages(mut self, packages: usize) -> Candidate {
        self.probe.packages = u32::try_from(packages).ok();
        self
    }

    /// The same, of which a question takes `cost`.
    fn costing(mut self, cost: Seconds) -> Candidate {
        self.probe.read_cost_s = Some(cost);
        self
    }

    /// The same at its place.
    pub(super) fn at(self, place: Place) -> Candidate {
        Candidate { place, ..self }
    }

    /// The same with what stands on its board; nothing is said for a library that tells nothing.
    pub(super) fn with_facts(mut self, facts: BoardFacts) -> Candidate {
        self.probe.facts = (!facts.id.is_empty()).then(|| Box::new(facts));
        self
    }
}

/// A candidate, a refusal, or nothing where there is no power source at all.
pub(super) type Attempt = Result<Option<Candidate>, Refusal>;

/// An attempt under way, by the name that it has until it knows a better one.
pub(super) struct Trial {
    name: String,
    pending: Pending<Attempt>,
}

impl Trial {
    pub(super) fn start(
        name: impl Into<String>,
        deadline: Seconds,
        work: impl FnOnce() -> Attempt + Send + 'static,
    ) -> Trial {
        Trial { name: name.into(), pending: Pending::start(deadline, work) }
    }

    fn end(self) -> Option<Candidate> {
        match self.pending.wait().and_then(|attempt| attempt) {
            Ok(candidate) => candidate,
            Err(refusal) => Some(Candidate::refused(&self.name, refusal)),
        }
    }
}

/// All sources of this machine: boards first, then the tree's, then the model.
pub(super) fn candidates(roots: &Roots) -> Vec<Candidate> {
    let list = |driver: &Arc<dyn BoardDriver>| {
        let theirs = Arc::clone(driver);
        (driver.name(), Pending::start(roots.library_deadline, move || theirs.boards()))
    };
    let libraries: Vec<_> = roots.drivers.iter().map(list).collect();
    let trials: Vec<Trial> = KINDS.iter().flat_map(|kind| kind(roots)).collect();
    let mut candidates = Vec::new();
    let mut boards = Vec::new();
    for (library, pending) in libraries {
        match pending.wait().and_then(|listed| listed) {
            Ok(listed) => boards.extend(listed.into_iter().enumerate().map(|(index, device)| {
                let name = format!("{library}:{index}");
                Trial::start(name.clone(), roots.source_deadline, move || of_board(device?, &name).map(Some))
            })),
            Err(refusal) => candidates.push(Candidate::refused(library, refusal)),
        }
    }
    candidates.extend(boards.into_iter().chain(trials).filter_map(Trial::end));
    duplicates::mark(&mut candidates);
    candidates
}

fn of_board(device: Box<dyn Device>, name: &str) -> Result<Candidate, Refusal> {
    let (epoch, mut board) = (Instant::now(), NvmlBoard::new(device));
    let (place, facts) = (board.place(), board.facts());
    let mut wait = |dt: Seconds| {
        std::thread::sleep(Duration::try_from_secs_f64(dt.0).unwrap_or(Duration::ZERO));
        Seconds(epoch.elapsed().as_secs_f64())
    };
    let channel = BoardSensor::open(board, name, &mut wait)?;
    let doubt = channel.sensor.doubt().map(str::to_owned);
    Ok(Candidate::on_thread(channel)?.at(place).with_facts(facts).doubted(doubt))
}

fn of_addresses(roots: &Roots) -> Vec<Trial> {
    let trial = |(index, address): (usize, &Address)| {
        let (name, address) = (name_of(&roots.addresses[..index], address), address.clone());
        let deadline = match &address {
            // A program waits for its first line by itself, and says then what is wrong.
            Address::Exec(Exec { settings, .. }) => {
                roots.slow_deadline().max(exec::first_line(settings) + SLOW_DEADLINE)
            }
            // A question for the login, one for the number, and one more for the first look.
            Address::Web(Web { settings, .. }) => roots.slow_deadline().max(settings.timeout * 4.0),
            _ => roots.slow_deadline(),
        };
        Trial::start(name.clone(), deadline, move || of_address(&name, &address).map(Some))
    };
    // A sum is made of what the others gave.
    let is_tried = |(_, address): &(usize, &Address)| !matches!(address, Address::Sum(_));
    roots.addresses.iter().enumerate().filter(is_tried).map(trial).collect()
}

fn of_address(name: &str, address: &Address) -> Result<Candidate, Refusal> {
    match address {
        Address::Recorded { file, boundary } => {
            let mut tried = Recorded::open(name, file, *boundary)?;
            let first = timed(|| tried.read(Seconds::ZERO));
            // It may say anything, and begins with the first look of the flight.
            Ok(Candidate::accepted(Box::new(Recorded::open(name, file, *boundary)?), first))
        }
        Address::Shelly { host, port, switch, phase } => {
            Candidate::slow(Shelly::open(name, host, *port, *switch, *phase)?)
        }
        Address::PtDaemon { host, port } => Candidate::slow(PtDaemon::open(name, host, *port)?),
        Address::Exec(program) => {
            let channel = exec::Exec::open(name, program)?;
            Candidate::slow_every(channel.poll_period(), channel)
        }
        Address::Web(page) => {
            // The first look tells what the question at the opening brought, and takes no time.
            let channel = web::Web::open(name, page)?;
            let cost = channel.sensor.cost();
            Ok(Candidate::slow(channel)?.costing(cost))
        }
        Address::Sum(members) => {
            Err(Refusal::new(NoData::NotSupported, format!("the sum of {}", members.join(" and "))))
        }
    }
}

fn threaded(
    meter: Box<dyn Meter>,
    first: (Instant, Reading),
    period: Seconds,
    answers: Answers,
) -> Result<Box<dyn Meter>, Refusal> {
    let threaded = Threaded::start(meter, first, period, answers).map_err(|error| no_thread(&error))?;
    Ok(Box::new(threaded))
}

/// What `read` gives, and how long it takes.
fn timed<T>(read: impl FnOnce() -> T) -> (T, Seconds) {
    let begin = Instant::now();
    let value = read();
    (value, Seconds(begin.elapsed().as_secs_f64()))
}

/// A reading with an energy, and a power above zero if it has one, over a window of the mean power; and what a read costs.
fn first_of(meter: &mut dyn Meter, epoch: Instant) -> Result<(Reading, Seconds), Refusal> {
    let clock = || Seconds(epoch.elapsed().as_secs_f64());
    meter.read(clock());
    std::thread::sleep(Duration::from_secs_f64(counter::WINDOW.0 * 1.1));
    let mut first = meter.read(clock());
    let before = clock();
    for _ in 0..COST_READS {
        first = meter.read(clock());
    }
    let read_cost = (clock() - before) / f64::from(COST_READS);
    if first.power == Ok(Watts::ZERO) && first.energy.is_ok() {
        let detail = format!("0 W from {}: nothing is measured there", meter.source().method);
        return Err(Refusal::new(NoData::Implausible, detail));
    }
    with_energy(meter, first).map(|first| (first, read_cost))
}

/// The same of a source that is slow to answer; the first sample of a measurement that has just been started takes its time.
fn slow_first_of(meter: &mut dyn Meter, epoch: Instant) -> Result<(Reading, Seconds), Refusal> {
    loop {
        let now = Seconds(epoch.elapsed().as_secs_f64());
        let (first, read_cost) = timed(|| meter.read(now));
        if first.energy != Err(NoData::NotYet) || epoch.elapsed() >= FIRST_SAMPLE {
            return with_energy(meter, first).map(|first| (first, read_cost));
        }
        std::thread::sleep(FIRST_SAMPLE / 10);
    }
}

fn with_energy(meter: &dyn Meter, first: Reading) -> Result<Reading, Refusal> {
    let refused = |cause| Refusal::new(cause, format!("no energy from {}", meter.source().method));
    first.energy.map(|_| first).map_err(refused)
}
