//! The simulated power sensor: an energy counter that is late, coarse and wrong by a factor.

use crate::reading::{NoData, Reading};
use crate::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

/// How a power sensor deceives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensor {
    /// Dead time, machine seconds.
    pub lag: Seconds,
    /// How often the counter moves, machine seconds. Zero: at every look.
    pub update_period: Seconds,
    /// What it shows over what is drawn.
    pub gain: f64,
}

impl Sensor {
    /// At once and exact.
    pub const IDEAL: Sensor = Sensor { lag: Seconds::ZERO, update_period: Seconds::ZERO, gain: 1.0 };
}

/// The sensor in flight: remembers what was drawn for as long as the lag needs.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    sensor: Sensor,
    /// Machine time and energy drawn until then.
    past: VecDeque<(Seconds, Joules)>,
    power: Watts,
}

impl Counter {
    pub(super) fn new(sensor: Sensor) -> Counter {
        Counter { sensor, past: VecDeque::from([(Seconds::ZERO, Joules::ZERO)]), power: Watts::ZERO }
    }

    /// `power` was drawn until machine time `until`.
    pub(super) fn draw(&mut self, until: Seconds, power: Watts) {
        let (at, energy) = self.past.back().copied().unwrap_or_default();
        self.past.push_back((until, energy + power * (until - at)));
        self.power = power;
        let needed = until - self.sensor.lag - self.sensor.update_period;
        while self.past.len() > 2 && self.past[1].0 <= needed {
            self.past.pop_front();
        }
    }

    /// What it shows at machine time `now`.
    pub(super) fn read(&self, now: Seconds) -> Reading {
        let period = self.sensor.update_period.0;
        let taken_at = if period > 0.0 { Seconds((now.0 / period + 1e-9).floor() * period) } else { now };
        let energy = self.energy(taken_at - self.sensor.lag) * self.sensor.gain;
        Reading { taken_at, energy: Ok(energy), power: Err(NoData::NotSupported) }
    }

    fn energy(&self, t: Seconds) -> Joules {
        let after = self.past.partition_point(|(at, _)| *at <= t);
        if after == 0 {
            return Joules::ZERO;
        }
        let (from, before) = self.past[after - 1];
        match self.past.get(after) {
            Some((to, then)) => before + (*then - before) * ((t - from) / (*to - from)),
            None => before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_shows_what_was_drawn_a_lag_ago() {
        let sensor = Sensor { lag: Seconds(1.0), update_period: Seconds(0.5), gain: 1.1 };
        let mut counter = Counter::new(sensor);
        for second in 1..=10 {
            counter.draw(Seconds(f64::from(second)), Watts(10.0));
        }
        let reading = counter.read(Seconds(10.2));
        assert_eq!(reading.taken_at, Seconds(10.0), "the last update");
        let shown = reading.energy.expect("a counter always counts").0;
        assert!((shown - 99.0).abs() < 1e-9, "9 s of 10 W, read 10 % high: {shown} J");
    }
}
