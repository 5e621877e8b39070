//! The look at a board before it is accepted: does its energy counter count, and how often.
//!
//! * The counter is taken if it moves, and if its rise between its first and its last change is within 0.1 to 10 times
//!   the power times the time (the check that Zeus makes on AMD boards). Some boards have a counter that stands still
//!   or counts in other units than it says. One that changes only once in the watch is taken on trust: nobody knows
//!   over what time it has risen.
//! * A counter and a power of one board that differ by more than [`doubts::DISAGREEMENT`] cannot both be right, and nobody knows
//!   which is wrong: the board is in doubt. They are held against each other again before that is said ([`AGAIN`]), since
//!   a mean over a second follows a load that has just changed late.
//! * The update period is the median time between two of its changes. A board that changes less than three times in the
//!   watch gets [`DEFAULT_UPDATE_PERIOD`].

use super::NvmlBoard;
use super::powers::{Powers, filter};
use crate::meter::counter::MILLIJOULE;
use crate::meter::doubts;
use crate::reading::NoData;
use crate::stats;
use crate::units::{Joules, Seconds, Watts};

/// The longest time that opening a board spends on watching its counter.
pub const WATCH: Seconds = Seconds(0.3);

/// Time between two looks of the watch.
const WATCH_STEP: Seconds = Seconds(0.002);

/// How often, and for how long each time, they are held against each other again before they are taken to disagree. All of
/// it is longer than the longest average of a power, 1 s.
pub(super) const AGAIN: (u32, Seconds) = (3, Seconds(0.5));

/// Where the update period cannot be seen: 100 ms, the longest that Yang, Adamek & Armour (SC24, arXiv:2312.02741)
/// found on more than 70 NVIDIA boards.
pub const DEFAULT_UPDATE_PERIOD: Seconds = Seconds(0.1);

/// What was seen of a board while it was opened.
pub(super) struct Watch {
    /// Energy and time of the first look, then of every change.
    changes: Vec<(Seconds, Joules)>,
    /// Why the counter could not be read at the first look.
    counter: Result<(), NoData>,
    /// Mean of the powers seen, or why the last look saw none.
    power: Result<Watts, NoData>,
}

impl Watch {
    /// Watches `board`, limited to `rated`, for `span`. `wait` sleeps for the time it is given and says what the clock shows then.
    pub(super) fn over(
        board: &mut NvmlBoard,
        powers: &Powers,
        rated: Option<Watts>,
        span: Seconds,
        wait: &mut dyn FnMut(Seconds) -> Seconds,
    ) -> Watch {
        let mut judge = powers.control.map(|kind| (kind, filter(kind, rated)));
        let mut changes: Vec<(Seconds, Joules)> = Vec::new();
        let mut counter = Ok(());
        let mut shown = Vec::new();
        let mut power = Err(powers.cause());
        let start = wait(Seconds::ZERO);
        let mut now = start;
        while now - start <= span {
            match board.energy_mj() {
                Ok(count) => {
                    let energy = MILLIJOULE * count as f64;
                    if changes.last().is_none_or(|&(_, last)| last != energy) {
                        changes.push((now, energy));
                    }
                }
                Err(cause) => counter = Err(cause),
            }
            if let Some((kind, filter)) = &mut judge {
                let answer = board.powers(&[*kind]).pop().unwrap_or(Err(NoData::NotSupported));
                power = answer.and_then(|power| filter.check(power));
                shown.extend(power.iter().map(|power| power.0));
            }
            if counter.is_err() {
                break;
            }
            now = wait(WATCH_STEP);
        }
        let mean = stats::mean(&shown).map(Watts);
        Watch { changes, counter, power: mean.ok_or(power.err().unwrap_or(NoData::Implausible)) }
    }

    /// The mean power by the counter, between its first and its last change; none where it changed less than twice.
    fn counted(&self) -> Option<Watts> {
        let (first, last) = (self.changes.get(1)?, self.changes.last()?);
        (last.0 > first.0).then(|| (last.1 - first.1) / (last.0 - first.0))
    }

    /// By how much the counter and the power differ, in words, where that is too much.
    fn differ(&self) -> Option<String> {
        let (counted, shown) = (self.counted()?, self.power.ok()?);
        doubts::disagreement(counted, shown, Watts::ZERO)
    }

    /// The same, where it is so every time that the two are held against each other.
    pub(super) fn disagreement(
        &self,
        board: &mut NvmlBoard,
        powers: &Powers,
        rated: Option<Watts>,
        wait: &mut dyn FnMut(Seconds) -> Seconds,
    ) -> Option<String> {
        // The module's power is another boundary's than the counter.
        if powers.is_of_module() {
            return None;
        }
        let mut said = self.differ()?;
        for _ in 0..AGAIN.0 {
            said = Watch::over(board, powers, rated, AGAIN.1, wait).differ()?;
        }
        Some(said)
    }

    /// The update period of a counter that can be trusted, or in words why it cannot.
    pub(super) fn judge(&self) -> Result<Seconds, String> {
        if let Err(cause) = self.counter {
            return Err(format!("the energy counter cannot be read ({cause})"));
        }
        // The first look falls somewhere between two changes: only what lies between changes has a known length.
        let [_, changes @ ..] = self.changes.as_slice() else {
            return Err("the energy counter gave nothing".to_owned());
        };
        let ([first, ..], [.., last]) = (changes, changes) else {
            return Err(format!("the energy counter stood still for {WATCH}"));
        };
        if self.changes.windows(2).any(|pair| pair[1].1.0 < pair[0].1.0) {
            return Err("the energy counter fell while it was watched".to_owned());
        }
        if let (Ok(power), true) = (self.power, changes.len() > 1) {
            let ratio = (last.1 - first.1) / (power * (last.0 - first.0));
            if !(0.1..=10.0).contains(&ratio) {
                return Err(format!("the energy counter rises {ratio:.2} times as fast as the power says"));
            }
        }
        if changes.len() < 3 {
            return Ok(DEFAULT_UPDATE_PERIOD);
        }
        let steps: Vec<f64> = changes.windows(2).map(|pair| (pair[1].0 - pair[0].0).0).collect();
        Ok(stats::median(&steps).map_or(DEFAULT_UPDATE_PERIOD, Seconds))
    }
}
