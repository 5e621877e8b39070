//! Identification: the pacer's actuator is stepped once before the orbit, to see how late the meter shows it.
//!
//! ```text
//!   rest | work   rest | work     rest | work rest | ...       half periods of 1, 1.3, 0.8, ... times the same length
//!     looks, as dense as the source is renewed, in all of it
//! ```
//!
//! A batch that has begun is not recalled, so no half period is shorter than two of them. What is found goes to the
//! governor and the pacer in place of what the source says of itself; where nothing can be told, the source is believed
//! and the reason is recorded. The arithmetic is [`dead_time`]'s.

use super::dead_time::{self, Found, Look, Stepping};
use super::machine::Ground;
use super::measure::Unconstrained;
use super::{FlightError, Length};
use crate::estimator::OperatingRange;
use crate::journal::{Event, Identification};
use crate::reading::NoData;
use crate::units::{Seconds, Watts};

/// Half periods, relative to one another.
const HALVES: [f64; 8] = [1.0, 0.8, 1.3, 1.1, 0.8, 1.2, 0.9, 0.9];
/// Periods of the wave.
const PERIODS: (u32, u32) = (4, 8);
/// The shortest half period: so many batches and so many updates, over which the steps of a counter are small.
const LEAST_BATCHES: f64 = 2.0;
const LEAST_UPDATES: f64 = 6.0;
/// Stepping may take so many times what the length allows for, where batches are long.
const STRETCH: f64 = 3.0;
/// Looks in one update period, and their limits; of a slow source more.
const LOOKS_PER_UPDATE: f64 = 5.0;
const LOOK_EVERY: (Seconds, Seconds) = (Seconds(0.002), Seconds(0.02));
const LOOKS_PER_SLOW_UPDATE: f64 = 50.0;
/// A swing of a smaller share of full power is taken for noise.
const LEAST_SWING: f64 = 0.01;
/// Only work that draws this share of the largest swing is stepped.
const LEAST_SWING_SHARE: f64 = 0.5;

/// What is stepped, and how.
struct Wave {
    workload: usize,
    swing: Watts,
    half: Seconds,
    periods: u32,
    look_every: Seconds,
}

/// Steps the work, records what was found, and gives the operating range with it.
///
/// # Errors
/// An interrupt or a workload that fails.
pub(super) fn identify<M: Ground>(
    machine: &mut M,
    measured: &[Unconstrained],
    (length, assumed): (&Length, OperatingRange),
) -> Result<OperatingRange, FlightError> {
    let began = machine.now();
    let (periods, outcome) = match wave(measured, length, &assumed) {
        Ok(wave) => (wave.periods, step(machine, &wave)?),
        Err(reason) => (0, Err(reason)),
    };
    let duration = machine.now() - began;
    machine.record(|| Event::Identified(record(&outcome, &assumed, periods, duration)));
    Ok(outcome.map_or(assumed, |found| OperatingRange {
        sensor_lag_s: found.lag,
        // The longer of the two: energies of a sensor that is interpolated change more often than they tell anything.
        update_period_s: found.update_period.max(assumed.update_period_s),
        ..assumed
    }))
}

fn record(
    outcome: &Result<Found, String>,
    assumed: &OperatingRange,
    periods: u32,
    duration_s: Seconds,
) -> Identification {
    let found = outcome.as_ref().ok();
    Identification {
        lag_s: found.map(|found| found.lag),
        lag_low_s: found.map(|found| found.low),
        lag_high_s: found.map(|found| found.high),
        update_period_s: found.map(|found| found.update_period),
        gain: found.map(|found| found.gain),
        correlation: found.map(|found| found.correlation),
        periods,
        duration_s,
        assumed_lag_s: assumed.sensor_lag_s,
        assumed_update_period_s: assumed.update_period_s,
        refused: outcome.as_ref().err().cloned(),
    }
}

