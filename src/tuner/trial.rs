//! The trial: every variant against its twin, then those that passed against each other.

use super::{Excluded, Family, Rate, SizeClass};
use crate::gpu::{self, Device};
use crate::interrupt::Interrupt;
use crate::kernel::{self, Kernel, Prepared};
use crate::stats;
use crate::units::Seconds;
use std::sync::Arc;
use std::time::Instant;

/// Rounds in which every variant is timed once.
const ROUNDS: usize = 5;

/// About how long one timing takes.
const TIMING: Seconds = Seconds(0.01);

/// No round begins after this; the first one always does.
const BUDGET: Seconds = Seconds(1.5);

/// Most dispatches of one timing.
const DISPATCHES_MAX: f64 = 1000.0;

/// FLOP of the largest shape that is held against its twin before it is timed: about a tenth of a second for two cores.
/// One probe is enough beside it, and that saves drivers a compilation; where it is larger, all probes are tried.
const TWIN_MAX: u64 = 300_000_000;

/// Operands of trials; any would do.
const SEED: u64 = 0x7e57;

/// What came of it.
#[derive(Default)]
pub(super) struct Tried {
    /// Those that passed, the fastest first.
    pub(super) rates: Vec<Rate>,
    /// Those that did not.
    pub(super) excluded: Vec<Excluded>,
    /// Set where the device went away, and the variant that ran then is excluded; or where the user stopped the trial.
    pub(super) lost: Option<kernel::Error>,
}

impl Tried {
    fn exclude(&mut self, variant: &str, reason: String) {
        self.excluded.push(Excluded { variant: variant.to_owned(), reason });
    }

    /// Excludes a variant for an error, and remembers whether the device went with it.
    fn failed(&mut self, variant: &str, error: kernel::Error) {
        self.exclude(variant, error.to_string());
        if matches!(error, kernel::Error::Gpu(gpu::Error::Lost { .. } | gpu::Error::Timeout { .. })) {
            self.lost = Some(error);
        }
    }
}

/// Tries all `variants` but those of `fatal`, which are excluded from the start.
pub(super) fn run(
    family: &dyn Family,
    class: &SizeClass,
    variants: &[&'static str],
    (device, interrupt): (&Device, &Interrupt),
    fatal: Vec<Excluded>,
) -> Tried {
    let mut tried = Tried { excluded: fatal, ..Tried::default() };
    let mut racers = Vec::new();
    for &variant in variants {
        if tried.excluded.iter().any(|excluded| excluded.variant == variant) {
            continue;
        }
        match qualify(family, class, variant, (device, interrupt)) {
            Ok(Qualified::Ready(racer)) => racers.push(racer),
            Ok(Qualified::Wrong(fault)) => tried.exclude(variant, fault),
            Err(error @ kernel::Error::Interrupted(_)) => tried.lost = Some(error),
            Err(error) => tried.failed(variant, error),
        }
        if tried.lost.is_some() {
            return tried;
        }
    }
    race(&mut racers, &mut tried, interrupt);
    tried.rates = racers.iter().filter_map(Racer::rate).collect();
    tried.rates.sort_by(|a, b| b.work_per_s.total_cmp(&a.work_per_s));
    tried
}

/// A variant that was held against its twin.
enum Qualified {
    Ready(Racer),
    /// What is wrong with its results, in words.
    Wrong(String),
}

/// Holds a variant against its twin, on probes and, where its twin is quick enough, in the shape that is timed.
fn qualify(
    family: &dyn Family,
    class: &SizeClass,
    variant: &'static str,
    (device, interrupt): (&Device, &Interrupt),
) -> Result<Qualified, kernel::Error> {
    let timed = family.kernel(variant, &class.shape)?;
    let is_quick = timed.flop() <= TWIN_MAX;
    let probes = family.probes();
    for shape in &probes[..if is_quick { probes.len().min(1) } else { probes.len() }] {
        interrupt.check()?;
        let kernel = family.kernel(variant, shape)?;
        if let Some(fault) = fault(&mut Prepared::new(kernel, Some(device), SEED)?)? {
            return Ok(Qualified::Wrong(fault));
        }
    }
    interrupt.check()?;
    let mut racer = Racer::ready(timed, variant, device)?;
    interrupt.check()?;
    let fault = if is_quick { fault(&mut racer.prepared)? } else { None };
    Ok(fault.map_or(Qualified::Ready(racer), Qualified::Wrong))
}

/// What is wrong with a result, in words.
fn fault(prepared: &mut Prepared) -> Result<Option<String>, kernel::Error> {
    let verification = prepared.verify()?;
    let fault = || format!("wrong results at {}: {verification}", prepared.kernel().shape());
    Ok((!verification.passed()).then(fault))
}

/// A variant that passed, with its times.
struct Racer {
    variant: &'static str,
    prepared: Prepared,
    dispatches: u32,
    /// Of one dispatch, in seconds.
    times: Vec<f64>,
}

impl Racer {
    fn ready(kernel: Arc<dyn Kernel>, variant: &'static str, device: &Device) -> Result<Racer, kernel::Error> {
        let mut prepared = Prepared::new(kernel, Some(device), SEED)?;
        // Drivers compile at the first dispatch: that one tells nothing about the second.
        prepared.run(1)?;
        let once = prepared.run(1)?.time.max(Seconds(1e-9));
        let dispatches = (TIMING / once).clamp(1.0, DISPATCHES_MAX) as u32;
        Ok(Racer { variant, prepared, dispatches, times: Vec::with_capacity(ROUNDS) })
    }

    fn rate(&self) -> Option<Rate> {
        let time = stats::median(&self.times).filter(|&time| time > 0.0)?;
        let work_per_s = self.prepared.kernel().work() as f64 / time;
        Some(Rate { variant: self.variant.to_owned(), work_per_s })
    }
}

/// A B C, A B C, ... One that fails leaves the race.
fn race(racers: &mut Vec<Racer>, tried: &mut Tried, interrupt: &Interrupt) {
    let began = Instant::now();
    for round in 0..ROUNDS {
        if round > 0 && began.elapsed().as_secs_f64() > BUDGET.0 {
            return;
        }
        if let Err(interrupted) = interrupt.check() {
            tried.lost = Some(interrupted.into());
            return;
        }
        racers.retain_mut(|racer| match racer.prepared.run(racer.dispatches) {
            Ok(elapsed) => {
                racer.times.push(elapsed.time.0 / f64::from(racer.dispatches));
                true
            }
            Err(error) => {
                tried.failed(racer.variant, error);
                false
            }
        });
        if tried.lost.is_some() {
            return;
        }
    }
}
