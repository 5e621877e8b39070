//! From a sensor to a meter: what every source must do with what it reads is done here, once.
//!
//! A source is a [`Sensor`]: asked at a time, it gives samples. Each is a count or a power of one [`Quantity`], or the
//! cause why there is none. A [`Channel`] makes a [`Meter`] of it:
//!
//! | sample | its energy | its power |
//! |---|---|---|
//! | [`Value::Count`] | differences, wraps and resets told apart ([`Counter`]) | the mean of the last window |
//! | [`Value::Power`] | the trapezoid between samples, gaps counted ([`PowerIntegral`]) | as it is |
//! | [`Value::Mean`] | power times the time since the sample before, or a gap | as it is |
//!
//! Powers that cannot be are dropped before any arithmetic ([`PowerFilter`]). What is more than the boundary can draw is held
//! against its highest limit as that is then: somebody may have raised it since the source was opened. A quantity of which nothing new is said keeps
//! its last reading, and so its age. The energy of the source is the sum over its counted quantities, one of which without
//! an energy leaves the sum without; what stands beside is never added. Time is an argument: no clock is read.

use super::Meter;
use super::counter::{Counter, Limits, MeanPower};
use super::integral::PowerIntegral;
use super::plausible::{OVER_RATED, PowerFilter};
use super::throttle::{ThrottleLook, ThrottleWatch};
use crate::reading::{Coverage, NoData, Reading, Source, Throttling};
use crate::units::{Seconds, Watts};

/// What a sensor shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count of an energy counter.
    Count(u64),
    /// The power now.
    Power(Watts),
    /// The mean power since the sample before, or why that time has none.
    Mean(Result<Watts, NoData>),
    /// The device was started anew: there is no total any more.
    Restarted,
}

/// One value of one quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Which quantity, by its place in the channel.
    pub quantity: usize,
    /// When the value was made, on the clock by which the sensor is asked.
    pub taken_at: Seconds,
    /// The same on the clock by which steps are measured: the device's own where it has one.
    pub clock: Seconds,
    /// The value, or why there is none.
    pub value: Result<Value, NoData>,
}

impl Sample {
    /// A value that was made at `at`.
    pub fn new(quantity: usize, at: Seconds, value: Result<Value, NoData>) -> Sample {
        Sample { quantity, taken_at: at, clock: at, value }
    }

    /// A power of the first quantity.
    pub fn power(at: Seconds, power: Result<Watts, NoData>) -> Sample {
        Sample::new(0, at, power.map(Value::Power))
    }

    /// A count of the first quantity.
    pub fn count(at: Seconds, count: Result<u64, NoData>) -> Sample {
        Sample::new(0, at, count.map(Value::Count))
    }
}

/// What a source is: something that can be asked.
pub trait Sensor: Send {
    /// What is new at `now`; nothing of a quantity of which its last value still holds.
    ///
    /// # Errors
    /// Why nothing at all can be said: then no quantity has a reading.
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData>;

    /// The most that a quantity can draw, read anew; none where nobody says.
    fn rated(&mut self, _quantity: usize) -> Option<Watts> {
        None
    }

    /// CPU time of programs and threads that work for it alone; none where there are none, or nobody tells.
    fn cpu_time(&self) -> Option<Seconds> {
        None
    }

    /// What slows the device down while it draws `power`.
    ///
    /// # Errors
    /// Why it does not say.
    fn throttle(&mut self, _power: Result<Watts, NoData>) -> Result<ThrottleLook, NoData> {
        Err(NoData::NotSupported)
    }
}

/// What a quantity is for.
#[derive(Clone, Debug, PartialEq)]
enum Role {
    /// Its energy is a part of the source's, and its power too.
    Counted,
    /// Its power is shown in place of the counted ones.
    Shown,
    /// It is another source, read beside the first and never added to it.
    Beside(Source),
}

/// One quantity under watch: an energy with its power.
#[derive(Clone, Debug)]
pub struct Quantity {
    role: Role,
    counter: Counter,
    mean: MeanPower,
    filter: PowerFilter,
    integral: PowerIntegral,
    has_restarted: bool,
    last: Reading,
    coverage: Coverage,
}

