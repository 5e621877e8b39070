//! The simulated power sensor: late, coarse, uneven, wrong by a factor, and at times out of order.
//!
//! Update n comes at `(n + jitter u_n) period`, u_n between 0 and 1. It shows what was drawn a dead time before: an
//! energy counter, the mean power since one period earlier, or both. Gain acts on what is drawn while it holds, so that
//! a step of it does not make the counter leap.

use super::chance::chance;
use super::fault::{FaultKind, Faults};
use crate::reading::{NoData, Reading};
use crate::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

/// How a power sensor deceives. Times are machine seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensor {
    /// Dead time.
    pub lag: Seconds,
    /// How often the value moves. Zero: at every look.
    pub update_period: Seconds,
    /// What it shows over what is drawn.
    pub gain: f64,
    /// Steps of what it shows: W of power, J of the counter. Zero: none.
    pub step: f64,
    /// What it has.
    pub shows: Shows,
}

/// What a sensor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// An energy counter.
    Counter,
    /// Power.
    Power,
    /// Both.
    Both,
}

impl Sensor {
    /// A counter, at once and exact.
    pub const IDEAL: Sensor =
        Sensor { lag: Seconds::ZERO, update_period: Seconds::ZERO, gain: 1.0, step: 0.0, shows: Shows::Counter };

    pub(super) fn is_possible(&self) -> bool {
        let Sensor { lag, update_period, gain, step, .. } = *self;
        let least_zero = [lag.0, update_period.0, step].iter().all(|number| number.is_finite() && *number >= 0.0);
        least_zero && gain.is_finite() && gain > 0.0
    }
}

/// What had been drawn at one time, and what of it the sensor counts.
#[derive(Clone, Copy, Debug, Default)]
struct Drawn {
    at: Seconds,
    shown: Joules,
}

/// The sensor in flight: remembers what was drawn for as long as its dead time needs.
#[derive(Clone, Debug)]
pub(super) struct Instrument {
    sensor: Sensor,
    jitter: f64,
    seed: u64,
    past: VecDeque<Drawn>,
    /// Power shown now, gain included.
    power: Watts,
    /// The last reading.
    last: Reading,
    /// What had been counted when the counter last began.
    origin: Joules,
    /// Beginnings of the counter so far.
    begun: usize,
}

impl Instrument {
    /// Of a machine that drew `idle` before it departs.
    pub(super) fn new(sensor: Sensor, idle: Watts, jitter: f64, seed: u64) -> Instrument {
        let before = sensor.lag + sensor.update_period * 4.0;
        let began = Drawn { at: Seconds::ZERO - before, shown: idle * (Seconds::ZERO - before) * sensor.gain };
        Instrument {
            sensor,
            jitter,
            seed,
            past: VecDeque::from([began, Drawn::default()]),
            power: idle * sensor.gain,
            last: Reading::absent(Seconds::ZERO, NoData::NotYet),
            origin: began.shown,
            begun: 0,
        }
    }

    /// `power` was drawn until machine time `until`, under a gain `gain` times that of the sensor.
    pub(super) fn draw(&mut self, until: Seconds, power: Watts, gain: f64) {
        let past = self.past.back().copied().unwrap_or_default();
        let energy = power * (until - past.at);
        self.power = power * (self.sensor.gain * gain);
        let shown = past.shown + energy * (self.sensor.gain * gain);
        self.past.push_back(Drawn { at: until, shown });
        let needed = until - self.sensor.lag - self.sensor.update_period * 3.0;
        while self.past.len() > 2 && self.past[1].at <= needed {
            self.past.pop_front();
        }
    }

    /// Update `n`.
    fn update(&self, n: f64) -> Seconds {
        let late = if n > 0.0 { self.jitter * chance(self.seed, n as u64) } else { 0.0 };
        self.sensor.update_period * (n + late)
    }

    /// The last update at or before machine time `now`.
    pub(super) fn last_update(&self, now: Seconds) -> Seconds {
        let period = self.sensor.update_period;
        if period.0 <= 0.0 {
            return now;
        }
        let n = (now / period + 1e-9).floor().max(0.0);
        let latest = self.update(n);
        if latest <= now + period * 1e-9 { latest } else { self.update(n - 1.0) }
    }

    /// What it shows at machine time `now`, which is `simulated` in the times of the faults. The machine's clock is
    /// `ahead` of machine time.
    pub(super) fn look(&mut self, now: Seconds, simulated: Seconds, faults: Faults<'_>, ahead: Seconds) -> Reading {
        if faults.any(FaultKind::Silent, simulated) {
            return self.last;
        }
        let taken_at = self.last_update(now);
        let resets = faults.count(FaultKind::CounterReset, simulated);
        let lost = faults.count(FaultKind::CounterLost, simulated);
        let energy = self.at(taken_at - self.sensor.lag).shown;
        if resets.0 + lost.1 > self.begun {
            (self.begun, self.origin) = (resets.0 + lost.1, energy);
        }
        let mut reading = self.sound(taken_at, energy - self.origin);
        reading.taken_at += ahead + faults.shift(FaultKind::Stamps, simulated);
        let counts = self.sensor.shows != Shows::Power;
        if counts && lost.0 > lost.1 {
            reading.energy = Err(NoData::CounterReset);
        }
        if faults.any(FaultKind::Stuck, simulated) {
            reading = Reading { taken_at: reading.taken_at, ..self.last };
        }
        if faults.any(FaultKind::Zero, simulated) {
            reading.energy = Err(if counts { NoData::Timeout } else { NoData::NotSupported });
            reading.power = Ok(Watts::ZERO);
        }
        if faults.any(FaultKind::NotANumber, simulated) {
            reading.energy = if counts { Ok(Joules(f64::NAN)) } else { Err(NoData::NotSupported) };
            reading.power = Ok(Watts(f64::NAN));
        }
        self.last = reading;
        reading
    }

