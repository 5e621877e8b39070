//! Before the orbit: idle power, verification, warm-up, and each workload without an envelope.
//!
//! Repeats of different workloads are interleaved (A B C, A B C, ...), so that a machine whose speed drifts drifts
//! for all of them.

use super::recorder::Recorder;
use super::worker::Worker;
use super::{FlightError, Length};
use crate::governor::OperatingRange;
use crate::governor::pacer::Cost;
use crate::journal::{Drawn, Event, Measurement, Sample};
use crate::meter::Meter;
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use crate::workload::{Compilation, Description};

/// Watches one source over a window: energy by difference, updates by change.
pub(super) struct Window {
    first: Reading,
    last: Reading,
    updates: u64,
}

impl Window {
    /// Opens with a first look.
    pub(super) fn open(meter: &mut dyn Meter, now: Seconds) -> Window {
        let first = meter.read(now);
        Window { first, last: first, updates: 0 }
    }

    /// Looks again.
    pub(super) fn look(&mut self, meter: &mut dyn Meter, now: Seconds) {
        let reading = meter.read(now);
        if reading.energy != self.last.energy {
            self.updates += 1;
        }
        self.last = reading;
    }

    /// Energy between the first look and the last.
    pub(super) fn drawn(&self) -> Drawn {
        match (self.first.energy, self.last.energy) {
            (Ok(begin), Ok(end)) => {
                Drawn { energy_j: Some(end - begin), updates: self.updates, windows: 1, no_data: None }
            }
            (_, Err(cause)) | (Err(cause), _) => {
                Drawn { energy_j: None, updates: self.updates, windows: 1, no_data: Some(cause) }
            }
        }
    }
}

/// Idle power with everything open and nothing admitted. None where there is no reading.
pub(super) fn idle(recorder: &mut Recorder<'_>, meter: &mut dyn Meter, length: &Length) -> Option<Watts> {
    let begin = recorder.now();
    let mut window = Window::open(meter, begin);
    while recorder.now() - begin < length.idle && !recorder.interrupted() {
        recorder.rest(Seconds(0.1).min(length.idle));
        window.look(meter, recorder.now());
    }
    let drawn = window.drawn();
    let duration = recorder.now() - begin;
    recorder.record(Event::Idle { duration_s: duration, drawn });
    drawn.energy_j.map(|energy| energy / duration)
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
        if let Some(check) = worker.verify(index)? {
            recorder.record(Event::Verified {
                workload: workload.name.clone(),
                relative_error: Some(check.relative_error).filter(|error| error.is_finite()),
                tolerance: check.tolerance,
                faulty_words: check.faulty_words,
            });
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
        if let Some(compilation) = worker.compile_again(index)? {
            let Compilation { cold, warm } = compilation;
            recorder.record(Event::Compiled { workload: workload.name.clone(), cold_s: cold, warm_s: warm });
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
    meter: &mut dyn Meter,
    workloads: &[Description],
    length: &Length,
) -> Result<Vec<Unconstrained>, FlightError> {
    for (index, workload) in workloads.iter().enumerate() {
        run_for(recorder, worker, meter, (index, workload), length.warm_up)?;
    }
    let mut series = vec![Series::default(); workloads.len()];
    let ended = repeat_all(recorder, worker, meter, (length, workloads), &mut series);
    let outcome = series.iter().map(Series::outcome).collect();
    for (workload, series) in workloads.iter().zip(series).filter(|(_, series)| !series.samples.is_empty()) {
        recorder.record(Event::Unconstrained(series.measurement(workload)));
    }
    ended.map(|()| outcome)
}

/// The repeats of one workload so far.
#[derive(Clone, Default)]
struct Series {
    samples: Vec<Sample>,
    drawn: Option<Drawn>,
    batches: u64,
}

impl Series {
    fn push(&mut self, sample: Sample, window: Drawn, batches: u64) {
        self.samples.push(sample);
        self.batches += batches;
        self.drawn = Some(self.drawn.map_or(window, |sum| sum.plus(&window)));
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
    meter: &mut dyn Meter,
    (length, workloads): (&Length, &[Description]),
    series: &mut [Series],
) -> Result<(), FlightError> {
    for _ in 0..length.repeats {
        for (index, (series, workload)) in series.iter_mut().zip(workloads).enumerate() {
            let (sample, window, batches) = run_for(recorder, worker, meter, (index, workload), length.repeat)?;
            series.push(sample, window, batches);
        }
    }
    Ok(())
}

/// Batches of one workload, back to back, until `duration` is over and a whole prompt or answer is done.
fn run_for(
    recorder: &mut Recorder<'_>,
    worker: &Worker,
    meter: &mut dyn Meter,
    (index, workload): (usize, &Description),
    duration: Seconds,
) -> Result<(Sample, Drawn, u64), FlightError> {
    let begin = recorder.now();
    let mut window = Window::open(meter, begin);
    let (mut items, mut batches) = (0.0, 0);
    loop {
        items += worker.batch(index)?.items;
        batches += 1;
        window.look(meter, recorder.now());
        let elapsed = recorder.now() - begin;
        if recorder.interrupted() {
            return Err(FlightError::Interrupted);
        }
        if elapsed >= duration && batches % workload.batches_per_round.max(1) == 0 {
            return Ok((Sample { items, duration_s: elapsed }, window.drawn(), batches));
        }
    }
}
