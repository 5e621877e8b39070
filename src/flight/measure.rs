//! Before the orbit: idle power, verification, warm-up, and each workload without an envelope.
//!
//! Repeats of different workloads are interleaved (A B C, A B C, ...), so that a machine whose speed drifts drifts
//! for all of them.

use super::machine::Ground;
use super::{FlightError, Length};
use crate::estimator::{Cost, OperatingRange};
use crate::journal::{Beside, CompileTime, Drawn, Event, IdleWatch, Measurement, Sample, Verification};
use crate::reading::Source;
use crate::units::{Seconds, Watts};
use crate::workload::{Compilation, Description};

/// Idle power with everything open and nothing admitted, before the work. None where there is no reading.
///
/// # Errors
/// An interrupt: what was seen until then is recorded, and too short to judge by.
pub(super) fn idle<M: Ground>(machine: &mut M, length: &Length) -> Result<Option<Watts>, FlightError> {
    let (duration_s, drawn) = watch_idle(machine, length);
    machine.record(|| Event::Idle(IdleWatch { duration_s, drawn }));
    if machine.interrupted() {
        return Err(FlightError::Interrupted);
    }
    let idle = drawn.energy_j.map(|energy| energy / duration_s);
    if let Some(idle) = idle {
        machine.gauge().set_idle(idle);
    }
    Ok(idle)
}

/// The same after the work, and what the meter itself has cost.
///
/// # Errors
/// Whoever stops the last phase has a flight that was stopped.
pub(super) fn idle_after<M: Ground>(machine: &mut M, length: &Length) -> Result<(), FlightError> {
    if !machine.interrupted() {
        let (duration_s, drawn) = watch_idle(machine, length);
        machine.record(|| Event::IdleAfter(IdleWatch { duration_s, drawn }));
    }
    let now = machine.now();
    let cost = machine.gauge().cost(now);
    machine.record(|| Event::Metered(cost));
    if machine.interrupted() { Err(FlightError::Interrupted) } else { Ok(()) }
}

fn watch_idle<M: Ground>(machine: &mut M, length: &Length) -> (Seconds, Drawn) {
    let begin = machine.now();
    let mut window = machine.open_window();
    while machine.now() - begin < length.idle && !machine.interrupted() {
        machine.rest(Seconds(0.1).min(length.idle));
        machine.look_in(&mut window);
    }
    machine.note_suspend();
    (machine.now() - begin, window.drawn(machine.gauge()))
}

/// Writes down what the sources beside the one that counts saw.
fn note_beside<M: Ground>(machine: &mut M, workload: Option<&str>, drawn: impl IntoIterator<Item = Drawn>) {
    let beside = |(source, drawn): (&Source, Drawn)| Beside { source: source.clone(), drawn };
    let sources: Vec<Beside> = machine.gauge().beside_sources().zip(drawn).map(beside).collect();
    if !sources.is_empty() {
        machine.record(|| Event::ReadBeside { workload: workload.map(str::to_owned), sources });
    }
}

/// Every workload that has a reference, against it. The outcome is recorded; the verdict judges it.
pub(super) fn verify<M: Ground>(machine: &mut M) -> Result<(), FlightError> {
    for index in 0..machine.descriptions().len() {
        if machine.interrupted() {
            return Err(FlightError::Interrupted);
        }
        if let Some(check) = machine.verify(index)? {
            let workload = machine.descriptions()[index].name.clone();
            machine.record(|| {
                Event::Verified(Verification {
                    workload,
                    relative_error: Some(check.relative_error).filter(|error| error.is_finite()),
                    tolerance: check.tolerance,
                    faulty_words: check.faulty_words,
                })
            });
        }
    }
    Ok(())
}

/// What each kernel takes to compile.
pub(super) fn compilation<M: Ground>(machine: &mut M) -> Result<(), FlightError> {
    for index in 0..machine.descriptions().len() {
        if machine.interrupted() {
            return Err(FlightError::Interrupted);
        }
        if let Some(Compilation { cold, warm }) = machine.compile_again(index)? {
            let workload = machine.descriptions()[index].name.clone();
            machine.record(|| Event::Compiled(CompileTime { workload, cold_s: cold, warm_s: warm }));
        }
    }
    Ok(())
}

/// What the unconstrained phase says about each workload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unconstrained {
    /// Mean power, where there was a reading.
    pub(super) power: Option<Watts>,
    /// Mean length of one batch.
    pub(super) batch: Seconds,
}