/// The shortest batches that move the power well; why not, where there are none.
fn wave(measured: &[Unconstrained], length: &Length, assumed: &OperatingRange) -> Result<Wave, String> {
    let swing = |workload: &Unconstrained| workload.power.map_or(Watts::ZERO, |power| power - assumed.idle_w);
    let most = measured.iter().map(swing).fold(Watts::ZERO, Watts::max);
    if most <= assumed.full_w * LEAST_SWING {
        return Err("no work was seen to draw more than the idle machine".into());
    }
    let moving = measured.iter().enumerate().filter(|(_, workload)| swing(workload) >= most * LEAST_SWING_SHARE);
    let (workload, shortest) =
        moving.min_by(|(_, one), (_, two)| one.batch.0.total_cmp(&two.batch.0)).ok_or("there is no work")?;
    let least = (shortest.batch * LEAST_BATCHES).max(assumed.update_period_s * LEAST_UPDATES);
    let half = least.max(length.identification / f64::from(2 * PERIODS.1));
    let periods = (length.identification / (half * 2.0)).floor().max(f64::from(PERIODS.0)) as u32;
    if half * f64::from(2 * periods) > length.identification * STRETCH {
        return Err(format!("half periods of {:.1} s are too long for this length of run", half.0));
    }
    let (densest, sparsest) = LOOK_EVERY;
    let (every, slow) = (assumed.update_period_s / LOOKS_PER_UPDATE, assumed.update_period_s / LOOKS_PER_SLOW_UPDATE);
    let look_every = every.max(densest).min(sparsest.max(slow));
    Ok(Wave { workload, swing: swing(shortest), half, periods, look_every })
}

/// A rest, then the wave, then what came of it.
fn step<M: Ground>(machine: &mut M, wave: &Wave) -> Result<Result<Found, String>, FlightError> {
    let mut watch = Watch { machine, every: wave.look_every, looks: Vec::new(), missed: None };
    let mut busy = Vec::new();
    watch.rest(wave.half)?;
    for half in 0..2 * wave.periods {
        let duration = wave.half * HALVES[half as usize % HALVES.len()];
        if half % 2 == 1 {
            watch.rest(duration)?;
            continue;
        }
        let until = watch.machine.now() + duration;
        while watch.machine.now() < until {
            busy.push(watch.batch(wave.workload)?);
        }
    }
    if let Some(cause) = watch.missed {
        return Ok(Err(format!("a look brought no energy: {cause}")));
    }
    let looks = watch.looks;
    let watched = looks.first().zip(looks.last()).map_or(Seconds::ZERO, |(first, last)| last.at - first.at);
    let longest = watched / 3.0;
    let Wave { swing, half, periods, .. } = *wave;
    Ok(dead_time::find(&Stepping { looks: &looks, busy: &busy, swing, half, periods, longest }))
}

/// Looks again and again, whatever else goes on.
struct Watch<'m, M> {
    machine: &'m mut M,
    every: Seconds,
    looks: Vec<Look>,
    missed: Option<NoData>,
}

impl<M: Ground> Watch<'_, M> {
    fn look(&mut self) -> Result<(), FlightError> {
        let now = self.machine.now();
        let reading = self.machine.gauge().look(now).reading;
        match reading.energy {
            // When it was seen, and not when it was made: the delay in between is part of what is looked for.
            Ok(energy) => self.looks.push(Look { at: reading.taken_at.max(now), energy }),
            Err(cause) => self.missed = Some(cause),
        }
        if self.machine.interrupted() { Err(FlightError::Interrupted) } else { Ok(()) }
    }

    fn rest(&mut self, duration: Seconds) -> Result<(), FlightError> {
        let until = self.machine.now() + duration;
        while self.machine.now() < until {
            self.machine.rest(self.every);
            self.look()?;
        }
        Ok(())
    }

    /// One batch; when it began and ended.
    fn batch(&mut self, workload: usize) -> Result<(Seconds, Seconds), FlightError> {
        let began = self.machine.now();
        self.machine.begin(workload)?;
        loop {
            let ended = self.machine.wait(self.machine.now() + self.every)?.is_some();
            let now = self.machine.now();
            self.look()?;
            if ended {
                return Ok((began, now));
            }
        }
    }
}
