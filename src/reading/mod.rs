//! What a power source said, and how far it can be believed.
//!
//! These types let the governor name a reading without knowing the meter. Three rules hold everywhere:
//!
//! * Absence is a value with a cause ([`NoData`]); it never becomes `0 W`.
//! * Provenance travels with the number, into the journal, the result and every line that is printed.
//! * A modelled number has no error band and is never ranked.

mod window;

pub use window::{Basis, EnergyWindow, Refusal};

use crate::units::{Joules, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// Where a number comes from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// A meter outside the machine, between it and its supply.
    ExternalMeter,
    /// A sensor on the accelerator's board, read through its driver.
    BoardSensor,
    /// A counter inside the chip or package (RAPL and its like), often itself part model.
    SocCounter,
    /// Computed from something that is not power. Printed apart, without a band, never ranked.
    Modelled,
    /// Nothing could be read.
    None,
}

impl Provenance {
    /// True for what was read from a sensor, false for what was modelled or is missing.
    pub fn is_measured(self) -> bool {
        matches!(self, Self::ExternalMeter | Self::BoardSensor | Self::SocCounter)
    }
}

/// What the number covers. Two boundaries are never added unless neither contains the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// One accelerator board with its memory.
    #[strum(to_string = "one board")]
    Accelerator,
    /// The memory of one accelerator board: a part of the board.
    #[strum(to_string = "the memory of one board")]
    Memory,
    /// The package of one accelerator: its chip, and the memory inside the package, without the rest of the board.
    #[strum(to_string = "the package of one GPU, without the rest of its board")]
    Package,
    /// One package that holds CPU and GPU together.
    #[strum(to_string = "one chip package that holds CPU and GPU")]
    Apu,
    /// One module with CPU, GPU, memory and regulators on it.
    #[strum(to_string = "one module: CPU, GPU, memory and regulators")]
    Module,
    /// One supply rail: a part of a module or of a package.
    #[strum(to_string = "one rail of a module")]
    Rail,
    /// One CPU package.
    #[strum(to_string = "the CPU package")]
    CpuPackage,
    /// This process alone, its share of the CPU.
    #[strum(to_string = "this process")]
    Process,
    /// The whole machine at its supply.
    #[strum(to_string = "the whole machine")]
    Wall,
    /// Whoever brought the numbers did not say: they can be set against no other.
    #[strum(to_string = "a boundary that is not stated")]
    NotStated,
    /// No documented property of the driver or the device says it: it is shown, and never ranked.
    #[strum(to_string = "an unknown boundary")]
    Unknown,
}

impl Boundary {
    /// False where nobody says what is covered, neither a person nor the device: such a number is shown and never ranked.
    pub fn is_known(self) -> bool {
        !matches!(self, Self::NotStated | Self::Unknown)
    }

    /// True where the CPU package lies inside.
    pub fn holds_cpu(self) -> bool {
        matches!(self, Self::Apu | Self::Module | Self::Wall)
    }

    /// True for a part of something that has a boundary of its own: it is shown and never a flight's source.
    pub fn is_part(self) -> bool {
        matches!(self, Self::Memory | Self::Rail)
    }

    /// The words by which a person names a boundary, and what they mean: every whole that a meter can be set to. Parts and
    /// this process are no meter's.
    pub const WORDS: [(&str, Boundary); 6] = [
        ("wall", Boundary::Wall),
        ("accelerator", Boundary::Accelerator),
        ("package", Boundary::Package),
        ("apu", Boundary::Apu),
        ("module", Boundary::Module),
        ("cpu_package", Boundary::CpuPackage),
    ];

    /// The boundary of a word.
    pub fn named(word: &str) -> Option<Boundary> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, boundary)| *boundary)
    }
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// The device is switched off.
    #[strum(to_string = "the device is off")]
    Off,
    /// The system refuses the read to this user.
    #[strum(to_string = "no permission")]
    NoPermission,
    /// The device or its driver has no such sensor.
    #[strum(to_string = "not supported")]
    NotSupported,
    /// The device went away.
    #[strum(to_string = "the device is lost")]
    Lost,
    /// The read did not come back in time.
    #[strum(to_string = "no answer in time")]
    Timeout,
    /// The device sleeps, and reading would wake it.
    #[strum(to_string = "the device is asleep")]
    Asleep,
    /// The counter fell, and no wrap explains it.
    #[strum(to_string = "the counter was reset")]
    CounterReset,
    /// The value read cannot be (NaN, a sentinel, over any limit).
    #[strum(to_string = "the value is implausible")]
    Implausible,
    /// A mean needs two looks that lie far enough apart, and this is the first.
    #[strum(to_string = "too early for a mean")]
    NotYet,
    /// Too much of the time was not seen.
    #[strum(to_string = "too much of the time was not seen")]
    Gap,
    /// Less than no power, which no consumer draws.
    #[strum(to_string = "the power is negative: the meter is wired backwards, or power is fed back into the grid")]
    Negative,
    /// The meter says itself that it cannot measure.
    #[strum(to_string = "the meter reports an error of its own")]
    MeterError,
    /// The meter wants to be asked less often, or later.
    #[strum(to_string = "the meter is busy and asks for a pause")]
    Busy,
    /// The program that gave the values has ended.
    #[strum(to_string = "the program has ended")]
    Ended,
    /// The machine slept in between.
    #[strum(to_string = "the machine slept in between")]
    Suspended,
}

