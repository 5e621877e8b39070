//! The simulated sensor as a power source: what its driver would read, through the same parts as a driver's.
//!
//! | shows | energy | taken at | looked at, beside the flight's looks |
//! |---|---|---|---|
//! | counter, both | differences of the counter; one that falls was reset, for good | when the sensor says | four times an update |
//! | power | powers, filtered and integrated | at the look | twice an update |
//!
//! The virtual machine looks at its sensor and lays what it shows on a [`Desk`]; the meter reads it there, as it would
//! read the answers of a sampler's thread. No clock of this computer is asked.

use super::sensor::{Sensor, Shows};
use crate::meter::Meter;
use crate::meter::counter::{Counter, Limits, MICROJOULE, MeanPower};
use crate::meter::integral::PowerIntegral;
use crate::meter::plausible::PowerFilter;
use crate::reading::{Coverage, NoData, Reading, Source};
use crate::units::{Joules, Seconds, Watts};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A power that is new at every look is integrated in steps of this.
pub(super) const SHORTEST_PERIOD: Seconds = Seconds(1e-3);

/// A sensor between virtual machine and meter.
pub(super) struct Desk {
    method: Method,
    filter: PowerFilter,
    coverage: Coverage,
    reading: Reading,
    looked_at: Option<Seconds>,
    /// For how long the machine has slept.
    slept: Seconds,
}

enum Method {
    Counter { counter: Counter, mean: MeanPower },
    Power(PowerIntegral),
}

impl Desk {
    /// Of `sensor` on a machine that draws `full` at most, as the sensor shows it.
    pub(super) fn new(sensor: &Sensor, period: Seconds, full: Watts) -> Desk {
        let limits = Limits { unit: MICROJOULE, range: None, ceiling: None, slack: Seconds::ZERO };
        let method = match sensor.shows {
            Shows::Counter | Shows::Both => {
                Method::Counter { counter: Counter::new(limits), mean: MeanPower::default() }
            }
            Shows::Power => Method::Power(PowerIntegral::new(period)),
        };
        let (coverage, reading) = (Coverage::default(), Reading::absent(Seconds::ZERO, NoData::NotYet));
        let filter = PowerFilter::new(Some(full));
        Desk { method, filter, coverage, reading, looked_at: None, slept: Seconds::ZERO }
    }

    /// Takes what the sensor shows at `now`, once for each instant.
    pub(super) fn take(&mut self, now: Seconds, shown: &Reading, slept: Seconds) {
        self.slept = slept;
        if self.looked_at.replace(now) == Some(now) {
            return;
        }
        self.coverage.looks += 1;
        let power = shown.power.and_then(|power| self.filter.check(power));
        self.reading = match &mut self.method {
            Method::Counter { counter, mean } => match shown.energy.and_then(count) {
                Ok(count) => {
                    let is_update = counter.last_count() != Some(count);
                    let step = counter.advance(now, count);
                    if is_update {
                        self.coverage.updates += 1;
                        mean.advance(shown.taken_at, step.energy());
                    }
                    let power = power.or_else(|_| mean.watts());
                    Reading { taken_at: shown.taken_at, energy: counter.total(), power }
                }
                Err(cause) => Reading::absent(shown.taken_at, cause),
            },
            Method::Power(integral) => match power {
                Ok(power) => {
                    self.coverage.updates += u64::from(integral.last_power() != Some(power));
                    integral.advance(now, power);
                    integral.tell(&mut self.coverage);
                    Reading { taken_at: now, energy: Ok(integral.total()), power: Ok(power) }
                }
                Err(cause) => Reading::absent(now, cause),
            },
        };
        self.coverage.missed += u64::from(self.reading.energy.is_err());
    }
}

/// Microjoules; what is no number is no count.
fn count(energy: Joules) -> Result<u64, NoData> {
    if energy.is_finite() { Ok((energy / MICROJOULE).round() as u64) } else { Err(NoData::Implausible) }
}

/// Plain values, valid at every moment: a panic elsewhere does not spoil them.
pub(super) fn hold(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For how long the machine has slept, as a suspend watch asks for it.
pub(super) fn sleep_clock(desk: &Arc<Mutex<Desk>>) -> crate::meter::suspend::SleepClock {
    let desk = Arc::clone(desk);
    Box::new(move || Some(hold(&desk).slept))
}

/// See above.
pub(super) struct SimulatedMeter {
    pub(super) source: Source,
    pub(super) desk: Arc<Mutex<Desk>>,
}

impl Meter for SimulatedMeter {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, _: Seconds) -> Reading {
        hold(&self.desk).reading
    }

    fn coverage(&self) -> Coverage {
        hold(&self.desk).coverage
    }
}
