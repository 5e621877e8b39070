//! The simulated sensor as a power source, made a meter by the same channel as every other source.
//!
//! | shows | samples | taken at | the machine looks, beside the flight's looks |
//! |---|---|---|---|
//! | counter, both | one for each update: counts, and powers beside them | when the sensor says | four times an update |
//! | power | one for each look: powers | at the look | twice an update |
//!
//! The virtual machine looks at its sensor and lays what it shows on a [`Desk`], where it lies until the meter is read, as
//! the samples of a board lie in its driver. No clock of this computer is asked.

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
pub(super) struct Desk {
    shows: Shows,
    samples: Vec<Sample>,
    /// When the machine looked last, and what the sensor showed.
    last: Option<(Seconds, Reading)>,
    /// For how long the machine has slept.
    slept: Seconds,
}

/// A desk, as the machine and the meter have it.
pub(super) type SharedDesk = Arc<Mutex<Desk>>;

impl Desk {
    /// Of a sensor that shows `shows`; nothing lies on it.
    pub(super) fn shared(shows: Shows) -> SharedDesk {
        Arc::new(Mutex::new(Desk { shows, samples: Vec::new(), last: None, slept: Seconds::ZERO }))
    }

    /// Takes what the sensor shows at `now`, once for each instant.
    pub(super) fn take(&mut self, now: Seconds, shown: Reading, slept: Seconds) {
        self.slept = slept;
        let before = self.last.replace((now, shown));
        if before.is_some_and(|(at, _)| at == now) {
            return;
        }
        if self.shows == Shows::Power {
            self.samples.push(Sample::power(now, shown.power));
            return;
        }
        let count = shown.energy.and_then(count);
        if count.is_ok() && before.is_some_and(|(_, before)| before == shown) {
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
pub(super) fn hold(desk: &SharedDesk) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how long the machine has slept, as a suspend watch asks for it.
pub(super) fn sleep_clock(desk: &SharedDesk) -> SleepClock {
    let desk = Arc::clone(desk);
    Box::new(move || Some(hold(&desk).slept))
}

/// Gives what lies on the desk.
pub(super) struct DeskSensor(SharedDesk);

impl channel::Sensor for DeskSensor {
    fn samples(&mut self, _: Seconds) -> Result<Vec<Sample>, NoData> {
        Ok(std::mem::take(&mut hold(&self.0).samples))
    }
}

/// The meter over what lies on `desk` of `sensor`, on a machine that draws `full` at most, as the sensor shows it.
pub(super) fn meter(source: Source, desk: &SharedDesk, sensor: &Sensor, full: Watts) -> Channel<DeskSensor> {
    let power = Quantity::power(PowerFilter::new(Some(full)), source.update_period_s);
    let quantities = match sensor.shows {
        Shows::Counter => vec![Quantity::counter(Limits::NONE)],
        Shows::Power => vec![power],
        Shows::Both => vec![Quantity::counter(Limits::NONE), power.shown()],
    };
    Channel::new(source, DeskSensor(Arc::clone(desk)), quantities)
}
