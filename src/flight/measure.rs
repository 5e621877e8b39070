//! Before the orbit: idle power, verification, warm-up, and each workload without an envelope.
//!
//! Repeats of different workloads are interleaved (A B C, A B C, ...), so that a machine whose speed drifts drifts
//! for all of them.

use super::recorder::Recorder;
use super::worker::Worker;
use super::{FlightError, Length};
use crate::estimator::{Cost, OperatingRange};
use crate::journal::{Beside, CompileTime, Drawn, Event, IdleWatch, Measurement, Sample, Verification};
use crate::meter::{Gauge, Window};
use crate::reading::Source;
use crate::units::{Seconds, Watts};
use crate::workload::{Compilation, Description};

/// Idle power with everything open and nothing admitted, before the work. None where there is no reading.
pub(super) fn idle(recorder: &mut Recorder<'_>, gauge: &mut Gauge, length: &Length) -> Option<Watts> {
    let (duration_s, drawn) = watch_idle(recorder, gauge, length);
    recorder.record(Event::Idle(IdleWatch { duration_s, drawn }));
    if recorder.interrupted() {
        // Too short to judge by, and nothing comes after it.
        return None;
    }
    let idle = drawn.energy_j.map(|energy| energy / duration_s);
    if let Some(idle) = idle {
        gauge.set_idle(idle);
    }
    idle
}

/// The same after the work, and what the meter itself has cost.
pub(super) fn idle_after(recorder: &mut Recorder<'_>, gauge: &mut Gauge, length: &Length) {
    if !recorder.interrupted() {
        let (duration_s, drawn) = watch_idle(recorder, gauge, length);
        recorder.record(Event::IdleAfter(IdleWatch { duration_s, drawn }));
    }
    let cost = gauge.cost(recorder.now());
    recorder.record(Event::Metered(cost));
}

fn watch_idle(recorder: &mut Recorder<'_>, gauge: &mut Gauge, length: &Length) -> (Seconds, Drawn) {
    let begin = recorder.now();
    let mut window = Window::open(gauge, begin);
    while recorder.now() - begin < length.idle && !recorder.interrupted() {
        recorder.rest(Seconds(0.1).min(length.idle));
        window.look(gauge, recorder.now());
    }
    note_suspend(recorder, gauge);
    (recorder.now() - begin, window.drawn(gauge))
}

/// Writes down that the machine slept, where it did.
pub(super) fn note_suspend(recorder: &mut Recorder<'_>, gauge: &mut Gauge) {
    if let Some(slept_s) = gauge.take_suspend() {
        recorder.record(Event::Suspended { slept_s });
    }
}

/// Writes down what the sources beside the one that counts saw.
pub(super) fn note_beside(
    recorder: &mut Recorder<'_>,
    gauge: &Gauge,
    workload: Option<&str>,
    drawn: impl IntoIterator<Item = Drawn>,
) {
    let beside = |(source, drawn): (&Source, Drawn)| Beside { source: source.clone(), drawn };
    let sources: Vec<Beside> = gauge.beside_sources().zip(drawn).map(beside).collect();
    if !sources.is_empty() {
        recorder.record(Event::ReadBeside { workload: workload.map(str::to_owned), sources });
    }
}

/// Every workload that has a reference, against it. The outcome is recorded; the verdict judges it.
pub(super) fn verify(
    recorder: &mut Recorder<'_>,
    worker: &Worker,
    workloads: &[Description],
) -> Result<(), FlightError> {
    for (index, workload) in workloads.iter().enumerate() {
        if recorder.interrupted() {
            return Err(FlightError::Interrupted);
        }
        if let Some(check) = worker.verify(recorder, index)? {
            recorder.record(Event::Verified(Verification {
                workload: workload.name.clone(),
                relative_error: Some(check.relative_error).filter(|error| error.is_finite()),
                tolerance: check.tolerance,
                faulty_words: check.faulty_words,
            }));
        }
    }
    Ok(())
}

/// What each kernel takes to compile.
pub(super) fn compilation(
    recorder: &mut Recorder<'_>,
    worker: &Worker,
    workloads: &[Description],
) -> Result<(), FlightError> {
    for (index, workload) in workloads.iter().enumerate() {
        if recorder.interrupted() {
            return Err(FlightError::Interrupted);
        }
        if let Some(compilation) = worker.compile_again(recorder, index)? {
            let Compilation { cold, warm } = compilation;
            let workload = workload.name.clone();
            recorder.record(Event::Compiled(CompileTime { workload, cold_s: cold, warm_s: warm }));
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
pub(super) fn unconstrained(
    recorder: &mut Recorder<'_>,
    worker: &Worker,
    gauge: &mut Gauge,
    workloads: &[Description],
    length: &Length,
) -> Result<Vec<Unconstrained>, FlightError> {
    for (index, workload) in workloads.iter().enumerate() {
        run_for(recorder, worker, gauge, (index, workload), length.warm_up)?;
    }
    let mut series = vec![Series::default(); workloads.len()];
    let ended = repeat_all(recorder, worker, gauge, (length, workloads), &mut series);
    let outcome = series.iter().map(Series::outcome).collect();
    for (workload, series) in workloads.iter().zip(series).filter(|(_, series)| !series.samples.is_empty()) {
        note_beside(recorder, gauge, Some(&workload.name), series.beside.clone());
        recorder.record(Event::Unconstrained(series.measurement(workload)));
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
fn repeat_all(
    recorder: &mut Recorder<'_>,
    worker: &Worker,
    gauge: &mut Gauge,
    (length, workloads): (&Length, &[Description]),
    series: &mut [Series],
) -> Result<(), FlightError> {
    for _ in 0..length.repeats {
        for (index, (series, workload)) in series.iter_mut().zip(workloads).enumerate() {
            series.push(run_for(recorder, worker, gauge, (index, workload), length.repeat)?);
        }
    }
    Ok(())
}

/// Batches of one workload, back to back, until `duration` is over and a whole prompt or answer is done.
fn run_for(
    recorder: &mut Recorder<'_>,
    worker: &Worker,
    gauge: &mut Gauge,
    (index, workload): (usize, &Description),
    duration: Seconds,
) -> Result<Repeat, FlightError> {
    let begin = recorder.now();
    let mut window = Window::open(gauge, begin);
    let (mut items, mut batches) = (0.0, 0);
    loop {
        items += worker.batch(recorder, index)?.items;
        batches += 1;
        window.look(gauge, recorder.now());
        let elapsed = recorder.now() - begin;
        if recorder.interrupted() {
            return Err(FlightError::Interrupted);
        }
        if elapsed >= duration && batches % workload.batches_per_round.max(1) == 0 {
            note_suspend(recorder, gauge);
            return Ok(Repeat {
                sample: Sample { begin_s: Some(begin), items, duration_s: elapsed },
                drawn: window.drawn(gauge),
                beside: window.drawn_beside(gauge),
                batches,
            });
        }
    }
}
