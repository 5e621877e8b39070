//! What an accelerator board tells beside its power: its limits, clocks and temperatures, who else uses it and what slows
//! it down ([`BoardFacts`]); and how a driver's library lists its boards. Each fact is there or has its cause.

use super::nvml::Device;
use super::probe::Refusal;
use super::throttle::Reason;
use crate::reading::NoData;
use crate::units::{Kelvin, Watts};
use serde::{Deserialize, Serialize};

/// A value, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact<T> {
    /// The value; null where there is none.
    pub value: Option<T>,
    /// Why there is none.
    pub cause: Option<NoData>,
}

impl<T> Fact<T> {
    /// The value, or why there is none.
    pub fn known(&self) -> Result<&T, NoData> {
        self.value.as_ref().ok_or(self.cause.unwrap_or(NoData::NotSupported))
    }
}

impl<T> Default for Fact<T> {
    fn default() -> Fact<T> {
        Fact { value: None, cause: Some(NoData::NotSupported) }
    }
}

impl<T> From<Result<T, NoData>> for Fact<T> {
    fn from(answer: Result<T, NoData>) -> Fact<T> {
        match answer {
            Ok(value) => Fact { value: Some(value), cause: None },
            Err(cause) => Fact { value: None, cause: Some(cause) },
        }
    }
}

/// Everything that is asked of a board once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoardFacts {
    /// Product name.
    pub name: String,
    /// An identifier that stays when boards are counted anew.
    pub id: String,
    /// The strictest of all limits in force.
    pub power_limit_w: Fact<Watts>,
    /// The limit that it starts with.
    pub default_power_limit_w: Fact<Watts>,
    /// The lowest limit that can be set.
    pub lowest_power_limit_w: Fact<Watts>,
    /// The highest limit that can be set.
    pub highest_power_limit_w: Fact<Watts>,
    /// [`PowerKind::Instant`](super::nvml::PowerKind::Instant).
    pub instant_power_w: Fact<Watts>,
    /// [`PowerKind::Average`](super::nvml::PowerKind::Average).
    pub average_power_w: Fact<Watts>,
    /// [`PowerKind::Reported`](super::nvml::PowerKind::Reported).
    pub reported_power_w: Fact<Watts>,
    /// [`PowerKind::Module`](super::nvml::PowerKind::Module).
    pub module_power_w: Fact<Watts>,
    /// [`PowerKind::Memory`](super::nvml::PowerKind::Memory).
    pub memory_power_w: Fact<Watts>,
    /// Clock of the multiprocessors.
    pub core_clock_hz: Fact<f64>,
    /// Clock of the memory.
    pub memory_clock_hz: Fact<f64>,
    /// Temperature of the chip.
    pub chip_k: Fact<Kelvin>,
    /// Temperature of the memory.
    pub memory_k: Fact<Kelvin>,
    /// Cut into instances that others may hold, while the power is the whole board's (NVIDIA's MIG).
    pub is_partitioned: Fact<bool>,
    /// The driver stays loaded while nobody uses the board, and with it the energy counter.
    pub is_persistent: Fact<bool>,
    /// Processes on the board other than this one.
    pub other_processes: Fact<Vec<u32>>,
    /// What slows it down now.
    pub slowed_by: Fact<Vec<Reason>>,
}

impl BoardFacts {
    /// Clocks, temperatures and powers in words, each with its cause where it is missing.
    pub fn conditions(&self) -> Vec<(String, Option<NoData>)> {
        let megahertz = |hertz: &f64| format!("{:.0} MHz", hertz * 1e-6);
        let celsius = |kelvin: &Kelvin| format!("{:.0} °C", kelvin.0 - 273.15);
        let watts = |watts: &Watts| format!("{watts:.1}");
        vec![
            said("core clock", &self.core_clock_hz, megahertz),
            said("memory clock", &self.memory_clock_hz, megahertz),
            said("chip temperature", &self.chip_k, celsius),
            said("memory temperature", &self.memory_k, celsius),
            said("instant power", &self.instant_power_w, watts),
            said("average power", &self.average_power_w, watts),
            said("reported power", &self.reported_power_w, watts),
            said("module power", &self.module_power_w, watts),
            said("memory power", &self.memory_power_w, watts),
        ]
    }
}

impl std::fmt::Display for BoardFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&said("limit", &self.power_limit_w, |watts| format!("{watts:.1}")).0)?;
        self.conditions().iter().try_for_each(|(text, _)| write!(f, ", {text}"))
    }
}

fn said<T>(name: &str, fact: &Fact<T>, show: impl Fn(&T) -> String) -> (String, Option<NoData>) {
    match fact.known() {
        Ok(value) => (format!("{name} {}", show(value)), None),
        Err(cause) => (format!("{name}: {cause}"), Some(cause)),
    }
}

/// The boards of a library in its own order; one that does not answer leaves the others usable.
pub type Boards = Result<Vec<Result<Box<dyn Device>, Refusal>>, Refusal>;

/// A driver's library.
pub trait BoardDriver: Send + Sync {
    /// Prefix of its sources, such as `nvml`.
    fn name(&self) -> &'static str;
    /// The boards it has now.
    fn boards(&self) -> Boards;
}
