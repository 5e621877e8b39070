//! NVIDIA's boards, by the questions that their management library answers with one whole number.
//!
//! | wanted | asked, first to last |
//! |---|---|
//! | energy (mJ since the driver was loaded; Volta and newer) | `nvmlDeviceGetTotalEnergyConsumption`, field 83 |
//! | newest power, running mean (mW) | field 186, field 185, both of scope 0 |
//! | the module's, the memory's | the same of scope 1 (Grace Hopper) and of scope 2 |
//! | power without a name | `nvmlDeviceGetPowerUsage`: what it means depends on the board (`sensing`) |
//! | what slows it down | counters (`throttle`), and the bit mask of the clocks' event reasons |
//! | limits, clocks, temperatures, partitions, processes | [`Question`] |
//!
//! [`library`] is the one file that names the library; [`stand_in`] answers from a file in its place. Everything that is
//! decided is decided here, on plain numbers.

pub mod library;
mod sensing;
pub mod stand_in;
mod throttle;

pub use library::{NvmlDriver, limit_by_id, limit_of};
pub use stand_in::{StandIn, StandInDriver};

use super::board::{self, Board, BoardFacts, Fact, PowerKind};
use super::plausible;
use super::probe::Place;
use super::throttle::ThrottleLook;
use crate::reading::{NoData, Sensing};
use crate::units::{Kelvin, Watts};
use serde::Deserialize;
use strum::VariantArray;

/// PCI vendor of NVIDIA.
pub const VENDOR_ID: u32 = 0x10de;

/// 0 °C.
const FREEZING: f64 = 273.15;

/// What can be asked of a board, with the unit of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// mJ since the driver was loaded.
    Energy,
    /// mW.
    PowerUsage,
    /// The strictest of all limits, mW.
    EnforcedLimit,
    /// The limit that the board starts with, mW.
    DefaultLimit,
    /// The lowest limit that can be set, mW.
    LowestLimit,
    /// The highest limit that can be set, mW.
    HighestLimit,
    /// Bits of `nvmlClocksEventReason*`.
    EventReasons,
    /// Of the chip, mK.
    Temperature,
    /// Of the multiprocessors, MHz.
    CoreClock,
    /// MHz.
    MemoryClock,
    /// 1 where it is cut into instances (MIG).
    Partitioned,
    /// 1 where the driver stays loaded.
    Persistent,
    /// A field of `nvmlDeviceGetFieldValues`, by its number in CUDA 12.
    Field {
        /// `NVML_FI_DEV_*`.
        id: u32,
        /// 0 the board, 1 the module, 2 the memory.
        scope: u32,
    },
}

/// Who a board is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Product name.
    pub name: String,
    /// `GPU-...`.
    pub id: String,
    /// As the library gives it.
    pub pci_address: Option<String>,
    /// Generation.
    pub architecture: Architecture,
}

/// Generations that differ in what their power means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Up to Turing.
    BeforeAmpere,
    /// A100 and A30, and all other boards with a GA100.
    Ga100,
    /// Ampere otherwise, and Ada.
    AmpereOrAda,
    /// Hopper.
    Hopper,
    /// Newer, or not said.
    Other,
}

impl Architecture {
    /// An Ampere board by its name: those with a GA100 are A100, A800 and A30, with or without letters behind.
    pub fn of_ampere(name: &str) -> Architecture {
        let is_ga100 = |word: &str| ["A100", "A100X", "A800", "A30", "A30X"].contains(&word);
        let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
        if words.any(is_ga100) { Architecture::Ga100 } else { Architecture::AmpereOrAda }
    }
}

/// A board behind the library. Absence is a cause.
pub trait Device: Send {
    /// Who it is.
    fn identity(&self) -> &Identity;
    /// Asks all of them, the fields among them at once.
    fn ask(&mut self, questions: &[Question]) -> Vec<Result<u64, NoData>>;
    /// Processes with a context on the board, by their numbers.
    fn processes(&mut self) -> Result<Vec<u32>, NoData>;
    /// Finds the board again by its identifier.
    fn reopen(&mut self) -> Result<(), NoData>;
    /// True for a board that is made up.
    fn is_stand_in(&self) -> bool {
        false
    }
}

const POWER_AVERAGE: u32 = 185;
const POWER_INSTANT: u32 = 186;
const TOTAL_ENERGY: Question = field(83, 0);
const MEMORY_TEMPERATURE: Question = field(82, 0);

/// What is asked for each kind of power, in the order of [`PowerKind::VARIANTS`]; the first that answers is kept.
const POWERS: [&[Question]; 5] = [
    &[field(POWER_INSTANT, 0)],
    &[field(POWER_AVERAGE, 0)],
    &[Question::PowerUsage],
    &[field(POWER_AVERAGE, 1), field(POWER_INSTANT, 1)],
    &[field(POWER_AVERAGE, 2), field(POWER_INSTANT, 2)],
];

const fn field(id: u32, scope: u32) -> Question {
    Question::Field { id, scope }
}

/// A board with what was found out about it.
pub struct NvmlBoard {
    device: Box<dyn Device>,
    /// The question behind each kind of power, in the order of [`PowerKind::VARIANTS`].
    powers: [Question; 5],
    energy: Question,
    /// In the order of [`throttle::COUNTERS`].
    counters: [Question; 5],
}