impl Quantity {
    /// A counter within `limits`.
    pub fn counter(limits: Limits) -> Quantity {
        Quantity::new(limits, PowerFilter::new(None), Seconds::ZERO)
    }

    /// A power that is renewed every `update_period`; what `filter` lets pass is integrated.
    pub fn power(filter: PowerFilter, update_period: Seconds) -> Quantity {
        Quantity::new(Limits::NONE, filter, update_period)
    }

    fn new(limits: Limits, filter: PowerFilter, update_period: Seconds) -> Quantity {
        Quantity {
            role: Role::Counted,
            counter: Counter::new(limits),
            mean: MeanPower::default(),
            filter,
            integral: PowerIntegral::new(update_period),
            has_restarted: false,
            last: Reading::absent(Seconds::ZERO, NoData::NotYet),
            coverage: Coverage::default(),
        }
    }

    /// The most that is believed of its power.
    #[cfg(test)]
    pub(super) fn ceiling(&self) -> Watts {
        self.filter.ceiling()
    }

    /// The same, whose power alone is shown.
    pub fn shown(self) -> Quantity {
        Quantity { role: Role::Shown, ..self }
    }

    /// The same as the source `source` beside the first.
    pub fn beside(self, source: Source) -> Quantity {
        Quantity { role: Role::Beside(source), ..self }
    }

    /// More than is believed of what it watches.
    fn is_over(&self, sample: &Sample) -> bool {
        match sample.value {
            Ok(Value::Power(power) | Value::Mean(Ok(power))) => self.filter.is_over(power),
            Ok(Value::Count(count)) => self.counter.would_leap(sample.clock, count),
            _ => false,
        }
    }

    /// What it watches can draw `rated`.
    fn raise(&mut self, rated: Watts) {
        let ceiling = rated * OVER_RATED;
        self.filter.raise(ceiling);
        self.counter.raise(ceiling);
    }

    /// The mean of a counter, where it can be.
    fn mean(&self) -> Result<Watts, NoData> {
        let mean = self.mean.watts()?;
        if self.counter.is_over(mean) { Err(NoData::Implausible) } else { Ok(mean) }
    }

    /// Takes a sample; `rated` reads anew what can be drawn at most.
    fn take(&mut self, sample: &Sample, rated: &mut dyn FnMut() -> Option<Watts>) {
        if self.is_over(sample)
            && let Some(rated) = rated()
        {
            self.raise(rated);
        }
        self.accept(sample);
        if self.mean.watts().is_ok_and(|mean| self.counter.is_over(mean))
            && let Some(rated) = rated()
        {
            self.raise(rated);
            self.last.power = self.mean();
        }
    }

    fn accept(&mut self, sample: &Sample) {
        let (at, clock) = (sample.taken_at, sample.clock);
        let (reading, is_update) = match sample.value {
            Err(cause) => (Reading::absent(at, cause), false),
            Ok(Value::Restarted) => {
                self.has_restarted = true;
                return;
            }
            Ok(Value::Count(count)) => {
                let is_update = self.counter.last_count() != Some(count);
                let step = self.counter.advance(clock, count);
                self.mean.advance(clock, step.energy());
                (Reading { taken_at: at, energy: self.counter.total(), power: self.mean() }, is_update)
            }
            Ok(Value::Power(power)) => {
                let power = self.filter.check(power);
                let is_update = power.is_ok_and(|power| self.integral.advance(clock, power));
                (self.integrated(at, power), is_update)
            }
            Ok(Value::Mean(mean)) => {
                let mean = mean.and_then(|power| self.filter.check(power));
                self.integral.advance_by_mean(clock, mean.ok());
                (self.integrated(at, mean), mean.is_ok())
            }
        };
        self.coverage.looks += 1;
        self.coverage.updates += u64::from(is_update);
        self.coverage.missed += u64::from(reading.energy.is_err());
        self.integral.tell(&mut self.coverage);
        self.last = reading;
    }

