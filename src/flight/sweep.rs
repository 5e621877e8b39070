//! The sweep: power at shares of full speed, from which a machine profile is made.
//!
//! A duty of d is held as the pacer holds it: a batch, then a rest of (1/d - 1) times as long, over all workloads in
//! turn. A round is one batch of each, so the mix is the same at every duty and the rate of rounds is the rate of work.
//! Duties are gone through upwards and downwards in turn, [`PASSES`] times: a machine that warms up on the way, or whose
//! cores others use for a while, does so for every duty alike.

use super::bench::Bench;
use super::machine::{Ground, Machine};
use super::recorder::Recorder;
use super::worker::Worker;
use super::{Equipment, FlightError, Length, described, measure};
use crate::journal::{DutyHeld, Event};
use crate::meter::Gauge;
use crate::reading::Source;
use crate::units::Seconds;

/// How often the duties are gone through.
const PASSES: u32 = 4;

/// What is to be held, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Shares of time inside batches, over 0 up to 1, rising; the last is 1.
    pub duties: Vec<f64>,
    /// Each duty, and idling, is held for so long at least.
    pub duration: Seconds,
}

impl Sweep {
    /// 10, 25, 50, 75, 90 and 100 %.
    pub fn standard(duration: Seconds) -> Sweep {
        Sweep { duties: vec![0.1, 0.25, 0.5, 0.75, 0.9, 1.0], duration }
    }

    /// Held for as long as `source` needs: each pass is one window.
    pub fn for_source(self, source: &Source) -> Sweep {
        Sweep { duration: self.duration.max(Length::window(source) * f64::from(PASSES)), ..self }
    }

    /// How long all of it takes, but for what is prepared: idling before and after, and each duty.
    pub fn whole(&self) -> Seconds {
        self.duration * (self.duties.len() + 2) as f64
    }
}

/// Conditions, verification, idle power, and every duty [`PASSES`] times.
///
/// # Errors
/// An interrupt or a workload that fails; what was measured before it is recorded.
pub fn sweep(recorder: &mut Recorder<'_>, request: &Sweep, equipment: Equipment) -> Result<(), FlightError> {
    let Equipment { workloads, meter, conditions, .. } = equipment;
    let mut gauge = Gauge::new(meter);
    recorder.record(Event::Conditions(Box::new(conditions)));
    let descriptions = described(&workloads);
    let worker = Worker::start(workloads)?;
    let machine = &mut Bench::new(recorder, &worker, &mut gauge, &descriptions, None);
    measure::verify(machine)?;
    // The first round compiles what is left to compile; it counts for nothing.
    hold(machine, (1.0, Seconds::ZERO))?;
    let length = Length { idle: request.duration, ..Length::STANDARD };
    measure::idle(machine, &length)?;
    let share = request.duration / f64::from(PASSES);
    let mut duties = request.duties.clone();
    for _ in 0..PASSES {
        for duty in &duties {
            let held = hold(machine, (*duty, share))?;
            machine.record(|| Event::Duty(held));
        }
        duties.reverse();
    }
    measure::idle_after(machine, &length)
}

/// Whole rounds at one duty, until `duration` is over.
fn hold<M: Ground>(machine: &mut M, (duty, duration): (f64, Seconds)) -> Result<DutyHeld, FlightError> {
    let begin = machine.now();
    let mut window = machine.open_window();
    let mut rounds = 0;
    loop {
        for index in 0..machine.descriptions().len() {
            let started = machine.now();
            machine.batch(index)?;
            let busy = machine.now() - started;
            machine.look_in(&mut window);
            machine.rest(busy * (1.0 / duty - 1.0));
            machine.look_in(&mut window);
            if machine.interrupted() {
                return Err(FlightError::Interrupted);
            }
        }
        rounds += 1;
        let elapsed = machine.now() - begin;
        if elapsed >= duration {
            return Ok(DutyHeld { duty, rounds, duration_s: elapsed, drawn: window.drawn(machine.gauge()) });
        }
    }
}