impl NvmlBoard {
    /// Finds out which questions the board answers: of several the first that gives a count, else the first.
    pub fn new(mut device: Box<dyn Device>) -> NvmlBoard {
        let mut first_of = |candidates: &[Question]| {
            let [only] = candidates else {
                let answers = device.ask(candidates);
                let is_count = |answer: &Result<u64, NoData>| answer.is_ok_and(|count| !plausible::is_sentinel(count));
                return candidates[answers.iter().position(is_count).unwrap_or(0)];
            };
            *only
        };
        let powers = POWERS.map(&mut first_of);
        let energy = first_of(&[Question::Energy, TOTAL_ENERGY]);
        let counters = throttle::COUNTERS.map(|(_, candidates)| first_of(candidates));
        NvmlBoard { device, powers, energy, counters }
    }

    fn ask(&mut self, question: Question) -> Result<u64, NoData> {
        self.device.ask(&[question]).pop().unwrap_or(Err(NoData::NotSupported))
    }

    /// An answer that is no sentinel, in units of `unit`.
    fn fact(&mut self, question: Question, unit: f64) -> Result<f64, NoData> {
        let answer = self.ask(question)?;
        if plausible::is_sentinel(answer) { Err(NoData::Implausible) } else { Ok(answer as f64 * unit) }
    }

    fn yes(&mut self, question: Question) -> Fact<bool> {
        self.ask(question).map(|answer| answer == 1).into()
    }

    fn limit(&mut self, question: Question) -> Fact<Watts> {
        self.fact(question, 1e-3).map(Watts).into()
    }
}

impl Board for NvmlBoard {
    fn name(&self) -> String {
        self.device.identity().name.clone()
    }

    fn id(&self) -> String {
        self.device.identity().id.clone()
    }

    fn place(&self) -> Place {
        let identity = self.device.identity();
        Place {
            pci_address: identity.pci_address.clone(),
            vendor_id: Some(VENDOR_ID),
            product: Some(identity.name.clone()),
        }
    }

    fn energy_mj(&mut self) -> Result<u64, NoData> {
        self.ask(self.energy)
    }

    fn power_limit_mw(&mut self) -> Result<u64, NoData> {
        self.ask(Question::EnforcedLimit)
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        self.device.reopen()
    }

    fn powers_mw(&mut self, wanted: &[PowerKind]) -> Vec<Result<u64, NoData>> {
        let questions: Vec<Question> = wanted.iter().map(|&kind| self.powers[kind as usize]).collect();
        self.device.ask(&questions)
    }

    fn sensing(&self, kind: PowerKind) -> Sensing {
        let is_instant = matches!(self.powers[kind as usize], Question::Field { id: POWER_INSTANT, .. });
        sensing::of(self.device.identity().architecture, kind, is_instant)
    }

    fn throttle(&mut self) -> Result<ThrottleLook, NoData> {
        let counters = self.device.ask(&self.counters);
        throttle::look(self.ask(Question::EventReasons), &counters)
    }

    fn facts(&mut self) -> BoardFacts {
        let own = std::process::id();
        let slowed_by = self.throttle().map(|look| look.in_force());
        let kelvin = |celsius: f64| Kelvin(celsius + FREEZING);
        let power_limit_w = self.limit(Question::EnforcedLimit);
        let rated = power_limit_w.value.filter(|limit| limit.0 > 0.0);
        let answers = self.powers_mw(PowerKind::VARIANTS);
        let power = |kind: PowerKind| -> Fact<Watts> {
            let answer = answers.get(kind as usize).copied().unwrap_or(Err(NoData::NotSupported));
            board::power(kind, rated, answer).into()
        };
        BoardFacts {
            name: self.name(),
            id: self.id(),
            power_limit_w,
            default_power_limit_w: self.limit(Question::DefaultLimit),
            lowest_power_limit_w: self.limit(Question::LowestLimit),
            highest_power_limit_w: self.limit(Question::HighestLimit),
            instant_power_w: power(PowerKind::Instant),
            average_power_w: power(PowerKind::Average),
            reported_power_w: power(PowerKind::Reported),
            module_power_w: power(PowerKind::Module),
            memory_power_w: power(PowerKind::Memory),
            core_clock_hz: self.fact(Question::CoreClock, 1e6).into(),
            memory_clock_hz: self.fact(Question::MemoryClock, 1e6).into(),
            chip_k: self.fact(Question::Temperature, 1e-3).map(Kelvin).into(),
            memory_k: self.fact(MEMORY_TEMPERATURE, 1.0).map(kelvin).into(),
            is_partitioned: self.yes(Question::Partitioned),
            is_persistent: self.yes(Question::Persistent),
            other_processes: self
                .device
                .processes()
                .map(|mut all| {
                    all.retain(|&process| process != own);
                    all.sort_unstable();
                    all.dedup();
                    all
                })
                .into(),
            slowed_by: slowed_by.into(),
        }
    }

    fn is_stand_in(&self) -> bool {
        self.device.is_stand_in()
    }
}
