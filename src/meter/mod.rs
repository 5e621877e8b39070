//! The meter: reads energy and power, and says of every number where it comes from or why there is none.
//!
//! One trait, [`Meter`], stands before every source:
//!
//! | source | reads | provenance | boundary |
//! |---|---|---|---|
//! | [`nvml`] | NVIDIA's energy counter, or its power, integrated | board sensor | accelerator |
//! | [`hwmon`] | amdgpu's power, integrated; the energy counters of i915 and xe | board sensor | as the device says |
//! | [`jetson`] | the INA3221 and INA2xx rails of NVIDIA's modules, integrated | board sensor | module |
//! | [`acpi`] | power meters of the firmware, and the rails of NVIDIA's Grace, integrated | board sensor | as their names say |
//! | [`cray`] | the node's counters of HPE Cray systems | board sensor | wall |
//! | [`apple`] | the energy counters of Apple's chips, on macOS with the feature `apple` | SoC counter | module |
//! | [`rapl`] | the package counters of the CPU | SoC counter | CPU package |
//! | [`shelly`], [`ptdaemon`] | a plug or an analyser on the network, integrated | external meter | wall |
//! | [`exec`], [`web`] | whatever prints a number a line, or has one on a web server | as it is told | as it is told |
//! | [`sum`] | several of these sources, added | the worst of theirs | theirs |
//! | [`recorded`] | energies from a file, replayed | modelled | as it is told |
//! | [`cpu_time`] | the CPU time of this process, times constants | modelled | process |
//!
//! Each of them is a small [`Sensor`](channel::Sensor) in a file of its own, with one line in [`trial`] that lists it. What
//! all of them need is in one [`Channel`](channel::Channel): differences of a [`counter`], the [`integral`] of a power, the
//! limits of what a value can be ([`plausible`]), what slows the device down ([`throttle`]), how well it was watched.
//!
//! [`thread`] keeps a source that hangs or is slow from holding up the flight, and [`gauge`] keeps the energies of a
//! flight with their bounds ([`energy_meter`]). [`trial`] tries every source by reading it, [`duplicates`] tells sensors of
//! the same watts, [`doubts`] those that cannot be, [`select`] picks the best. [`meter_file`] and [`replay`] read what a meter wrote for itself.

mod access;
pub mod acpi;
mod addends;
pub mod address;
pub mod apple;
pub mod board;
pub mod channel;
pub mod cost;
pub mod counter;
pub mod cpu_clock;
pub mod cpu_time;
pub mod cray;
mod csv_lines;
pub mod doors;
pub mod doubts;
pub mod drawn;
pub mod duplicates;
pub mod energy_meter;
pub mod exec;
pub mod gauge;
mod http;
pub mod hwmon;
pub mod integral;
pub mod jetson;
pub mod meter_file;
pub mod meter_profile;
mod network;
pub mod nvml;
mod pending;
pub mod plausible;
mod pointer;
pub mod probe;
pub mod program;
mod program_cost;
mod program_lines;
pub mod ptdaemon;
pub mod rapl;
pub mod recorded;
pub mod replay;
pub mod select;
pub mod settings;
pub mod several;
pub mod shelly;
mod shelly_answer;
pub mod sum;
pub mod suspend;
pub mod sysfs;
pub mod thread;
pub mod throttle;
pub mod trial;
mod trust;
pub mod unit;
pub mod web;

pub use address::{Address, AddressError};
pub use cost::MeterCost;
pub use drawn::Drawn;
pub use gauge::{Gauge, Look, Window};
pub use probe::{Probe, Refusal};
pub use select::{Accelerator, AcceleratorKind, MeterError, Selection, open_all, probe, probe_all};
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

    /// From here on `now` may be on another clock: looks that were taken until here are forgotten, and no energy is.
    fn begin_anew(&mut self) {}

    /// For how long the device behind the source was slowed down since it was opened; none where nobody says.
    fn throttling(&self) -> Option<Throttling> {
        None
    }

    /// Sources that are read with every look at this one and never added to it: another sensor of the same watts, or
    /// of others beside them.
    fn beside_sources(&self) -> Vec<Source> {
        Vec::new()
    }

    /// What each of them said at the last look.
    fn beside(&self) -> Vec<(Reading, Coverage)> {
        Vec::new()
    }

    /// CPU time of the threads and programs that belong to the source alone; none where it is read on its caller's.
    fn cpu_time(&self) -> Option<Seconds> {
        None
    }
}
