//! Which of a board's powers is read for what. Every kind is read once, and what does not answer is not used.
//!
//! | for | taken |
//! |---|---|
//! | the power shown and governed by | of the board's own, the one that is averaged over the shortest time |
//! | an energy | of the board's own, the one that sees the largest share of the time, then the shortest average |
//! | both, where the board's own cannot be had | the module's, and the source says that it covers CPU and GPU |
//! | beside it, never added | the module's and the memory's |
//!
//! A reported power that is the same as the module's is the module's, where the board has no field of its own.
//!
//! The two differ where it matters: on A100 and H100 the newest power is the mean of 25 ms out of every 100 ms (Yang,
//! Adamek & Armour, SC24, arXiv:2312.02741), good to steer by and poor to add up; the running mean sees all of the time, a
//! second late.

use super::NvmlBoard;
use crate::meter::plausible::PowerFilter;
use crate::reading::{NoData, Sensing};
use crate::units::Watts;
use strum::VariantArray;

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

/// The board's own powers; of two that are sensed alike the first is taken, which says what it is.
const OWN: [PowerKind; 3] = [PowerKind::Instant, PowerKind::Average, PowerKind::Reported];

/// Powers that differ by less are the same. Chosen: what two reads of one sensor differ by, and less than the CPU of a module
/// draws when it idles.
const SAME: f64 = 0.05;

/// What a board's powers are read for.
#[derive(Clone, Debug, PartialEq)]
pub struct Powers {
    /// To be shown and governed by; none where the board gives no power.
    pub control: Option<PowerKind>,
    /// To be integrated; none where the board gives no power.
    pub account: Option<PowerKind>,
    /// Of another boundary, to be integrated beside it.
    pub beside: Vec<PowerKind>,
    /// Why each kind is not used, in the order of [`PowerKind::VARIANTS`]; none for one that answers.
    pub absent: [Option<NoData>; 5],
}

impl Powers {
    /// Reads every kind once from a board that is limited to `rated`.
    pub fn find(board: &mut NvmlBoard, rated: Option<Watts>) -> Powers {
        let answers = board.powers(PowerKind::VARIANTS);
        let mut absent = [Some(NoData::NotSupported); 5];
        for (&kind, answer) in PowerKind::VARIANTS.iter().zip(answers) {
            absent[kind as usize] = power(kind, rated, answer).err();
        }
        if is_modules(board, &absent) {
            absent[PowerKind::Reported as usize] = Some(NoData::NotSupported);
        }
        let answers = |kind: &PowerKind| absent[*kind as usize].is_none();
        let own: Vec<(PowerKind, Sensing)> =
            OWN.into_iter().filter(answers).map(|kind| (kind, board.sensing(kind))).collect();
        let module = Some(PowerKind::Module).filter(answers);
        let shortest = |a: &Sensing, b: &Sensing| a.averaging_s.0.total_cmp(&b.averaging_s.0);
        let steers = own.iter().min_by(|(_, a), (_, b)| shortest(a, b)).map(|&(kind, _)| kind);
        // The first of equals: what is shown is then also what is integrated.
        let adds = own
            .iter()
            .rev()
            .max_by(|(_, a), (_, b)| a.seen_share.total_cmp(&b.seen_share).then_with(|| shortest(b, a)));
        let (control, account) = (steers.or(module), adds.map(|&(kind, _)| kind).or(module));
        let others = [PowerKind::Module, PowerKind::Memory];
        let beside = others.into_iter().filter(answers).filter(|&kind| account != Some(kind)).collect();
        Powers { control, account, beside, absent }
    }

    /// Why there is no power: the first cause that is more than a lack.
    pub fn cause(&self) -> NoData {
        let own = OWN.iter().chain(&[PowerKind::Module]).filter_map(|&kind| self.absent[kind as usize]);
        own.fold(NoData::NotSupported, |told, cause| if told == NoData::NotSupported { cause } else { told })
    }

    /// True where the powers are those of a whole module.
    pub fn is_of_module(&self) -> bool {
        self.account == Some(PowerKind::Module)
    }
}

/// Whether the reported power, which has no scope of its own, is the module's: the board's own fields are silent, and it is
/// the same as the module's field to [`SAME`].
fn is_modules(board: &mut NvmlBoard, absent: &[Option<NoData>; 5]) -> bool {
    let is_there = |kind: PowerKind| absent[kind as usize].is_none();
    let is_silent = !is_there(PowerKind::Instant) && !is_there(PowerKind::Average);
    if !(is_silent && is_there(PowerKind::Reported) && is_there(PowerKind::Module)) {
        return false;
    }
    match board.powers(&[PowerKind::Reported, PowerKind::Module])[..] {
        [Ok(reported), Ok(module)] => (reported - module).0.abs() <= SAME * module.0,
        _ => false,
    }
}

/// A first answer for a power of a board that is limited to `rated`. 0 W of the board itself cannot be;
/// of its module or its memory it says that nothing is metered there, which is a lack and no fault.
pub(super) fn power(kind: PowerKind, rated: Option<Watts>, answer: Result<Watts, NoData>) -> Result<Watts, NoData> {
    match (kind, answer?) {
        (PowerKind::Module | PowerKind::Memory, Watts::ZERO) => Err(NoData::NotSupported),
        (_, power) => filter(kind, rated).check(power),
    }
}

/// The judge of a kind's powers. The limit is the board's: the module may draw more, and the memory never does.
pub(super) fn filter(kind: PowerKind, rated: Option<Watts>) -> PowerFilter {
    PowerFilter::new(rated.filter(|_| kind != PowerKind::Module))
}
