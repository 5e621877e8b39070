//! The machine that is flown: a clock, batches, a meter and a journal.
//!
//! | | clock | batches | meter | does |
//! |---|---|---|---|---|
//! | `Bench` | this computer's | the workloads' thread | the power source | whole flights |
//! | `VirtualBench` | jumps to the next event | drawn from a seed | simulated, with faults, behind the same [`Gauge`] | whole flights |
//! | `Judged` | the same | the same | the simulated sensor itself, no journal | the orbit alone, up to a year of it |
//!
//! The control loop asks for a [`Machine`], the phases before and after it for a machine on the [`Ground`]. They know
//! nothing else of it, so a flight that runs in a test in milliseconds is the flight of the product.

use super::FlightError;
use crate::actuator::Setting;
use crate::envelope::{Spacecraft, State};
use crate::estimator::{Broken, Confirmed};
use crate::governor::Decision;
use crate::journal::{Arrival, Drawn, Event, FaultsRecord};
use crate::meter::{Gauge, Window};
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use crate::workload::{Compilation, Description, Verification, Work};

/// What follows a budget at once.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The power that is drawn from now on; none where power is set by admission of batches.
    pub(super) power: Option<Watts>,
    /// Power limits that were set.
    pub(super) settings: Vec<Setting>,
}

/// What the control loop flies. Times are on the machine's own clock.
pub(super) trait Machine {
    /// The time.
    fn now(&self) -> Seconds;

    /// Whether the user wants to stop.
    fn interrupted(&self) -> bool;

    /// When a tick comes that is due at `due`.
    fn due(&mut self, due: Seconds) -> Seconds {
        due
    }

    /// How many workloads take turns.
    fn workloads(&self) -> usize;

    /// Whether there is work to admit.
    fn has_work(&self) -> bool {
        true
    }

    /// Starts a batch. There is one at a time.
    ///
    /// # Errors
    /// The workload fails.
    fn begin(&mut self, workload: usize) -> Result<(), FlightError>;

    /// Waits until `until`, or until the batch under way has ended: then what it did.
    ///
    /// # Errors
    /// The workload fails, or its device hangs.
    fn wait(&mut self, until: Seconds) -> Result<Option<Work>, FlightError>;

    /// Results of a batch, bits.
    fn bits(&self, workload: usize) -> f64;

    /// Takes a look at the meter.
    fn look(&mut self) -> Reading;

    /// A new budget.
    fn follow(&mut self, decision: &Decision) -> Followed;

    /// Energy from the last call, or from departure, to the last look.
    fn slice(&mut self) -> Drawn {
        Drawn::default()
    }

    /// Charge and temperatures by sensors of the spacecraft, where it has some.
    fn sensed(&self) -> Option<State> {
        None
    }

    /// The confirmed spacecraft has moved.
    fn confirmed(&mut self, _: &Spacecraft, _: &Confirmed) {}

    /// An assumption did not hold.
    fn broken(&mut self, broken: &Broken) {
        self.record(|| Event::Broken(*broken));
    }

    /// Something is written down, if anybody wants it.
    fn record(&mut self, event: impl FnOnce() -> Event);

    /// The flight is over.
    fn arrived(&mut self, spacecraft: &Spacecraft) -> Option<Arrival>;
}

/// What the phases before and after the orbit need beside that.
pub(super) trait Ground: Machine {
    /// Its workloads, in flight order.
    fn descriptions(&self) -> &[Description];

    /// The power source with the energies that it has shown. It is looked at now, and not kept.
    fn gauge(&mut self) -> &mut Gauge;

    /// One batch, waited for.
    ///
    /// # Errors
    /// The workload fails, its device hangs, or an interrupt comes first.
    fn batch(&mut self, workload: usize) -> Result<Work, FlightError>;

    /// The check of a workload against its reference; none where it has none.
    ///
    /// # Errors
    /// As [`Ground::batch`].
    fn verify(&mut self, workload: usize) -> Result<Option<Verification>, FlightError>;

    /// What a workload takes to compile; none where nothing is compiled.
    ///
    /// # Errors
    /// As [`Ground::batch`].
    fn compile_again(&mut self, workload: usize) -> Result<Option<Compilation>, FlightError>;

    /// What is made to go wrong from departure on; nothing but in a simulation.
    fn faults(&self) -> FaultsRecord {
        FaultsRecord::default()
    }

    /// The satellite is at its node: the orbit begins now.
    fn depart(&mut self);

    /// Puts back the power limits that followed the budget.
    fn restore(&mut self) -> Vec<Setting> {
        Vec::new()
    }

    /// Nothing is begun for `duration`, or until an interrupt.
    fn rest(&mut self, duration: Seconds);

    /// Opens a window over the power source now.
    fn open_window(&mut self) -> Window {
        let now = self.now();
        Window::open(self.gauge(), now)
    }

    /// Looks again in a window.
    fn look_in(&mut self, window: &mut Window) {
        let now = self.now();
        window.look(self.gauge(), now);
    }

    /// Writes down that the machine slept, where it did.
    fn note_suspend(&mut self) {
        if let Some(slept_s) = self.gauge().take_suspend() {
            self.record(|| Event::Suspended { slept_s });
        }
    }
}
