//! The simulated sensor as a power source, made a meter by the same channel as every other source.
//!
//! | shows | samples | taken at | the machine looks, beside the flight's looks |
//! |---|---|---|---|
//! | counter, both | one for each update: counts, and powers beside them | when the sensor says | four times an update |
//! | power | one for each look: powers | at the look | twice an update |
//!
//! The virtual machine looks at its sensor and puts what it shows into a [`SampleQueue`], where it stays until the meter is
//! read, as the samples of a board stay in its driver. No clock of this computer is asked.

use super::sensor::{Sensor, Shows};
use crate::meter::channel::{self, Channel, Quantity, Sample, Value};
use crate::meter::counter::{Limits, MICROJOULE};
use crate::meter::plausible::PowerFilter;
use crate::meter::suspend::SleepClock;
use crate::reading::{NoData, Reading, Source};
use crate::units::{Joules, Seconds, Watts};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A power that is new at every look is integrated in steps of this.
pub(super) const SHORTEST_PERIOD: Seconds = Seconds(1e-3);

/// A sensor between virtual machine and meter.
pub(super) struct SampleQueue {
    shows: Shows,
    samples: Vec<Sample>,
    /// When the machine looked last, and what the sensor showed.
    last: Option<(Seconds, Reading)>,
    /// For how long the machine has slept.
    slept: Seconds,
}

/// A queue, as the machine and the meter have it.
pub(super) type SharedQueue = Arc<Mutex<SampleQueue>>;

impl SampleQueue {
    /// Of a sensor that shows `shows`; nothing is in it.
    pub(super) fn shared(shows: Shows) -> SharedQueue {
        Arc::new(Mutex::new(SampleQueue { shows, samples: Vec::new(), last: None, slept: Seconds::ZERO }))
    }

    /// Takes what the sensor shows at `now`, once for each instant.
    pub(super) fn take(&mut self, now: Seconds, shown: Reading, slept: Seconds) {
        self.slept = slept;
        if self.last.is_some_and(|(at, _)| at == now) {
            return;
        }
        let before = self.last.replace((now, shown)).map(|(_, before)| before);
        if self.shows == Shows::Power {
            self.samples.push(Sample::power(now, shown.power));
            return;
        }
        let count = shown.energy.and_then(count);
        if count.is_ok() && before == Some(shown) {
            return;
        }
        self.samples.push(Sample::count(shown.taken_at, count));
        if self.shows == Shows::Both {
            self.samples.push(Sample::new(1, shown.taken_at, shown.power.map(Value::Power)));
        }
    }
}

/// Microjoules; what is no number is no count.
fn count(energy: Joules) -> Result<u64, NoData> {
    if energy.is_finite() { Ok((energy / MICROJOULE).round() as u64) } else { Err(NoData::Implausible) }
}

/// Plain values, valid at every moment: a panic elsewhere does not spoil them.
pub(super) fn hold(queue: &SharedQueue) -> MutexGuard<'_, SampleQueue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how long the machine has slept, as a suspend watch asks for it.
pub(super) fn sleep_clock(queue: &SharedQueue) -> SleepClock {
    let queue = Arc::clone(queue);
    Box::new(move || Some(hold(&queue).slept))
}

/// Gives what is in the queue.
pub(super) struct QueueSensor(SharedQueue);

impl channel::Sensor for QueueSensor {
    fn samples(&mut self, _: Seconds) -> Result<Vec<Sample>, NoData> {
        Ok(std::mem::take(&mut hold(&self.0).samples))
    }
}

/// The meter over what is in `queue` of `sensor`, on a machine that draws `full` at most, as the sensor shows it.
pub(super) fn meter(source: Source, queue: &SharedQueue, sensor: &Sensor, full: Watts) -> Channel<QueueSensor> {
    let power = Quantity::power(PowerFilter::new(Some(full)), source.update_period_s);
    let quantities = match sensor.shows {
        Shows::Counter => vec![Quantity::counter(Limits::NONE)],
        Shows::Power => vec![power],
        Shows::Both => vec![Quantity::counter(Limits::NONE), power.shown()],
    };
    Channel::new(source, QueueSensor(Arc::clone(queue)), quantities)
}
