//! A workload that sleeps, and a meter that draws 10 W while it does and 2 W while it does not.

use dawndusk::flight::Equipment;
use dawndusk::journal::{AdapterClass, Conditions, WorkloadRecord};
use dawndusk::meter::Meter;
use dawndusk::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source, Throttling};
use dawndusk::units::{Joules, Seconds, Watts};
use dawndusk::workload::{Description, Unit, Work, Workload, WorkloadError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const IDLE: Watts = Watts(2.0);
const FULL: Watts = Watts(10.0);
const BATCH: Duration = Duration::from_millis(3);

/// What goes wrong.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The power source goes away at this time of the flight's clock.
    MeterLostAfter(Seconds),
    /// It goes away once the orbit has had so many ticks.
    MeterLostAtTick(usize),
    /// It goes away at the first of these times, and is back at the second.
    MeterLostBetween(Seconds, Seconds),
    /// The device is too hot a tenth of the time, and at its power limit a fifth.
    Hot,
    /// The device goes away after so many batches.
    WorkloadFailsAfter(u32),
}

/// Time spent in batches until now.
#[derive(Default)]
struct Busy {
    done: Duration,
    since: Option<Instant>,
}

impl Busy {
    fn total(&self) -> Seconds {
        let running = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        Seconds((self.done + running).as_secs_f64())
    }
}

struct Sleeper {
    description: Description,
    busy: Arc<Mutex<Busy>>,
    left: Option<u32>,
}

impl Workload for Sleeper {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1).ok_or_else(|| WorkloadError {
                workload: self.description.name.clone(),
                reason: "the device was lost".into(),
            })?;
        }
        let began = Instant::now();
        self.busy.lock().expect("no thread panics").since = Some(began);
        std::thread::sleep(BATCH);
        let mut busy = self.busy.lock().expect("no thread panics");
        busy.since = None;
        busy.done += began.elapsed();
        Ok(Work { items: 1.0 })
    }
}

struct BusyMeter {
    source: Source,
    busy: Arc<Mutex<Busy>>,
    opened: Instant,
    lost: Option<(Seconds, Seconds)>,
    gone: Arc<AtomicBool>,
    is_hot: bool,
    coverage: Coverage,
}

impl Meter for BusyMeter {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        self.coverage.looks += 1;
        let lost = self.lost.is_some_and(|(from, until)| from <= now && now < until);
        if lost || self.gone.load(Ordering::Relaxed) {
            return Reading::absent(now, NoData::Lost);
        }
        self.coverage.updates += 1;
        let elapsed = Seconds(self.opened.elapsed().as_secs_f64());
        let busy = self.busy.lock().expect("no thread panics").total();
        let energy: Joules = IDLE * elapsed + (FULL - IDLE) * busy;
        Reading { taken_at: now, energy: Ok(energy), power: Err(NoData::NotSupported) }
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn throttling(&self) -> Option<Throttling> {
        let elapsed = Seconds(self.opened.elapsed().as_secs_f64());
        let times = Throttling { thermal_s: elapsed * 0.1, power_cap_s: elapsed * 0.2, ..Throttling::default() };
        self.is_hot.then_some(times)
    }
}

/// Two sleeping workloads, the meter, and conditions that describe them.
pub(crate) fn equipment(fault: Fault) -> Equipment {
    equipment_until(fault, Arc::default())
}

/// The same with a meter that reads until it is `gone`.
pub(crate) fn equipment_until(fault: Fault, gone: Arc<AtomicBool>) -> Equipment {
    let busy = Arc::new(Mutex::new(Busy::default()));
    let describe = |name: &str| Description {
        name: name.into(),
        backend: "test".into(),
        test: "3 ms".into(),
        unit: Unit::Token,
        model: None,
        n_prompt: 0,
        n_gen: 1,
        n_depth: 0,
        batches_per_round: 1,
        items_per_batch: 1.0,
        flop_per_batch: 1.0,
        bytes_per_batch: 1.0,
        result_bits_per_batch: 8.0,
        timing: "host",
    };
    let descriptions = [describe("sleep"), describe("sleep again")];
    let left = if let Fault::WorkloadFailsAfter(count) = fault { Some(count) } else { None };
    let sleeper = |description: &Description| -> Box<dyn Workload> {
        Box::new(Sleeper { description: description.clone(), busy: Arc::clone(&busy), left })
    };
    let workloads = descriptions.iter().map(sleeper).collect();
    let source = Source {
        name: "stand-in".into(),
        provenance: Provenance::Modelled,
        boundary: Boundary::Process,
        method: "2 W idle and 10 W in a batch".into(),
        update_period_s: Seconds(0.001),
        relative_uncertainty: None,
        rated_w: Some(FULL),
        sensing: Sensing::default(),
    };
    let lost = match fault {
        Fault::MeterLostAfter(from) => Some((from, Seconds(f64::INFINITY))),
        Fault::MeterLostBetween(from, until) => Some((from, until)),
        _ => None,
    };
    let is_hot = matches!(fault, Fault::Hot);
    let conditions = conditions(&source, &descriptions);
    let meter = BusyMeter { source, busy, opened: Instant::now(), lost, gone, is_hot, coverage: Coverage::default() };
    Equipment { workloads, meter: Box::new(meter), conditions, actuator: None }
}

fn conditions(source: &Source, descriptions: &[Description]) -> Conditions {
    Conditions {
        os: "test".into(),
        arch: "test".into(),
        cpu_info: "test".into(),
        cpu_threads: 1,
        gpu_info: None,
        driver: None,
        adapter_class: AdapterClass::None,
        backends: "test".into(),
        model: None,
        model_is_real: true,
        source: source.clone(),
        power_limit: None,
        source_covers_adapter: true,
        source_doubt: None,
        sharing: None,
        sources_refused: Vec::new(),
        environment: Vec::new(),
        tuning: Vec::new(),
        workloads: descriptions.iter().map(WorkloadRecord::from).collect(),
    }
}
