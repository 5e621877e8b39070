//! What the flight loop costs: the same work under governor, meter, pacer and journal, and without any of them.
//!
//! | arm | runs |
//! |---|---|
//! | governed | the orbit's own loop on a satellite that limits nothing: every tick reads, decides, paces and is written down |
//! | fixed | batches back to back on the same thread: a budget that never changes, and no meter |
//!
//! Arms are paired and their order alternates (A B, B A, ...), so that a machine that drifts drifts for both. A rate is
//! of whole batches over the time from the first one's begin to the last one's end. Beside it stand two parts of the cost
//! that do not go by how fast the machine happens to be: time between batches, and CPU time of the loop.

use super::bench::Bench;
use super::measure::{self, Unconstrained};
use super::orbit::{self, Orbit};
use super::recorder::Recorder;
use super::worker::Worker;
use super::{Calibrated, Equipment, FlightError, Length, Request};
use crate::envelope::{Scale, Sky, Spacecraft};
use crate::estimator::OperatingRange;
use crate::journal::{Arm, Event, Journal, MeterCost, Pair, WorkDone};
use crate::meter::{Gauge, cpu_clock, cpu_time};
use crate::reading::Source;
use crate::units::{Seconds, Watts};
use crate::workload::Description;
use std::path::PathBuf;

/// Slices of a governed arm.
const SLICES: f64 = 4.0;
/// The satellite has so many times the compute that calibration saw: a machine that was slow then must not be held to it.
const INSTALLED: f64 = 4.0;

/// What is compared, how often and for how long.
#[derive(Clone, Debug)]
pub struct Overhead {
    /// The flight of the governed arm; its satellite should limit nothing.
    pub request: Request,
    /// Pairs of arms for each workload.
    pub pairs: u32,
    /// Length of one arm.
    pub duration: Seconds,
    /// The journals of the governed arms are written here, for their cost; nobody reads them.
    pub folder: PathBuf,
}

impl Overhead {
    /// With arms and phases before them as long as `source` needs.
    pub fn for_source(self, source: &Source) -> Overhead {
        let duration = self.duration.max(Length::window(source));
        let length = self.request.length.for_source(source, 1);
        Overhead { duration, request: Request { length, ..self.request }, ..self }
    }

    /// How long so many workloads take, but for what is prepared.
    pub fn whole(&self, workloads: usize) -> Seconds {
        let Length { idle, warm_up, .. } = self.request.length;
        let each = warm_up + self.duration * f64::from(1 + 2 * self.pairs);
        idle + each * workloads as f64
    }
}

/// Conditions, idle power, then pair after pair of each workload by itself, and what the meter took.
///
/// # Errors
/// An interrupt, a workload that fails or a journal that cannot be written; what was measured before it is recorded.
pub fn overhead(recorder: &mut Recorder<'_>, overhead: &Overhead, equipment: Equipment) -> Result<(), FlightError> {
    let length = Length { repeat: overhead.duration, repeats: 1, ..overhead.request.length };
    let Equipment { workloads, meter, conditions, .. } = equipment;
    let mut gauge = Gauge::new(meter);
    recorder.record(Event::Conditions(Box::new(conditions)));
    let (mut idle, mut cost) = (None, None);
    for workload in workloads {
        let descriptions = [workload.description().clone()];
        let worker = Worker::start(vec![workload])?;
        let machine = &mut Bench::new(recorder, &worker, &mut gauge, &descriptions, None);
        if idle.is_none() {
            idle = Some(measure::idle(machine, &length)?);
        }
        measure::verify(machine)?;
        let measured = measure::unconstrained(machine, &length)?;
        let full = measured.first().and_then(|workload| workload.power);
        let found = Calibrated::found(gauge.source(), idle.flatten(), full)?;
        let longest = measured.first().map_or(Seconds::ZERO, |workload| workload.batch);
        let range = found.range(gauge.source(), longest);
        let rated = found.rated;
        let mut arms = Arms { overhead, worker, descriptions, measured, rated, range, number: 0, cost };
        for pair in 0..overhead.pairs {
            let (governed, fixed) = arms.pair(recorder, &mut gauge, pair % 2 == 1)?;
            let workload = arms.descriptions[0].name.clone();
            recorder.record(Event::Paired(Pair { workload, governed, fixed, fixed_first: pair % 2 == 1 }));
        }
        cost = arms.cost;
    }
    if let Some(cost) = cost {
        recorder.record(Event::Metered(cost));
    }
    Ok(())
}

