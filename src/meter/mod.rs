//! The meter: reads energy and power, and says of every number where it comes from or why there is none.
//!
//! One trait, [`Meter`], stands before every source:
//!
//! | source | reads | provenance | boundary |
//! |---|---|---|---|
//! | [`nvml`] through [`board`] | NVIDIA's energy counter, or its power, integrated | board sensor | accelerator |
//! | [`hwmon`] | amdgpu's power, integrated; the energy counter of i915 and xe | board sensor | accelerator or module |
//! | [`rapl`] | the package counters of the CPU | SoC counter | CPU package |
//! | [`cpu_time`] | the CPU time of this process, times constants | modelled | process |
//!
//! Under them lie three pure parts: [`counter`] (differences of a counter, with wraps and resets told apart),
//! [`integral`] (energy from powers, with gaps counted) and [`mean_power`] (power from energies). [`plausible`] holds
//! the limits of what a value can be. [`sampler`] keeps a hung sensor from hanging the flight, [`trial`]
//! tries every source by reading it, and [`select`] picks the best.

pub mod board;
pub mod counter;
pub mod cpu_time;
mod energy_file;
pub mod hwmon;
pub mod integral;
pub mod mean_power;
pub mod nvml;
pub mod plausible;
pub mod probe;
pub mod rapl;
pub mod sampler;
pub mod select;
pub mod sysfs;
pub mod trial;

pub use probe::{Probe, Refusal};
pub use select::{Accelerator, AcceleratorKind, MeterError, Preference, Selection, open, probe};
pub use trial::Roots;

use crate::reading::{Coverage, Reading, Source};
use crate::units::Seconds;

/// One power source, open.
pub trait Meter: Send {
    /// What it is; the same for as long as it is open.
    fn source(&self) -> &Source;

    /// Looks now. `now` is a monotonic clock, in seconds, the same one at every call.
    ///
    /// Energy counts from a look that was taken when the source was opened, or from the first one, and never falls.
    /// What cannot be read is a cause, not a zero. A source behind a thread answers a moment after `now`, and says so
    /// in `taken_at`.
    fn read(&mut self, now: Seconds) -> Reading;

    /// How well the source has been watched since it was opened.
    fn coverage(&self) -> Coverage;
}
