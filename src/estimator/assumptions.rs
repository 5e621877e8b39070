//! What the controller takes for granted. Every distance that it keeps from a limit follows from this table.
//!
//! | assumption | the most that | default | source |
//! |---|---|---|---|
//! | `item_cost` | an item may come to cost, over what is known of it (above idle) | 1.25 | inputs move the power of one kernel by up to 40 %, mostly downwards (Gregersen et al., "Input-Dependent Power Usage in GPUs", 2024) |
//! | `peak_power` | the machine draws, over the most that it was seen to draw; at rest over idle power; over its budget, where it follows one | 1 | firmware holds a board to its power limit, and calibration ran at it |
//! | `batch_length` | a batch takes, over the longest that is known | 1.5 | chosen: a batch that shares its machine |
//! | `tick_length` | a tick takes, over the tick that was asked for | 2 | chosen: one tick that is missed |
//! | `meter_share` | a meter shows less, share | 0.05 | board sensors: 5 % (Yang, Adamek, Armour, SC24). Counts where the spacecraft has sensors of its own, see below |
//! | `meter_step` | the steps in which a meter shows a power, share of full power, until they have been seen; what lies within them is no change | 0.01 | chosen: whole watts on a board of 100 W |
//! | `silence` | update periods without a reading | 3 | chosen: two readings that are missed |
//! | `forecast_share` | array and radiator give less than foreseen, share | 0 | they are simulated from the same profile |
//! | `idle_keeps_limits` | idle power for the orbit ahead breaks no limit | | a satellite that can carry its machine |
//!
//! In a real flight the spacecraft is moved by what the meter counts, so the meter cannot be wrong about it. Where the
//! plant has sensors of its own for charge and temperatures, it can.
//!
//! Inside the table a breach is a fault of this program. A flight watches each assumption that it can see broken (not
//! `meter_share` and `meter_step`: a meter cannot say how wrong it is) and says which broke, how far and when.

use crate::units::Seconds;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One assumption by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assumption {
    /// Cost of an item over what is known.
    ItemCost,
    /// Power over the most that was seen.
    PeakPower,
    /// Length of a batch over the longest that is known.
    BatchLength,
    /// Length of a tick over the one asked for.
    TickLength,
    /// Share that a meter shows too little.
    MeterShare,
    /// Steps in which a meter shows a power.
    MeterStep,
    /// Update periods without a reading.
    Silence,
    /// Share that array and radiator give less than foreseen.
    ForecastShare,
    /// Idle power breaks no limit during the orbit ahead.
    IdleKeepsLimits,
}

impl Assumption {
    /// All of them, in the order of the table.
    pub const ALL: [Assumption; 9] = [
        Assumption::ItemCost,
        Assumption::PeakPower,
        Assumption::BatchLength,
        Assumption::TickLength,
        Assumption::MeterShare,
        Assumption::MeterStep,
        Assumption::Silence,
        Assumption::ForecastShare,
        Assumption::IdleKeepsLimits,
    ];

    /// The name in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::ItemCost => "item_cost",
            Self::PeakPower => "peak_power",
            Self::BatchLength => "batch_length",
            Self::TickLength => "tick_length",
            Self::MeterShare => "meter_share",
            Self::MeterStep => "meter_step",
            Self::Silence => "silence",
            Self::ForecastShare => "forecast_share",
            Self::IdleKeepsLimits => "idle_keeps_limits",
        }
    }

    /// Least and most that may be assumed; none for what is not a number.
    fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::ItemCost | Self::PeakPower => Some((1.0, 10.0)),
            Self::BatchLength | Self::TickLength => Some((1.0, 100.0)),
            Self::MeterShare | Self::MeterStep | Self::ForecastShare => Some((0.0, 0.9)),
            Self::Silence => Some((1.0, 1000.0)),
            Self::IdleKeepsLimits => None,
        }
    }
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The table; see above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assumptions {
    /// The most that an item may come to cost above idle, over what is known of it.
    pub item_cost: f64,
    /// The most that the machine draws, over the most that it was seen to draw.
    pub peak_power: f64,
    /// The longest batch over the longest that is known.
    pub batch_length: f64,
    /// The longest tick over the tick that was asked for.
    pub tick_length: f64,
    /// The share that a meter shows too little; counts where the spacecraft has sensors of its own.
    pub meter_share: f64,
    /// The steps in which a meter shows a power until they have been seen, share of full power.
    #[serde(default = "meter_step")]
    pub meter_step: f64,
    /// Update periods without a reading after which readings are stale.
    pub silence: f64,
    /// The share that array and radiator may give less than foreseen.
    pub forecast_share: f64,
}