    fn integrated(&self, taken_at: Seconds, power: Result<Watts, NoData>) -> Reading {
        let total = if self.has_restarted { Err(NoData::CounterReset) } else { Ok(self.integral.total()) };
        Reading { taken_at, energy: power.and(total), power }
    }
}

/// A sensor as a meter.
pub struct Channel<S> {
    /// What is asked.
    pub sensor: S,
    source: Source,
    quantities: Vec<Quantity>,
    poll_period: Seconds,
    coverage: Coverage,
    throttle: ThrottleWatch,
}

impl<S: Sensor> Channel<S> {
    /// `sensor` as the source `source`. Between the flight's looks a thread should look twice in an update.
    pub fn new(source: Source, sensor: S, quantities: Vec<Quantity>) -> Channel<S> {
        let poll_period = source.update_period_s * 0.5;
        let (coverage, throttle) = (Coverage::default(), ThrottleWatch::default());
        Channel { sensor, source, quantities, poll_period, coverage, throttle }
    }

    /// The same, looked at every `period` by a thread.
    pub fn polled_every(self, period: Seconds) -> Channel<S> {
        Channel { poll_period: period, ..self }
    }

    /// How often a thread should look between the flight's own looks.
    pub fn poll_period(&self) -> Seconds {
        self.poll_period
    }

    fn counted(&self) -> impl Iterator<Item = &Quantity> {
        self.quantities.iter().filter(|quantity| quantity.role == Role::Counted)
    }

    fn reading(&self) -> Reading {
        let together = |one: Reading, two: Reading| Reading {
            taken_at: one.taken_at.min(two.taken_at),
            energy: one.energy.and_then(|sum| Ok(sum + two.energy?)),
            power: one.power.and_then(|sum| Ok(sum + two.power?)),
        };
        let sum = self.counted().map(|quantity| quantity.last).reduce(together);
        let sum = sum.unwrap_or_else(|| Reading::absent(Seconds::ZERO, NoData::NotSupported));
        let shown = self.quantities.iter().find(|quantity| quantity.role == Role::Shown);
        Reading { power: shown.map_or(sum.power, |quantity| quantity.last.power), ..sum }
    }

    /// Looks that brought nothing, and samples that were dropped in one that did.
    fn missed(&self) -> u64 {
        self.counted().map(|quantity| quantity.coverage.missed).max().unwrap_or(0)
    }
}

impl<S: Sensor> Meter for Channel<S> {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        let missed_before = self.missed();
        match self.sensor.samples(now) {
            Ok(samples) => {
                for sample in &samples {
                    let (index, sensor) = (sample.quantity, &mut self.sensor);
                    self.quantities[index].take(sample, &mut || sensor.rated(index));
                }
            }
            Err(cause) => {
                for (index, quantity) in self.quantities.iter_mut().enumerate() {
                    quantity.accept(&Sample::new(index, now, Err(cause)));
                }
            }
        }
        let reading = self.reading();
        if self.throttle.is_due(now) {
            let look = self.sensor.throttle(reading.power);
            self.throttle.advance(now, look);
        }
        let missed = (self.missed() - missed_before).max(u64::from(reading.energy.is_err()));
        let updates = self.counted().map(|quantity| quantity.coverage.updates).max().unwrap_or(0);
        let seen = self.counted().next().map(|quantity| quantity.coverage).unwrap_or_default();
        let (looks, missed) = (self.coverage.looks + 1, self.coverage.missed + missed);
        self.coverage = Coverage { looks, missed, updates, ..seen };
        reading
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn throttling(&self) -> Option<Throttling> {
        self.throttle.times()
    }

    fn beside_sources(&self) -> Vec<Source> {
        let source =
            |quantity: &Quantity| if let Role::Beside(source) = &quantity.role { Some(source.clone()) } else { None };
        self.quantities.iter().filter_map(source).collect()
    }

    fn cpu_time(&self) -> Option<Seconds> {
        self.sensor.cpu_time()
    }

    fn beside(&self) -> Vec<(Reading, Coverage)> {
        let beside = self.quantities.iter().filter(|quantity| matches!(quantity.role, Role::Beside(_)));
        beside.map(|quantity| (quantity.last, quantity.coverage)).collect()
    }
}
