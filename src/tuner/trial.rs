//! The trial: every variant against its twin, then those that passed against each other.

use super::{Excluded, Family, Rate, SizeClass};
use crate::gpu::{self, Device};
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

/// Operands of trials; any would do.
const SEED: u64 = 0x7e57;

/// What came of it.
#[derive(Default)]
pub(super) struct Tried {
    /// Those that passed, the fastest first.
    pub(super) rates: Vec<Rate>,
    /// Those that did not.
    pub(super) excluded: Vec<Excluded>,
    /// Set where the device went away; the variant that ran then is excluded.
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
    device: &Device,
    fatal: Vec<Excluded>,
) -> Tried {
    let mut tried = Tried { excluded: fatal, ..Tried::default() };
    let mut racers = Vec::new();
    for &variant in variants {
        if tried.excluded.iter().any(|excluded| excluded.variant == variant) {
            continue;
        }
        match verified(family, variant, device).and_then(|fault| match fault {
            Some(fault) => Ok(Err(fault)),
            None => Racer::ready(family.kernel(variant, &class.shape)?, variant, device).map(Ok),
        }) {
            Ok(Ok(racer)) => racers.push(racer),
            Ok(Err(fault)) => tried.exclude(variant, fault),
            Err(error) => tried.failed(variant, error),
        }
        if tried.lost.is_some() {
            return tried;
        }
    }
    race(&mut racers, &mut tried);
    tried.rates = racers.iter().filter_map(Racer::rate).collect();
    tried.rates.sort_by(|a, b| b.work_per_s.total_cmp(&a.work_per_s));
    tried
}

/// What is wrong with the results of a variant, in words; none where it agrees with its twin on every probe.
fn verified(family: &dyn Family, variant: &str, device: &Device) -> Result<Option<String>, kernel::Error> {
    for shape in family.probes() {
        let kernel = family.kernel(variant, &shape)?;
        let verification = Prepared::new(Arc::clone(&kernel), Some(device), SEED)?.verify()?;
        if !verification.passed() {
            return Ok(Some(format!("wrong results at {}: {verification}", kernel.shape())));
        }
    }
    Ok(None)
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
fn race(racers: &mut Vec<Racer>, tried: &mut Tried) {
    let began = Instant::now();
    for round in 0..ROUNDS {
        if round > 0 && began.elapsed().as_secs_f64() > BUDGET.0 {
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