/// Of journals from before it was assumed.
fn meter_step() -> f64 {
    Assumptions::default().meter_step
}

impl Default for Assumptions {
    fn default() -> Assumptions {
        Assumptions {
            item_cost: 1.25,
            peak_power: 1.0,
            batch_length: 1.5,
            tick_length: 2.0,
            meter_share: 0.05,
            meter_step: 0.01,
            silence: 3.0,
            forecast_share: 0.0,
        }
    }
}

impl Assumptions {
    /// What is assumed; 1 for what is not a number.
    pub fn value(&self, assumption: Assumption) -> f64 {
        match assumption {
            Assumption::ItemCost => self.item_cost,
            Assumption::PeakPower => self.peak_power,
            Assumption::BatchLength => self.batch_length,
            Assumption::TickLength => self.tick_length,
            Assumption::MeterShare => self.meter_share,
            Assumption::MeterStep => self.meter_step,
            Assumption::Silence => self.silence,
            Assumption::ForecastShare => self.forecast_share,
            Assumption::IdleKeepsLimits => 1.0,
        }
    }

    /// The table with one value set by a text `NAME=VALUE`.
    ///
    /// # Errors
    /// A name or a value that is not allowed.
    pub fn with(mut self, text: &str) -> Result<Assumptions, UnknownAssumption> {
        let refuse = || UnknownAssumption { text: text.to_owned() };
        let (name, value) = text.split_once('=').ok_or_else(refuse)?;
        let assumption: Assumption = name.trim().parse()?;
        let value: f64 = value.trim().parse().map_err(|_| refuse())?;
        let (least, most) = assumption.range().ok_or_else(refuse)?;
        if !(least..=most).contains(&value) {
            return Err(refuse());
        }
        match assumption {
            Assumption::ItemCost => self.item_cost = value,
            Assumption::PeakPower => self.peak_power = value,
            Assumption::BatchLength => self.batch_length = value,
            Assumption::TickLength => self.tick_length = value,
            Assumption::MeterShare => self.meter_share = value,
            Assumption::MeterStep => self.meter_step = value,
            Assumption::Silence => self.silence = value,
            Assumption::ForecastShare => self.forecast_share = value,
            Assumption::IdleKeepsLimits => return Err(refuse()),
        }
        Ok(self)
    }
}

impl FromStr for Assumption {
    type Err = UnknownAssumption;

    fn from_str(name: &str) -> Result<Assumption, UnknownAssumption> {
        let found = Assumption::ALL.into_iter().find(|assumption| assumption.name() == name);
        found.ok_or_else(|| UnknownAssumption { text: name.to_owned() })
    }
}

/// A text that sets no assumption.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("assumption `{text}`: expected NAME=VALUE with NAME and range one of {}", ranges())]
pub struct UnknownAssumption {
    /// What was given.
    pub text: String,
}

fn ranges() -> String {
    let range =
        |assumption: &Assumption| assumption.range().map(|(least, most)| format!("{assumption}={least}..{most}"));
    Assumption::ALL.iter().filter_map(range).collect::<Vec<_>>().join(", ")
}

/// An assumption that did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broken {
    /// Which.
    pub assumption: Assumption,
    /// What was assumed.
    pub assumed: f64,
    /// What was seen.
    pub seen: f64,
    /// When, since departure on the machine's clock.
    pub at_s: Seconds,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_assumption_is_set_by_its_name_and_range() {
        for assumption in Assumption::ALL {
            let Some((least, most)) = assumption.range() else { continue };
            let set = Assumptions::default().with(&format!("{assumption}={most}")).expect("inside the range");
            assert_eq!(set.value(assumption), most, "{assumption}");
            let message = Assumptions::default().with(&format!("{assumption}={}", least - 1.0)).expect_err("outside");
            assert!(
                message.to_string().contains(&format!("{assumption}={least}..{most}")),
                "`{message}` has the range"
            );
        }
    }

    #[test]
    fn what_is_no_assumption_is_refused_with_all_names() {
        for text in ["", "item_cost", "item_cost=x", "cost=2", "idle_keeps_limits=1"] {
            let message = Assumptions::default().with(text).expect_err("no assumption").to_string();
            assert!(message.contains("silence=1..1000"), "`{message}` lists what may be set");
        }
    }
}