    /// A reading of a sensor in order, with `energy` counted.
    fn sound(&self, taken_at: Seconds, energy: Joules) -> Reading {
        let Sensor { lag, update_period, step, shows, .. } = self.sensor;
        let stepped = |value: f64, round: fn(f64) -> f64| if step > 0.0 { round(value / step) * step } else { value };
        let until = taken_at - lag;
        let power = if update_period.0 > 0.0 {
            (self.at(until).shown - self.at(until - update_period).shown) / update_period
        } else {
            self.power
        };
        // A counter has not yet counted the step that it is in; power is rounded.
        let energy = Joules(stepped(energy.0, f64::floor));
        let power = Watts(stepped(power.0, f64::round));
        Reading {
            taken_at,
            energy: if shows == Shows::Power { Err(NoData::NotSupported) } else { Ok(energy) },
            power: if shows == Shows::Counter { Err(NoData::NotSupported) } else { Ok(power) },
        }
    }

    /// What had been drawn at `t`.
    fn at(&self, t: Seconds) -> Drawn {
        let after = self.past.partition_point(|drawn| drawn.at <= t);
        let Some(before) = after.checked_sub(1).and_then(|before| self.past.get(before)) else {
            return self.past.front().copied().unwrap_or_default();
        };
        let Some(next) = self.past.get(after) else { return *before };
        let share = (t - before.at) / (next.at - before.at);
        let between = |from: Joules, to: Joules| from + (to - from) * share;
        Drawn { at: t, shown: between(before.shown, next.shown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has seen ten seconds of 10 W.
    fn drawn(sensor: Sensor, jitter: f64) -> Instrument {
        let mut instrument = Instrument::new(sensor, Watts::ZERO, jitter, 7);
        (1..=10).for_each(|second| instrument.draw(Seconds(f64::from(second)), Watts(10.0), 1.0));
        instrument
    }

    fn look(instrument: &mut Instrument, now: f64, fault: &str) -> Reading {
        let faults: Vec<_> = fault.parse().into_iter().collect();
        instrument.look(Seconds(now), Seconds(now), Faults(&faults), Seconds::ZERO)
    }

    #[test]
    fn the_counter_shows_what_was_drawn_a_lag_ago() {
        let sensor = Sensor { lag: Seconds(1.0), update_period: Seconds(0.5), gain: 1.1, ..Sensor::IDEAL };
        let reading = look(&mut drawn(sensor, 0.0), 10.2, "");
        assert_eq!(reading.taken_at, Seconds(10.0), "the last update");
        let shown = reading.energy.expect("a counter always counts").0;
        assert!((shown - 99.0).abs() < 1e-9, "9 s of 10 W, read 10 % high: {shown} J");
    }

    #[test]
    fn steps_hide_what_lies_between_them() {
        let sensor =
            Sensor { update_period: Seconds(1.0), gain: 1.135, step: 1.0, shows: Shows::Both, ..Sensor::IDEAL };
        let reading = look(&mut drawn(sensor, 0.0), 10.0, "");
        assert_eq!(reading.energy, Ok(Joules(113.0)), "113.5 J");
        assert_eq!(reading.power, Ok(Watts(11.0)), "11.35 W");
    }

    #[test]
    fn jitter_moves_updates_within_their_period_and_never_back() {
        let sensor = Sensor { update_period: Seconds(0.5), ..Sensor::IDEAL };
        let instrument = drawn(sensor, 0.9);
        let mut last = Seconds::ZERO;
        for hundredth in 0..=900 {
            let now = Seconds(f64::from(hundredth) * 0.01);
            let update = instrument.last_update(now);
            let number = (update.0 / 0.5).floor();
            assert!(update >= last && update <= now + Seconds(1e-9), "an update at {update}, seen at {now}");
            assert!(now - update < Seconds(1.0) && update.0 / 0.5 - number <= 0.9, "update {number} at {update}");
            last = update;
        }
    }

    #[test]
    fn a_counter_that_was_reset_or_lost_begins_at_zero() {
        let sensor = Sensor { update_period: Seconds(1.0), ..Sensor::IDEAL };
        for (fault, missing) in [("counter-reset@4", None), ("counter-lost@2+2", Some(Err(NoData::CounterReset)))] {
            let mut instrument = Instrument::new(sensor, Watts::ZERO, 0.0, 7);
            let mut seen = Vec::new();
            for second in 1..=6 {
                instrument.draw(Seconds(f64::from(second)), Watts(10.0), 1.0);
                seen.push(look(&mut instrument, f64::from(second), fault).energy);
            }
            let counted = |joules| Ok(Joules(joules));
            assert_eq!(seen[2], missing.unwrap_or(counted(30.0)), "{fault} at 3 s: {seen:?}");
            assert_eq!(seen[3..], [counted(0.0), counted(10.0), counted(20.0)], "{fault} from 4 s on: {seen:?}");
        }
    }
}