impl Unconstrained {
    /// What one batch takes above idle power, for the pacer to begin with. Without a reading the machine is taken to
    /// run at full power.
    pub(super) fn cost(&self, machine: &OperatingRange) -> Cost {
        let power = self.power.unwrap_or(machine.full_w);
        Cost { item_s: self.batch, item_j: (power - machine.idle_w).max(Watts::ZERO) * self.batch }
    }
}

/// Warm-up, then interleaved repeats of every workload.
pub(super) fn unconstrained<M: Ground>(machine: &mut M, length: &Length) -> Result<Vec<Unconstrained>, FlightError> {
    let workloads = machine.descriptions().to_vec();
    for (index, workload) in workloads.iter().enumerate() {
        run_for(machine, (index, workload), length.warm_up)?;
    }
    let mut series = vec![Series::default(); workloads.len()];
    let ended = repeat_all(machine, length, &workloads, &mut series);
    let outcome = series.iter().map(Series::outcome).collect();
    for (workload, series) in workloads.iter().zip(series).filter(|(_, series)| !series.samples.is_empty()) {
        note_beside(machine, Some(&workload.name), series.beside.clone());
        machine.record(|| Event::Unconstrained(series.measurement(workload)));
    }
    ended.map(|()| outcome)
}

/// The repeats of one workload so far.
#[derive(Clone, Default)]
struct Series {
    samples: Vec<Sample>,
    drawn: Option<Drawn>,
    beside: Vec<Drawn>,
    batches: u64,
}

/// One repeat, and what was drawn in it.
struct Repeat {
    sample: Sample,
    drawn: Drawn,
    beside: Vec<Drawn>,
    batches: u64,
}

impl Series {
    fn push(&mut self, repeat: Repeat) {
        self.samples.push(repeat.sample);
        self.batches += repeat.batches;
        self.drawn = Some(self.drawn.map_or(repeat.drawn, |sum| sum.plus(&repeat.drawn)));
        self.beside = match self.beside.is_empty() {
            true => repeat.beside,
            false => self.beside.iter().zip(&repeat.beside).map(|(sum, drawn)| sum.plus(drawn)).collect(),
        };
    }

    fn duration(&self) -> Seconds {
        self.samples.iter().fold(Seconds::ZERO, |sum, sample| sum + sample.duration_s)
    }

    fn outcome(&self) -> Unconstrained {
        let energy = self.drawn.and_then(|drawn| drawn.energy_j);
        Unconstrained {
            power: energy.map(|energy| energy / self.duration()),
            batch: self.duration() / self.batches.max(1) as f64,
        }
    }

    fn measurement(self, workload: &Description) -> Measurement {
        Measurement {
            workload: workload.name.clone(),
            timing: workload.timing.into(),
            duration_s: self.duration(),
            drawn: self.drawn.unwrap_or_default(),
            samples: self.samples,
        }
    }
}

/// A B C, A B C, ... Whatever ends it early leaves the repeats before it in `series`.
fn repeat_all<M: Ground>(
    machine: &mut M,
    length: &Length,
    workloads: &[Description],
    series: &mut [Series],
) -> Result<(), FlightError> {
    for _ in 0..length.repeats {
        for (index, (series, workload)) in series.iter_mut().zip(workloads).enumerate() {
            series.push(run_for(machine, (index, workload), length.repeat)?);
        }
    }
    Ok(())
}

/// Batches of one workload, back to back, until `duration` is over and a whole prompt or answer is done.
fn run_for<M: Ground>(
    machine: &mut M,
    (index, workload): (usize, &Description),
    duration: Seconds,
) -> Result<Repeat, FlightError> {
    let begin = machine.now();
    let mut window = machine.open_window();
    let (mut items, mut batches) = (0.0, 0);
    loop {
        items += machine.batch(index)?.items;
        batches += 1;
        machine.look_in(&mut window);
        let elapsed = machine.now() - begin;
        if machine.interrupted() {
            return Err(FlightError::Interrupted);
        }
        if elapsed >= duration && batches % workload.batches_per_round.max(1) == 0 {
            machine.note_suspend();
            let gauge = machine.gauge();
            return Ok(Repeat {
                sample: Sample { begin_s: Some(begin), items, duration_s: elapsed },
                drawn: window.drawn(gauge),
                beside: window.drawn_beside(gauge),
                batches,
            });
        }
    }
}
