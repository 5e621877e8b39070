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
//! [`library`] is the one file that names the library; [`stand_in`] answers from a file in its place, and a test puts a
//! [`Device`] of its own there. Everything that is decided is decided on plain numbers: [`NvmlBoard`] finds out which questions
//! a board answers, [`Powers`] which of its powers is used for what, [`BoardSensor`] reads it.

mod board;
pub mod library;
mod powers;
mod renewal;
mod sensing;
mod sensor;
pub mod stand_in;
mod throttle;
mod watch;

pub use board::NvmlBoard;
pub use library::{NvmlDriver, NvmlLimit, limit_by_id, limit_of};
pub use powers::{PowerKind, Powers};
pub use sensor::{BoardSensor, RELATIVE_UNCERTAINTY};
pub use stand_in::{StandIn, StandInDriver};
pub use watch::{DEFAULT_UPDATE_PERIOD, WATCH};

use crate::reading::NoData;
use serde::Deserialize;

/// PCI vendor of NVIDIA.
pub const VENDOR_ID: u32 = 0x10de;

/// What can be asked of a board, with the unit of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
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
    #[strum(disabled)]
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

const fn field(id: u32, scope: u32) -> Question {
    Question::Field { id, scope }
}