/// A power source: what it is, what it covers and how good it is. Fixed from the moment it is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Short and unique, such as `nvml:0` or `cpu-time`.
    pub name: String,
    /// Where its numbers come from.
    pub provenance: Provenance,
    /// What its numbers cover.
    pub boundary: Boundary,
    /// One sentence for people: the sensor, the counter, or the formula of the model with its inputs.
    pub method: String,
    /// How often the value behind the reading changes, in seconds.
    pub update_period_s: Seconds,
    /// Half width of the band around an energy, as a share (k = 2); none for a model, and where nobody states it.
    pub relative_uncertainty: Option<f64>,
    /// The most that the boundary can draw: the highest of the limits that its board or package can have, not the one in
    /// force; or the model's full load.
    pub rated_w: Option<Watts>,
    /// How each number comes about inside the sensor.
    #[serde(default)]
    pub sensing: Sensing,
}

/// How a sensor makes one number, as far as an energy over a window must know it. A counter that counts everything as it
/// happens is the default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensing {
    /// Each power is the mean over this long before it was shown; zero for an instant, and for a counter.
    pub averaging_s: Seconds,
    /// Share of the time that the sensor looks at: 0.25 where 25 ms of every 100 ms are averaged and the rest is not seen.
    pub seen_share: f64,
}

impl Default for Sensing {
    fn default() -> Sensing {
        Sensing { averaging_s: Seconds::ZERO, seen_share: 1.0 }
    }
}

/// One look at one source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When it was measured, on the flight's monotonic clock.
    pub taken_at: Seconds,
    /// Energy since the source was opened. It never falls; a reset ends it with a cause.
    pub energy: Result<Joules, NoData>,
    /// Power now, or averaged over the source's own window.
    pub power: Result<Watts, NoData>,
}

impl Reading {
    /// A look that saw nothing, and why.
    pub fn absent(taken_at: Seconds, cause: NoData) -> Reading {
        Reading { taken_at, energy: Err(cause), power: Err(cause) }
    }

    /// How old the reading is at `now`.
    pub fn age(&self, now: Seconds) -> Seconds {
        now - self.taken_at
    }
}

/// How well a source has been watched since it was opened. Each figure only grows: a window's is the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Looks taken.
    pub looks: u64,
    /// Looks that brought no value, or one that was dropped as implausible.
    pub missed: u64,
    /// Looks that brought a value other than the one before.
    pub updates: u64,
    /// Stretches too long to bridge between two powers; no energy is counted in them.
    pub gaps: u64,
    /// Their length, all together.
    pub gap_s: Seconds,
    /// How the powers scattered that an energy was made of; empty for a counter.
    #[serde(default)]
    pub scatter: Scatter,
}

/// Sums over the powers that a sensor has shown, one for each update. A window's are the differences of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scatter {
    /// Powers shown.
    pub count: u64,
    /// Their sum, W.
    pub sum: f64,
    /// Sum of their squares, W^2.
    pub square: f64,
    /// Sum of the squared differences of neighbours, W^2.
    pub change: f64,
    /// Sum of the squared lengths of steps longer than two updates, s^2.
    #[serde(default)]
    pub bridged: f64,
}

/// For how long a device was slowed down, by cause. Each time only grows: a window's is the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Throttling {
    /// By firmware, to keep a power limit.
    pub power_cap_s: Seconds,
    /// By the driver, since it was hot.
    pub thermal_s: Seconds,
    /// By the hardware, since it was too hot.
    pub hardware_thermal_s: Seconds,
    /// By the hardware, on a signal from the power supply.
    pub power_brake_s: Seconds,
    /// By the hardware, with no cause given.
    pub hardware_s: Seconds,
    /// To keep step with other boards.
    pub sync_s: Seconds,
    /// Causes that nobody here knows, by their bits as the driver gives them.
    pub unknown: u64,
    /// True where the device counts the times itself; false where they are added up from looks.
    pub counted: bool,
}

impl Throttling {
    /// From `before` to here. Bits that nobody knows stay, whenever they were seen.
    pub fn since(&self, before: &Throttling) -> Throttling {
        self.with(|now, then| now - then, before)
    }

    /// Both together.
    pub fn plus(&self, other: &Throttling) -> Throttling {
        Throttling { unknown: self.unknown | other.unknown, ..self.with(|one, two| one + two, other) }
    }

    /// The time that makes a result unfit for ranking: heat, and the hardware's own protection.
    pub fn harmful_s(&self) -> Seconds {
        self.thermal_s + self.hardware_thermal_s + self.power_brake_s + self.hardware_s
    }

    fn with(&self, join: impl Fn(Seconds, Seconds) -> Seconds, other: &Throttling) -> Throttling {
        Throttling {
            power_cap_s: join(self.power_cap_s, other.power_cap_s),
            thermal_s: join(self.thermal_s, other.thermal_s),
            hardware_thermal_s: join(self.hardware_thermal_s, other.hardware_thermal_s),
            power_brake_s: join(self.power_brake_s, other.power_brake_s),
            hardware_s: join(self.hardware_s, other.hardware_s),
            sync_s: join(self.sync_s, other.sync_s),
            ..*self
        }
    }
}
