//! An accelerator board behind its driver's library: the energy counter first, its power integrated where there is none.
//!
//! [`Board`] is the small part of such a library that a meter needs, in the library's own units, so that a test can
//! put a board of its own behind it. [`BoardSensor`] asks one, for the [`Powers`] that it is found to have; [`BoardFacts`] is
//! what stands on it beside its power.

mod facts;
mod powers;
mod renewal;
mod sensor;
mod watch;

pub use facts::{BoardFacts, Fact};
pub use powers::Powers;
pub(super) use powers::power;
pub use sensor::{BoardSensor, RELATIVE_UNCERTAINTY};
pub use watch::{DEFAULT_UPDATE_PERIOD, WATCH};

use super::probe::{Place, Refusal};
use super::throttle::ThrottleLook;
use crate::reading::{NoData, Sensing};

/// Which of a board's powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::VariantArray)]
pub enum PowerKind {
    /// The newest of the board, averaged over no more than its sensor does.
    #[strum(to_string = "the instant power that its driver gives")]
    Instant,
    /// A running mean of the board.
    #[strum(to_string = "the average power that its driver gives")]
    Average,
    /// What the driver gives where it is asked for neither.
    #[strum(to_string = "the power its driver reports")]
    Reported,
    /// Of the module that holds CPU and GPU together.
    #[strum(to_string = "the power of the module, CPU and GPU together, that its driver gives")]
    Module,
    /// Of the board's memory alone, which is a part of the board's.
    #[strum(to_string = "the power of its memory that its driver gives")]
    Memory,
}

/// One board, in the units of its driver.
pub trait Board: Send {
    /// Product name.
    fn name(&self) -> String;
    /// An identifier that stays when boards are counted anew.
    fn id(&self) -> String;
    /// Where it sits.
    fn place(&self) -> Place;
    /// Energy since the driver was loaded, in millijoules.
    fn energy_mj(&mut self) -> Result<u64, NoData>;
    /// [`PowerKind::Reported`], in milliwatts: the one power of a board that leaves [`Board::powers_mw`] as it is.
    fn power_mw(&mut self) -> Result<u64, NoData> {
        Err(NoData::NotSupported)
    }
    /// The limit in force, in milliwatts.
    fn power_limit_mw(&mut self) -> Result<u64, NoData>;
    /// Finds the board again by its identifier after it was lost.
    fn reopen(&mut self) -> Result<(), NoData>;
    /// The `wanted` powers of one moment, in milliwatts.
    fn powers_mw(&mut self, wanted: &[PowerKind]) -> Vec<Result<u64, NoData>> {
        let answer = |kind: &PowerKind| match kind {
            PowerKind::Reported => self.power_mw(),
            _ => Err(NoData::NotSupported),
        };
        wanted.iter().map(answer).collect()
    }
    /// How a power comes about inside the board.
    fn sensing(&self, _kind: PowerKind) -> Sensing {
        Sensing::default()
    }
    /// What slows the board down.
    fn throttle(&mut self) -> Result<ThrottleLook, NoData> {
        Err(NoData::NotSupported)
    }
    /// What stands on it beside its power.
    fn facts(&mut self) -> BoardFacts {
        BoardFacts::default()
    }
    /// True for a board that a test or a person has made up: nothing that it says is measured.
    fn is_stand_in(&self) -> bool {
        false
    }
}

/// The power limit of a board, in the units of its driver.
pub trait BoardLimit: Send {
    /// Name for people.
    fn name(&self) -> String;
    /// An identifier that stays when boards are counted anew.
    fn id(&self) -> String;
    /// The lowest and the highest limit, in milliwatts.
    fn range_mw(&mut self) -> Result<(u64, u64), NoData>;
    /// The limit that was asked for last, in milliwatts.
    fn limit_mw(&mut self) -> Result<u64, NoData>;
    /// Asks for a limit in milliwatts.
    fn set_limit_mw(&mut self, milliwatts: u64) -> Result<(), NoData>;
}

/// The boards of a library in its own order; one that does not answer leaves the others usable.
pub type Boards = Result<Vec<Result<Box<dyn Board>, Refusal>>, Refusal>;

/// A driver's library.
pub trait BoardDriver: Send + Sync {
    /// Prefix of its sources, such as `nvml`.
    fn name(&self) -> &'static str;
    /// The boards it has now.
    fn boards(&self) -> Boards;
}
