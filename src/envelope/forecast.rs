//! What the spacecraft can foresee: sunlight and environment heat over the orbit ahead.
//!
//! The table covers one nodal period from now in samples of at most ten simulated seconds, each the mean over its
//! length, from the same Sun, node and age that the spacecraft will fly by. Taken as periodic beyond its end, it is
//! off by what the season changes from orbit to orbit.

use super::season::Season;
use super::{Battery, Condition, Scale, Thermal};
use crate::units::{Seconds, Watts};

/// One sample of the orbit ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// Visible share of the Sun's disc, mean over the sample.
    pub illumination: f64,
    /// What the array can give the bus, mean over the sample.
    pub array: Watts,
    /// Heat that the radiator absorbs from Earth and Sun, mean over the sample.
    pub environment: Watts,
}

/// The orbit ahead as a table over one nodal period, which the governor may treat as periodic.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Machine time of the first sample's beginning.
    pub start: Seconds,
    /// Length of a sample, machine time.
    pub step: Seconds,
    /// One orbit; `samples.len() * step` is the nodal period.
    pub samples: Vec<Outlook>,
    /// Drawn at the bus without any compute.
    pub housekeeping: Watts,
    /// Share of the bus power that reaches the compute.
    pub conversion_efficiency: f64,
    /// The battery as the governor believes it to be.
    pub battery: Battery,
    /// The thermal network as the governor believes it to be.
    pub thermal: Thermal,
}

/// Longest sample, simulated seconds.
const SAMPLE_S: f64 = 10.0;

impl Forecast {
    /// A forecast without samples yet, for an orbit of `period` simulated seconds.
    pub(super) fn empty(
        period: Seconds,
        scale: Scale,
        bus: &crate::profile::Bus,
        store: Battery,
        heat: Thermal,
    ) -> Forecast {
        let count = (period.0 / SAMPLE_S).ceil().max(1.0);
        let nothing = Outlook { illumination: 0.0, array: Watts::ZERO, environment: Watts::ZERO };
        Forecast {
            start: Seconds::ZERO,
            step: scale.machine(period) / count,
            samples: vec![nothing; count as usize],
            housekeeping: Watts(bus.housekeeping_w * scale.power),
            conversion_efficiency: bus.conversion_efficiency,
            battery: store,
            thermal: heat,
        }
    }

    /// Writes the orbit that begins at machine time `start` and orbit phase `phase`, by the season `ahead` of it by a
    /// share of an orbit and in this condition of the satellite.
    pub(super) fn renew<'a>(
        &mut self,
        start: Seconds,
        phase: f64,
        condition: &Condition,
        season: impl Fn(f64) -> &'a Season,
    ) {
        self.start = start;
        let foreseen = condition.array * condition.forecast;
        let width = 1.0 / self.samples.len() as f64;
        for (i, sample) in self.samples.iter_mut().enumerate() {
            let ahead = i as f64 * width;
            let season = season(ahead + 0.5 * width);
            let illumination = season.mean_illumination(phase + ahead, width);
            *sample = Outlook {
                illumination,
                array: season.array(illumination) * foreseen,
                environment: season.environment(illumination) * condition.radiator,
            };
        }
    }

    /// One orbit on the machine's clock.
    pub fn period(&self) -> Seconds {
        self.step * self.samples.len() as f64
    }

    /// Which sample holds machine time `t`, and how much of it has begun; the orbit repeats.
    pub(crate) fn place(&self, t: Seconds) -> (usize, Seconds) {
        let count = self.samples.len();
        let position = ((t - self.start) / self.step).rem_euclid(count as f64);
        let index = (position as usize).min(count - 1);
        (index, self.step * (position - index as f64).clamp(0.0, 1.0))
    }

    /// The sample that holds machine time `t`; the orbit repeats.
    pub fn at(&self, t: Seconds) -> &Outlook {
        &self.samples[self.place(t).0]
    }

    /// One orbit from machine time `now` on: samples, and how much of each lies ahead. The one that holds `now` is cut in two.
    pub fn ahead(&self, now: Seconds) -> impl Iterator<Item = (Seconds, &Outlook)> {
        let (first, begun) = self.place(now);
        let head = std::iter::once((self.step - begun, &self.samples[first]));
        let rest = self.samples[first + 1..].iter().chain(&self.samples[..first]).map(|sample| (self.step, sample));
        head.chain(rest).chain(std::iter::once((begun, &self.samples[first])))
    }

    /// What the bus must supply for `compute` watts of compute.
    pub fn bus_load(&self, compute: Watts) -> Watts {
        compute / self.conversion_efficiency + self.housekeeping
    }

    /// The compute that a bus load of `bus` watts leaves, not below zero.
    pub fn compute_from(&self, bus: Watts) -> Watts {
        ((bus - self.housekeeping) * self.conversion_efficiency).max(Watts::ZERO)
    }
}
