//! A model, not a measurement: the CPU time of this process, times what a busy core of a known part draws.
//!
//! ```text
//! E(t) = idle_w · cores · t + (busy_w - idle_w) · cpu_time(t)        rated = busy_w · cores
//! ```
//!
//! The energy never rises faster than the rated power. What CPU time seems to have over that was used after the look's
//! time stamp (the reading thread was held up between two clocks), or is a quota that the system settles over a tenth
//! of a second; it is counted at the looks that follow.
//!
//! It stands in where no sensor can be read, so that a flight has a load that follows its work. It is marked
//! [`Provenance::Modelled`], has no error band and is never ranked. A core is what the system schedules on; with two
//! threads to a core the model draws nearer to twice what the core would.
//!
//! Constants:
//! * busy: Intel Xeon Platinum 8480+, thermal design power 350 W over 56 cores (Intel ARK), 6.25 W per core at full load.
//! * idle: 0.3 of it. Barroso & Hölzle, *The Case for Energy-Proportional Computing*, IEEE Computer 40 (12) (2007) 33
//!   (doi:10.1109/MC.2007.443), put server CPUs below one third of their peak at very low activity.

use super::channel::{Channel, Quantity, Sample, Sensor};
use super::counter::{Limits, MICROJOULE};
use super::probe::Refusal;
use super::trial::{Candidate, Roots, Trial};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Joules, Seconds, Watts};

/// Name of the source.
pub const NAME: &str = "cpu-time";

/// Watts of one core at full load: 350 W / 56.
pub const BUSY_W_PER_CORE: Watts = Watts(350.0 / 56.0);

/// Watts of one core without work: 0.3 of the full load.
pub const IDLE_W_PER_CORE: Watts = Watts(0.3 * 350.0 / 56.0);

/// One tick of Linux's scheduler at its usual 250 Hz, when it brings the accounts of running threads up to date.
pub const UPDATE_PERIOD: Seconds = Seconds(0.004);

/// What the model is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs {
    /// Cores that this process may use.
    pub cores: usize,
    /// Power of one busy core.
    pub busy_w: Watts,
    /// Power of one idle core; not more than `busy_w`.
    pub idle_w: Watts,
}

impl Inputs {
    /// The cores that the system grants this process, with the constants above.
    pub fn of_this_process() -> Inputs {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Inputs { cores, busy_w: BUSY_W_PER_CORE, idle_w: IDLE_W_PER_CORE }
    }

    /// All cores busy.
    pub fn rated(&self) -> Watts {
        self.busy_w * self.cores as f64
    }
}

/// Reads CPU time since some fixed point.
pub type CpuClock = Box<dyn FnMut() -> Result<Seconds, NoData> + Send>;

/// The model, as a counter of microjoules.
pub struct CpuTime {
    inputs: Inputs,
    clock: CpuClock,
    /// The clock and the CPU time at the first look.
    start: Option<(Seconds, Seconds)>,
    looked_at: Seconds,
    energy: Joules,
}

pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    vec![Trial::start(NAME, roots.source_deadline, || Candidate::here(CpuTime::open()?, CpuTime::open()?).map(Some))]
}

impl CpuTime {
    /// The model of this process on this machine, once its CPU time has been read.
    pub fn open() -> Result<Channel<CpuTime>, Refusal> {
        process_cpu_time().map_err(|cause| {
            Refusal::new(cause, "the system does not tell the CPU time of a process by a clock that is read here")
        })?;
        Ok(CpuTime::with_clock(Inputs::of_this_process(), Box::new(process_cpu_time)))
    }

    /// The model over any clock.
    pub fn with_clock(inputs: Inputs, clock: CpuClock) -> Channel<CpuTime> {
        let Inputs { cores, busy_w, idle_w } = inputs;
        let source = Source {
            name: NAME.to_owned(),
            provenance: Provenance::Modelled,
            boundary: Boundary::Process,
            method: format!(
                "a model, not a measurement: {idle_w:.3} x {cores} cores x time + ({busy_w:.3} - {idle_w:.3}) x CPU time \
                 of this process (350 W / 56 cores at full load, 0.3 of it idle)"
            ),
            update_period_s: UPDATE_PERIOD,
            relative_uncertainty: None,
            rated_w: Some(inputs.rated()),
            sensing: Sensing::default(),
        };
        let model = CpuTime { inputs, clock, start: None, looked_at: Seconds::ZERO, energy: Joules::ZERO };
        Channel::new(source, model, vec![Quantity::counter(Limits::NONE)])
    }

    /// The energy until `now`.
    fn energy(&mut self, now: Seconds, cpu_time: Seconds) -> Joules {
        let (opened_at, cpu_time_then) = *self.start.get_or_insert((now, cpu_time));
        let Inputs { cores, busy_w, idle_w } = self.inputs;
        let energy = idle_w * cores as f64 * (now - opened_at) + (busy_w - idle_w) * (cpu_time - cpu_time_then);
        let most = self.energy + self.inputs.rated() * (now - self.looked_at);
        self.looked_at = now;
        // Neither clock runs backwards by its contract; if one does, the energy stands.
        self.energy = self.energy.max(energy.min(most));
        self.energy
    }
}

impl Sensor for CpuTime {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let energy = (self.clock)().map(|cpu_time| self.energy(now, cpu_time))?;
        Ok(vec![Sample::count(now, Ok((energy / MICROJOULE).round() as u64))])
    }
}

/// CPU time of all threads of this process.
#[cfg(unix)]
pub fn process_cpu_time() -> Result<Seconds, NoData> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Seconds(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9))
}

/// The standard library has no such clock.
#[cfg(not(unix))]
pub fn process_cpu_time() -> Result<Seconds, NoData> {
    Err(NoData::NotSupported)
}
