//! The machine that the control loop flies: a clock, batches, a meter and a journal.
//!
//! | | clock | batches | meter |
//! |---|---|---|---|
//! | `Bench` | this computer's | the workloads' thread | the power source |
//! | `Virtual` | jumps to the next event | drawn from a seed | simulated, with faults |
//!
//! The loop knows nothing else of either, so a flight that runs in a test in milliseconds is the flight of the product.

use super::FlightError;
use crate::actuator::Setting;
use crate::envelope::{Spacecraft, State};
use crate::estimator::{Broken, Confirmed};
use crate::governor::Decision;
use crate::journal::{Arrival, Drawn, Event};
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use crate::workload::Work;

/// What follows a budget at once.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The power that is drawn from now on; none where power is set by admission of batches.
    pub(super) power: Option<Watts>,
    /// Power limits that were set.
    pub(super) settings: Vec<Setting>,
}

/// See above. Times are on the machine's own clock.
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
    fn confirmed(&mut self, spacecraft: &Spacecraft, confirmed: &Confirmed);

    /// An assumption did not hold.
    fn broken(&mut self, broken: &Broken);

    /// Something is written down, if anybody wants it.
    fn record(&mut self, event: impl FnOnce() -> Event);

    /// The flight is over.
    fn arrived(&mut self, spacecraft: &Spacecraft) -> Option<Arrival>;
}
