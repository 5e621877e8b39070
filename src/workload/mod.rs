//! Workloads: representative AI work that counts what it did.
//!
//! A workload runs one batch when told to, and says what the batch was. It cannot know that it is throttled: it
//! names neither governor nor envelope, and never looks at a clock to decide how much to do.

mod backend;
mod classify;
mod embed;
mod factory;
mod kernel;
mod language;
mod vision;

pub use crate::kernel::Compilation;
pub use backend::Source as LanguageSource;
pub use classify::Classify;
pub use embed::Embed;
pub use factory::{FactoryError, LanguageShapes, PEAKS, WorkloadFactory};
pub use kernel::KernelWorkload;
pub use language::{Decode, Prefill, Shape as LanguageShape};
pub use vision::Vision;

use crate::gpu::Device;
use crate::model::{self, Provenance};

/// What a workload is, fixed once it is prepared.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Unique name: `gemm`, `prefill`.
    pub name: String,
    /// Where it runs: `wgpu:llvmpipe`, `twin:cpu`, `candle:cpu`.
    pub backend: String,
    /// Shape or parameters, for people: `512x512x512 f32`.
    pub test: String,
    /// What one item is.
    pub unit: Unit,
    /// The language model; none for a kernel.
    pub model: Option<ModelFacts>,
    /// Tokens of the prompt; 0 where there is none.
    pub n_prompt: u32,
    /// Tokens written; 0 where none are.
    pub n_gen: u32,
    /// Tokens in the cache before.
    pub n_depth: u32,
    /// Batches that make a whole: a prompt read, an answer written. A measurement is of wholes.
    pub batches_per_round: u64,
    /// Items in a batch.
    pub items_per_batch: f64,
    /// Floating-point operations in a batch.
    pub flop_per_batch: f64,
    /// Bytes that a batch must move at least.
    pub bytes_per_batch: f64,
    /// Results of a batch that must go down the link.
    pub result_bits_per_batch: f64,
    /// How its time is taken.
    pub timing: &'static str,
}

impl Description {
    /// Of work without a language model: batches that are wholes by themselves, timed by the host, with nothing counted
    /// yet.
    pub(crate) fn new(name: &str, backend: String, test: String, unit: Unit) -> Description {
        Description {
            name: name.into(),
            backend,
            test,
            unit,
            model: None,
            n_prompt: 0,
            n_gen: 0,
            n_depth: 0,
            batches_per_round: 1,
            items_per_batch: 0.0,
            flop_per_batch: 0.0,
            bytes_per_batch: 0.0,
            result_bits_per_batch: 0.0,
            // Every batch ends with something that is read back, or with a call that waits for the CPU.
            timing: "host",
        }
    }
}

/// Where work runs: `wgpu:vulkan` on an adapter, `candle:cpu` without one.
fn backend_name(device: Option<&Device>, candle: &model::Device) -> String {
    match device {
        Some(device) => format!("wgpu:{}", device.facts().backend),
        None => format!("candle:{}", candle.name()),
    }
}

/// ` SYNTHETIC` for seeded weights, which are never called real.
fn marked(provenance: &Provenance) -> &'static str {
    match provenance {
        Provenance::Real { .. } => "",
        Provenance::Synthetic { .. } => " SYNTHETIC",
    }
}

/// What a row of a table must say of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFacts {
    /// Name and types of its matrices as loaded: `smollm2-135m Q8_0`.
    pub kind: String,
    /// The file of its weights; none for seeded ones.
    pub file: Option<String>,
    /// Weights.
    pub parameters: u64,
    /// Bytes of weights that one decoded token reads.
    pub weight_bytes_per_token: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Unit {
    /// Tokens of a language model.
    Token,
    /// Embeddings of sentences.
    Embedding,
    /// Floating-point operations.
    #[strum(to_string = "FLOP")]
    Flop,
    /// Bytes moved.
    Byte,
    /// Images looked at.
    Image,
    /// Batches, of a machine that is simulated.
    Batch,
}

impl Unit {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What one batch did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Items done.
    pub items: f64,
}

/// Why a batch failed.
#[derive(Debug, thiserror::Error)]
#[error("workload `{workload}`: {reason}")]
pub struct WorkloadError {
    /// Which workload.
    pub workload: String,
    /// What went wrong, from the device or the model.
    pub reason: String,
}

/// A unit of representative work.
pub trait Workload: Send {
    /// What it is.
    fn description(&self) -> &Description;

    /// Does one batch and waits for its end.
    fn run_batch(&mut self) -> Result<Work, WorkloadError>;

    /// Checks its own results against a reference: relative error and the most that is allowed. None where there is
    /// nothing to compare with at run time.
    fn verify(&mut self) -> Result<Option<Verification>, WorkloadError> {
        Ok(None)
    }

    /// What it took to compile, the first time in this process and again now. None where nothing is compiled at run
    /// time.
    fn compile_again(&mut self) -> Result<Option<Compilation>, WorkloadError> {
        Ok(None)
    }
}

/// Outcome of a check against a reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verification {
    /// ||a - b|| / ||b||.
    pub relative_error: f64,
    /// The most that is allowed.
    pub tolerance: f64,
    /// Words of the result that were not written, or are not finite.
    pub faulty_words: u64,
}

impl Verification {
    /// Words that our kernels have `found` beside those that candle has.
    fn of(found: &[f32], reference: &[f32], tolerance: f64) -> Verification {
        let compared = crate::kernel::Verification::of(found, Some(reference), tolerance);
        Verification {
            relative_error: compared.relative_error.unwrap_or(f64::INFINITY),
            tolerance,
            faulty_words: (compared.unwritten + compared.not_finite) as u64,
        }
    }
}
