//! Powers from a file that some meter wrote while a flight went on, to be merged into its journal afterwards.
//!
//! Two forms, told apart by their lines: [`csv`] of any logger, whose [`columns`] are known by their names, and PTDaemon's log
//! ([`spl`]). What a file does not say is asked for and never assumed:
//!
//! | not said | asked for by |
//! |---|---|
//! | the unit of a power, by its title or behind its values ([`units`]) | `--meter-unit` |
//! | which of several columns is meant ([`columns`]) | `--meter-column` |
//! | which of several boards is meant, or that they are to be added ([`boards`]) | `--meter-board` |
//! | which sign stands before decimals ([`numbers`]) | `--meter-decimal` |
//!
//! A line whose time or power cannot be read, or cannot be, is a gap, and its number is told. What the file says of a window is
//! [`super::replay`]'s to tell.

mod boards;
mod columns;
mod csv;
mod numbers;
mod spl;
mod text;
mod times;
mod units;

pub use boards::ALL;
pub use numbers::Decimal;
pub use text::decode;
pub use times::since_1970;
pub use units::{POWER_WORDS, PowerUnit};

pub(super) use spl::spl_sample;

use crate::reading::NoData;
use crate::units::{Seconds, Watts};
use boards::Series;

/// A day at ten samples a second is less.
const SAMPLES_MAX: usize = 1_000_000;

/// What the user says of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// The unit of its powers.
    pub unit: Option<PowerUnit>,
    /// Titles of the columns of powers; several are added.
    pub columns: Vec<String>,
    /// Names of boards; several are added, [`ALL`] are all.
    pub boards: Vec<String>,
    /// The sign before decimals.
    pub decimal: Option<Decimal>,
}

/// What a meter wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterFile {
    series: Series,
    /// True where times are seconds since 1970, false where they are since an origin that nobody knows.
    pub is_wall_clock: bool,
    /// Where the powers are from: the column, the unit, the boards.
    pub what: String,
    period: Seconds,
}

impl MeterFile {
    /// Reads `text`, where it does not speak for itself by `choices`.
    ///
    /// # Errors
    /// What it does not say, lines that can be none of a meter's, times that do not rise, fewer than two powers.
    pub fn parse(text: &str, choices: &Choices) -> Result<MeterFile, String> {
        let (rows, is_wall_clock) =
            if spl::is_spl(text) { (spl::rows(text, choices)?, true) } else { csv::rows(text, choices)? };
        if rows.taken.len() > SAMPLES_MAX {
            return Err(format!("more than {SAMPLES_MAX} samples"));
        }
        let (series, of) = boards::chosen(&rows, choices)?;
        if series.lost.len() > series.samples.len() {
            let causes = series.causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            return Err(format!("line {}: no power, and most lines have none ({causes})", series.lost[0]));
        }
        let period = series.period();
        let period = period.ok_or("it must hold two powers or more: lines of a time and a power, or PTDaemon's log")?;
        Ok(MeterFile { series, is_wall_clock, what: format!("{}{of}", rows.what), period })
    }

    /// The median time between two samples.
    pub fn period(&self) -> Seconds {
        self.period
    }

    /// How many there are.
    pub fn samples(&self) -> usize {
        self.series.samples.len()
    }

    /// The numbers of the lines whose power or time cannot be: each of them is a gap.
    pub fn lost(&self) -> &[usize] {
        &self.series.lost
    }

    /// Why they cannot be, each cause once.
    pub fn causes(&self) -> &[NoData] {
        &self.series.causes
    }

    /// The same samples on another clock, `shift` later.
    pub fn shifted(mut self, shift: Seconds) -> MeterFile {
        self.series.samples.iter_mut().for_each(|sample| sample.0 += shift);
        self
    }

    /// Times and powers, in the order of time.
    pub fn all(&self) -> &[(Seconds, Watts)] {
        &self.series.samples
    }

    /// Whether something was lost between the sample at this place and the one before it.
    pub fn is_after_loss(&self, place: usize) -> bool {
        self.series.after_loss.contains(&place)
    }

    /// Whether any sample lies from `begin` to `end`.
    pub fn has_any(&self, begin: Seconds, end: Seconds) -> bool {
        self.all().iter().any(|(at, _)| (begin..=end).contains(at))
    }
}
