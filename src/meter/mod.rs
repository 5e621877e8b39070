//! The meter: reads energy and power, and says of every number where it comes from or why there is none.
//!
//! One trait, [`Meter`], stands before every source:
//!
//! | source | reads | provenance | boundary |
//! |---|---|---|---|
//! | [`nvml`] through [`board`] | NVIDIA's energy counter, or its power, integrated | board sensor | accelerator |
//! | [`hwmon`] | amdgpu's power, integrated; the energy counter of i915 and xe | board sensor | accelerator or module |
//! | [`jetson`] | the INA3221 rails of NVIDIA's modules, integrated | board sensor | module |
//! | [`apple`] | the energy counters of Apple's chips, on macOS with the feature `apple` | SoC counter | module |
//! | [`rapl`] | the package counters of the CPU | SoC counter | CPU package |
//! | [`shelly`], [`ptdaemon`] | a plug or an analyser on the network, integrated | external meter | wall |
//! | [`recorded`] | energies from a file, replayed | modelled | as it is told |
//! | [`cpu_time`] | the CPU time of this process, times constants | modelled | process |
//!
//! Under them lie three pure parts: [`counter`] (differences of a counter, with wraps and resets told apart),
//! [`integral`] (energy from powers, with gaps counted) and [`mean_power`] (power from energies). [`plausible`] holds
//! the limits of what a value can be. [`sampler`] keeps a hung sensor from hanging the flight, [`polled`] a slow one
//! from holding it up, [`meter_file`] and [`replay`] read what a meter wrote for itself, [`trial`] tries every source
//! by reading it, and [`select`] picks the best.

pub mod address;
pub mod apple;
pub mod board;
pub mod counter;
pub mod cpu_clock;
pub mod cpu_time;
mod csv_lines;
pub mod drawn;
mod energy_file;
pub mod gauge;
pub mod hwmon;
pub mod integral;
pub mod jetson;
pub mod mean_power;
pub mod meter_file;
mod network;
pub mod nvml;
mod pairs;
pub mod plausible;
pub mod polled;
pub mod probe;
pub mod ptdaemon;
pub mod rapl;
pub mod recorded;
pub mod renewal;
pub mod replay;
pub mod sampler;
pub mod select;
pub mod several;
pub mod shelly;
pub mod suspend;
pub mod sysfs;
pub mod throttle;
pub mod totaliser;
pub mod trial;
pub mod twins;

pub use address::{Address, AddressError};
pub use drawn::Drawn;
pub use gauge::{Gauge, Look, MeterCost, Window};
pub use probe::{Probe, Refusal};
pub use select::{Accelerator, AcceleratorKind, MeterError, Selection, open_all, probe};
pub use trial::Roots;

use crate::reading::{Coverage, Reading, Source, Throttling};
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

    /// For how long the device behind the source was slowed down since it was opened; none where nobody says.
    fn throttling(&self) -> Option<Throttling> {
        None
    }

    /// Sources that are read with every look at this one and are never added to it: another sensor of the same watts, or
    /// of others beside them.
    fn witness_sources(&self) -> Vec<Source> {
        Vec::new()
    }

    /// What each of them said at the last look.
    fn witnesses(&self) -> Vec<(Reading, Coverage)> {
        Vec::new()
    }

    /// CPU time of the threads that belong to the source alone; none where it is read on its caller's.
    fn cpu_time(&self) -> Option<Seconds> {
        None
    }
}
