//! What the flight loop costs: the same work under governor, meter, pacer and journal, and without any of them.
//!
//! | arm | runs |
//! |---|---|
//! | governed | the orbit's own loop on a satellite that limits nothing: every tick reads, decides, paces and is written down |
//! | fixed | batches back to back on the same thread: a budget that never changes, and no meter |
//!
//! Arms are paired and their order alternates (A B, B A, ...), so that a machine that drifts drifts for both. A rate is
//! of whole batches over the time from the first one's begin to the last one's end.

use super::measure::{self, Unconstrained};
use super::orbit::{self, Orbit};
use super::recorder::Recorder;
use super::worker::Worker;
use super::{Equipment, FlightError, Length, Machine, Request};
use crate::envelope::{Scale, Sky, Spacecraft};
use crate::governor::OperatingRange;
use crate::journal::{Arm, Event, Journal, MeterCost, Pair};
use crate::meter::{Gauge, cpu_time};
use crate::units::{Seconds, Watts};
use crate::workload::Description;
use std::path::PathBuf;

/// Looks whose mean is the cost of one.
const COST_LOOKS: u32 = 200;

/// Slices of a governed arm.
const SLICES: f64 = 4.0;

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

/// Conditions, idle power, then pair after pair of each workload by itself, and what the meter took.
///
/// # Errors
/// An interrupt, a workload that fails or a journal that cannot be written; what was measured before it is recorded.
pub fn overhead(recorder: &mut Recorder<'_>, overhead: &Overhead, equipment: Equipment) -> Result<(), FlightError> {
    let length = Length { repeat: overhead.duration, repeats: 1, ..overhead.request.length };
    let Equipment { workloads, meter, conditions, .. } = equipment;
    let mut gauge = Gauge::new(meter);
    recorder.record(Event::Conditions(Box::new(conditions)));
    let idle = measure::idle(recorder, &mut gauge, &length);
    let (mut looks, mut flown) = (0, Seconds::ZERO);
    for workload in workloads {
        let descriptions = [workload.description().clone()];
        let worker = Worker::start(vec![workload])?;
        measure::verify(recorder, &worker, &descriptions)?;
        let measured = measure::unconstrained(recorder, &worker, &mut gauge, &descriptions, &length)?;
        let full = measured.first().and_then(|workload| workload.power);
        let machine = Machine::found(gauge.source(), idle, full)?;
        let longest = measured.first().map_or(Seconds::ZERO, |workload| workload.batch);
        let range = machine.range(gauge.source(), &length, longest);
        let mut bench = Bench { overhead, worker, descriptions, measured, rated: machine.rated, range, number: 0 };
        for pair in 0..overhead.pairs {
            let before = gauge.coverage().looks;
            let (governed, fixed) = bench.pair(recorder, &mut gauge, pair % 2 == 1)?;
            looks += gauge.coverage().looks - before;
            flown += governed.duration_s;
            let workload = bench.descriptions[0].name.clone();
            recorder.record(Event::Paired(Pair { workload, governed, fixed, fixed_first: pair % 2 == 1 }));
        }
    }
    let rate = if flown > Seconds::ZERO { looks as f64 / flown.0 } else { 0.0 };
    recorder.record(Event::MeterCost(cost(recorder, &mut gauge, rate)));
    Ok(())
}

/// What a look takes, by the clock and by the CPU time of this process, which does nothing else meanwhile.
fn cost(recorder: &Recorder<'_>, gauge: &mut Gauge, looks_per_s: f64) -> MeterCost {
    let (began, cpu_began) = (recorder.now(), cpu_time::process_cpu_time());
    for _ in 0..COST_LOOKS {
        gauge.look(recorder.now());
    }
    let looks = f64::from(COST_LOOKS);
    let cpu = cpu_began.ok().zip(cpu_time::process_cpu_time().ok()).map(|(before, after)| (after - before) / looks);
    MeterCost { looks: COST_LOOKS, read_s: (recorder.now() - began) / looks, cpu_s: cpu, looks_per_s }
}

/// All slices but the first, in which the pacer's account fills up from nothing; once in a flight, that is no cost of the
/// loop. One slice is better than none.
fn without_the_start(slices: &[Arm]) -> Arm {
    let counted = if slices.len() > 1 { &slices[1..] } else { slices };
    counted.iter().fold(Arm { batches: 0, duration_s: Seconds::ZERO }, |sum, slice| Arm {
        batches: sum.batches + slice.batches,
        duration_s: sum.duration_s + slice.duration_s,
    })
}

/// One workload on its thread, calibrated.
struct Bench<'a> {
    overhead: &'a Overhead,
    worker: Worker,
    descriptions: [Description; 1],
    measured: Vec<Unconstrained>,
    rated: Watts,
    range: OperatingRange,
    number: u32,
}

impl Bench<'_> {
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
        let began = recorder.now();
        let mut batches = 0;
        while recorder.now() - began < self.overhead.duration {
            self.worker.batch(0)?;
            batches += 1;
            if recorder.interrupted() {
                return Err(FlightError::Interrupted);
            }
        }
        Ok(Arm { batches, duration_s: recorder.now() - began })
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
                slices.push(Arm { batches: work.batches, duration_s: work.slice_s });
            }
        };
        let mut theirs = recorder.beside(journal, &mut spectator);
        let installed = Watts(request.satellite.compute.power_w);
        let scale = Scale::new(self.rated, installed, request.time_compression());
        let length = Length { slice: *duration / SLICES, ..request.length };
        let request = &Request { length, ..request.clone() };
        orbit::fly(Orbit {
            recorder: &mut theirs,
            request,
            duration: *duration,
            worker: &self.worker,
            gauge,
            workloads: &self.descriptions,
            measured: &self.measured,
            spacecraft: Spacecraft::new(&request.satellite, scale, Sky::Orbit, request.satellite.orbit.start),
            machine: self.range,
            actuator: None,
        })?;
        theirs.close().map_err(refused)?;
        Ok(without_the_start(&slices))
    }
}
