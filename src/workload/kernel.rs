//! A compute kernel at work: the same dispatch again and again, on an adapter or as its plain-Rust twin.
//!
//! A batch is as many dispatches as take about [`BATCH`], found once when the workload is prepared: long enough to
//! hide the cost of a submission (about 100 us on software renderers), short enough that a governor's tick is never
//! far away.

use super::{Compilation, Description, Unit, Verification, Work, Workload, WorkloadError};
use crate::gpu::Device;
use crate::kernel::{self, Kernel, Prepared};
use crate::units::Seconds;
use std::sync::Arc;

/// How long a batch is meant to take.
const BATCH: Seconds = Seconds(0.03);

/// Most dispatches in a batch.
const DISPATCHES_MAX: f64 = 10_000.0;

/// A kernel, prepared.
pub struct KernelWorkload {
    prepared: Prepared,
    description: Description,
    dispatches: u32,
}

impl KernelWorkload {
    /// Prepares `kernel` on `device`, or as its twin where there is none, and finds the size of a batch.
    ///
    /// # Errors
    /// The adapter refuses the kernel, or is lost.
    pub fn new(kernel: Arc<dyn Kernel>, device: Option<&Device>, seed: u64) -> Result<KernelWorkload, WorkloadError> {
        let name = family(kernel.name());
        let fail = |error: kernel::Error| WorkloadError { workload: name.into(), reason: error.to_string() };
        let mut prepared = Prepared::new(Arc::clone(&kernel), device, seed).map_err(fail)?;
        // Drivers compile at the first dispatch: that one tells nothing about the second.
        prepared.run(1).map_err(fail)?;
        // One dispatch is mostly the cost of its submission, so the first guess is too small; the second is made with it.
        let mut dispatches = 1.0;
        for _ in 0..2 {
            let tried = prepared.run(dispatches as u32).map_err(fail)?;
            dispatches = (dispatches * (BATCH / tried.host.max(Seconds(1e-9)))).clamp(1.0, DISPATCHES_MAX).floor();
        }
        let unit = match kernel.unit() {
            kernel::Unit::Flop => Unit::Flop,
            kernel::Unit::Byte => Unit::Byte,
        };
        let backend = device.map_or("twin:cpu".into(), |device| format!("wgpu:{}", device.facts().backend));
        let description = Description {
            items_per_batch: kernel.work() as f64 * dispatches,
            flop_per_batch: kernel.flop() as f64 * dispatches,
            bytes_per_batch: kernel.bytes() as f64 * dispatches,
            ..Description::new(name, backend, label(kernel.as_ref(), name), unit)
        };
        Ok(KernelWorkload { prepared, description, dispatches: dispatches as u32 })
    }
}

impl Workload for KernelWorkload {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        self.prepared.run(self.dispatches).map_err(|error| self.failed(&error))?;
        Ok(Work { items: self.description.items_per_batch })
    }

    fn verify(&mut self) -> Result<Option<Verification>, WorkloadError> {
        let found = self.prepared.verify().map_err(|error| self.failed(&error))?;
        Ok(found.relative_error.map(|relative_error| Verification {
            relative_error,
            tolerance: found.tolerance,
            faulty_words: (found.unwritten + found.not_finite) as u64,
        }))
    }

    fn compile_again(&mut self) -> Result<Option<Compilation>, WorkloadError> {
        self.prepared.compile_again().map_err(|error| self.failed(&error))
    }
}

impl KernelWorkload {
    fn failed(&self, error: &kernel::Error) -> WorkloadError {
        WorkloadError { workload: self.description.name.clone(), reason: error.to_string() }
    }
}

/// The name that all variants of a kernel share: `gemm` for `gemm_tiled`.
pub(super) fn family(name: &'static str) -> &'static str {
    // A product in f16 is other work, and flies beside the one in f32.
    let of_its_own = ["gemm_half", "gemm_cooperative"].contains(&name);
    let family = ["gemm", "matmul", "conv2d"].into_iter().find(|family| name.starts_with(family));
    family.filter(|_| !of_its_own).unwrap_or(name)
}

fn label(kernel: &dyn Kernel, name: &str) -> String {
    match kernel.name() == name {
        true => kernel.shape(),
        false => format!("{} ({})", kernel.shape(), kernel.name()),
    }
}
