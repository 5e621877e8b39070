//! Energy windows: what was drawn between two believed readings, and how it is known.
//!
//! Consecutive windows touch and never overlap, so that each joule moves the spacecraft once.

use super::NoData;
use crate::units::{Joules, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// Energy over a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyWindow {
    /// Begin, since departure on the machine's clock; the end of the window before.
    pub from_s: Seconds,
    /// End, on the same clock.
    pub to_s: Seconds,
    /// Drawn in that time; it is spread evenly over it.
    pub energy_j: Joules,
    /// Upper end of the source's band (k = 2); none for a model, and where nobody states the band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_j: Option<Joules>,
    /// How it is known.
    #[serde(flatten)]
    pub basis: Basis,
}

impl EnergyWindow {
    /// Its length.
    pub fn span(&self) -> Seconds {
        self.to_s - self.from_s
    }

    /// Mean power.
    pub fn power(&self) -> Watts {
        self.energy_j / self.span()
    }
}

/// How the energy of a window is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum Basis {
    /// The source counted it.
    Counted,
    /// Nobody counted it. The machine is taken to have drawn the most that it was seen to draw while a batch ran, and idle
    /// power otherwise.
    Assumed {
        /// What was wrong with the readings.
        cause: Refusal,
    },
}

/// Why a reading was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is no newer than the last one.
    #[strum(to_string = "no new reading")]
    Old,
    /// It was taken later than now, or at no time at all.
    #[strum(to_string = "a reading of the future")]
    Future,
    /// The source itself says that there is none, and why.
    #[strum(to_string = "{0}")]
    Absent(NoData),
    /// A power or an energy that is not a number, or not finite.
    #[strum(to_string = "a reading that is not finite")]
    NotFinite,
    /// A power or an energy below zero.
    #[strum(to_string = "a reading below zero")]
    Negative,
    /// No power, though the idle machine draws some.
    #[strum(to_string = "zero watts from a machine that draws power")]
    Zero,
    /// More than the machine can draw.
    #[strum(to_string = "more than the machine can draw")]
    TooHigh,
    /// The counter fell.
    #[strum(to_string = "the counter fell")]
    CounterReset,
    /// The counter stands still, though the idle machine draws power.
    #[strum(to_string = "the counter stands still")]
    CounterStuck,
    /// A counter needs two looks, and this is the first.
    #[strum(to_string = "the first look at a counter")]
    First,
    /// The flight ended before the last of its energy was counted.
    #[strum(to_string = "the flight ended before the next reading")]
    Ended,
}