/// All slices but the first, in which the flight is prepared: once in a flight, that is no cost of the loop. One slice is
/// better than none.
fn without_the_start(began: CpuTime, slices: &[(WorkDone, CpuTime)]) -> Arm {
    let (began, counted) = match slices {
        [(_, began), rest @ ..] if !rest.is_empty() => (*began, rest),
        all => (began, all),
    };
    let ended = counted.last().map_or(began, |(_, ended)| *ended);
    let sum = |of: fn(&WorkDone) -> Seconds| counted.iter().fold(Seconds::ZERO, |sum, (slice, _)| sum + of(slice));
    let batches = counted.iter().map(|(slice, _)| slice.batches).sum();
    began.arm(&ended, batches, sum(|slice| slice.slice_s), sum(|slice| slice.busy_s))
}

/// CPU time of this process and of this thread.
#[derive(Clone, Copy)]
struct CpuTime {
    process: Option<Seconds>,
    thread: Option<Seconds>,
}

impl CpuTime {
    fn now() -> CpuTime {
        CpuTime { process: cpu_time::process_cpu_time().ok(), thread: cpu_clock::of_this_thread() }
    }

    /// An arm from here to there.
    fn arm(&self, ended: &CpuTime, batches: u64, duration_s: Seconds, busy_s: Seconds) -> Arm {
        let for_each = |began: Option<Seconds>, ended: Option<Seconds>| {
            began.zip(ended).filter(|_| batches > 0).map(|(began, ended)| (ended - began) / batches as f64)
        };
        let cpu_s_per_batch = for_each(self.process, ended.process);
        let loop_cpu_s_per_batch = for_each(self.thread, ended.thread);
        Arm { batches, duration_s, busy_s, cpu_s_per_batch, loop_cpu_s_per_batch }
    }
}

/// One workload on its thread, calibrated.
struct Arms<'a> {
    overhead: &'a Overhead,
    worker: Worker,
    descriptions: [Description; 1],
    measured: Vec<Unconstrained>,
    rated: Watts,
    range: OperatingRange,
    number: u32,
    /// Of the meter in the governed arms so far.
    cost: Option<MeterCost>,
}

impl Arms<'_> {
    fn pair(
        &mut self,
        recorder: &Recorder<'_>,
        gauge: &mut Gauge,
        fixed_first: bool,
    ) -> Result<(Arm, Arm), FlightError> {
        if fixed_first {
            let fixed = self.fixed(recorder)?;
            return Ok((self.governed(recorder, gauge)?, fixed));
        }
        let governed = self.governed(recorder, gauge)?;
        Ok((governed, self.fixed(recorder)?))
    }

    fn fixed(&self, recorder: &Recorder<'_>) -> Result<Arm, FlightError> {
        let (began, cpu) = (recorder.now(), CpuTime::now());
        let (mut batches, mut busy, mut now) = (0, Seconds::ZERO, began);
        while now - began < self.overhead.duration {
            let started = recorder.now();
            self.worker.batch(recorder, 0)?;
            now = recorder.now();
            (batches, busy) = (batches + 1, busy + (now - started));
            if recorder.interrupted() {
                return Err(FlightError::Interrupted);
            }
        }
        Ok(cpu.arm(&CpuTime::now(), batches, now - began, busy))
    }

    fn governed(&mut self, recorder: &Recorder<'_>, gauge: &mut Gauge) -> Result<Arm, FlightError> {
        let Overhead { request, duration, folder, .. } = self.overhead;
        let refused = |error| FlightError::Journal { folder: folder.clone(), error };
        let path = folder.join(format!("{}-{}.jsonl", self.descriptions[0].name.replace(' ', "-"), self.number));
        self.number += 1;
        let journal = Journal::create(&path).map_err(refused)?;
        let mut slices = Vec::new();
        let mut spectator = |event: &Event| {
            if let Event::Work(work) = event {
                slices.push((*work, CpuTime::now()));
            }
        };
        let mut theirs = recorder.beside(journal, &mut spectator);
        let installed = Watts(request.satellite.compute.power_w);
        let scale = Scale::new(self.rated * INSTALLED, installed, request.time_compression());
        let length = Length { slice: *duration / SLICES, ..request.length };
        let request = &Request { length, ..request.clone() };
        let before = gauge.cost(recorder.now());
        let began = CpuTime::now();
        let orbit = Orbit {
            request,
            duration: *duration,
            measured: &self.measured,
            spacecraft: Spacecraft::new(&request.satellite, scale, Sky::Orbit, request.satellite.orbit.start),
            range: self.range,
        };
        orbit::fly(&mut Bench::new(&mut theirs, &self.worker, gauge, &self.descriptions, None), orbit)?;
        let cost = gauge.cost(recorder.now()).since(&before);
        self.cost = Some(self.cost.map_or(cost, |sum| sum.plus(&cost)));
        theirs.close().map_err(refused)?;
        Ok(without_the_start(began, &slices))
    }
}
