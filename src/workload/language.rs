//! A language model at work: prefill (a prompt read in pieces) and decode (tokens written one by one), apart.
//!
//! Prompts are seeded random tokens, as llama-bench's are; decode goes on greedily from what the model itself says. A
//! batch is one piece of a prompt, or a few tokens of an answer, so that it ends soon after it was admitted. A workload
//! has a model of its own, since each keeps its own cache.

use super::{Description, ModelFacts, Unit, Work, Workload, WorkloadError};
use crate::model::{Model, ModelError, Provenance, greedy};
use crate::units::Seconds;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Instant;

/// Bits that a token takes on the link: about four bytes of text (the mean of byte-level vocabularies of 50,000 tokens
/// on English, Radford et al. 2019).
const RESULT_BITS_PER_TOKEN: f64 = 32.0;

/// How a model is put to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Tokens in the cache before the work begins.
    pub depth: usize,
    /// Tokens of a prompt, or of an answer.
    pub length: usize,
    /// Tokens of one batch.
    pub batch: usize,
}

/// A prompt read in pieces, again and again.
pub struct Prefill {
    model: Model,
    description: Description,
    shape: Shape,
    prompt: Vec<u32>,
}

/// An answer written token by token, again and again.
pub struct Decode {
    model: Model,
    description: Description,
    shape: Shape,
    next: u32,
}

impl Prefill {
    /// Reads `shape.depth` tokens, then prompts of `shape.length` on top of them. `name` is its own among workloads.
    ///
    /// # Errors
    /// The model has no room for so many tokens, or fails.
    pub fn new(name: &str, mut model: Model, shape: Shape, seed: u64) -> Result<Prefill, WorkloadError> {
        check_room(&model, shape, name)?;
        let tokens = seeded_tokens(&model, shape.depth + shape.length, seed);
        begin(&mut model, &tokens[..shape.depth], shape).map_err(|error| failed(name, &error))?;
        let counts = model.counts();
        let flop = counts.prefill_flop(shape.depth as u64, shape.length as u64) as f64;
        let batches = shape.length.div_ceil(shape.batch) as f64;
        let items = shape.length as f64 / batches;
        let description = Description {
            name: name.into(),
            backend: backend(&model),
            test: label("pp", shape),
            unit: Unit::Token,
            model: Some(facts(&model)),
            n_prompt: shape.length as u32,
            n_gen: 0,
            n_depth: shape.depth as u32,
            batches_per_round: batches as u64,
            items_per_batch: items,
            flop_per_batch: flop / batches,
            bytes_per_batch: counts.weight_bytes as f64,
            result_bits_per_batch: 0.0,
            timing: TIMING,
        };
        Ok(Prefill { model, description, shape, prompt: tokens[shape.depth..].to_vec() })
    }
}

impl Workload for Prefill {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        let began = Instant::now();
        let mut read = self.model.position() - self.shape.depth;
        if read >= self.prompt.len() {
            self.model.truncate(self.shape.depth);
            read = 0;
        }
        let piece = &self.prompt[read..(read + self.shape.batch).min(self.prompt.len())];
        self.model.prefill(piece).map_err(|error| failed(&self.description.name, &error))?;
        Ok(Work { items: piece.len() as f64, duration: Seconds(began.elapsed().as_secs_f64()) })
    }
}

impl Decode {
    /// Reads `shape.depth` tokens (one at least), then writes answers of `shape.length` on top of them. `name` is its
    /// own among workloads.
    ///
    /// # Errors
    /// The model has no room for so many tokens, or fails.
    pub fn new(name: &str, mut model: Model, shape: Shape, seed: u64) -> Result<Decode, WorkloadError> {
        let shape = Shape { depth: shape.depth.max(1), ..shape };
        check_room(&model, shape, name)?;
        let tokens = seeded_tokens(&model, shape.depth, seed);
        let next = begin(&mut model, &tokens, shape).map_err(|error| failed(name, &error))?;
        let counts = model.counts();
        let middle = (shape.depth + shape.length / 2) as u64;
        let description = Description {
            name: name.into(),
            backend: backend(&model),
            test: label("tg", shape),
            unit: Unit::Token,
            model: Some(facts(&model)),
            n_prompt: 0,
            n_gen: shape.length as u32,
            n_depth: shape.depth as u32,
            batches_per_round: shape.length.div_ceil(shape.batch) as u64,
            items_per_batch: shape.batch as f64,
            flop_per_batch: counts.decode_flop(middle) as f64 * shape.batch as f64,
            bytes_per_batch: counts.decode_bytes(middle) as f64 * shape.batch as f64,
            result_bits_per_batch: RESULT_BITS_PER_TOKEN * shape.batch as f64,
            timing: TIMING,
        };
        Ok(Decode { model, description, shape, next })
    }
}

impl Workload for Decode {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        let began = Instant::now();
        for _ in 0..self.shape.batch {
            if self.model.position() >= self.shape.depth + self.shape.length {
                self.model.truncate(self.shape.depth);
            }
            let logits = self.model.decode(self.next).map_err(|error| failed(&self.description.name, &error))?;
            self.next = greedy(&logits);
        }
        Ok(Work { items: self.shape.batch as f64, duration: Seconds(began.elapsed().as_secs_f64()) })
    }
}

/// candle's calls return when the work is done on the CPU, and the logits are read back on every device.
const TIMING: &str = "host";

fn backend(model: &Model) -> String {
    format!("candle:{}", model.describe().device)
}

fn facts(model: &Model) -> ModelFacts {
    let described = model.describe();
    let mut kinds: Vec<&str> = described.quantisation.iter().map(|kind| kind.loaded.as_str()).collect();
    kinds.dedup();
    ModelFacts {
        kind: format!("{} {}", described.name, kinds.join("+")),
        file: match &described.provenance {
            Provenance::Real { file, .. } => Some(file.clone()),
            Provenance::Synthetic { .. } => None,
        },
        parameters: described.parameters,
        weight_bytes_per_token: described.weight_bytes_per_token,
    }
}

/// `pp512`, `tg64 @ d128`: llama-bench's names of tests.
pub(super) fn label(kind: &str, shape: Shape) -> String {
    match shape.depth {
        0 | 1 => format!("{kind}{}", shape.length),
        depth => format!("{kind}{} @ d{depth}", shape.length),
    }
}

/// The model must have room for all tokens; asked before anything is allocated for them.
fn check_room(model: &Model, shape: Shape, name: &str) -> Result<(), WorkloadError> {
    let (wanted, context) = (shape.depth.saturating_add(shape.length), model.describe().shape.context);
    if wanted <= context {
        return Ok(());
    }
    let reason = format!(
        "{} tokens after {} in the cache (-p or -n, after -d) are {wanted}; the model has room for 1 to {context}",
        shape.length, shape.depth
    );
    Err(WorkloadError { workload: name.into(), reason })
}

/// Room for everything, and the first tokens read. Answers with the token that comes next.
fn begin(model: &mut Model, tokens: &[u32], shape: Shape) -> Result<u32, ModelError> {
    model.reset();
    model.reserve(shape.depth + shape.length)?;
    match tokens {
        [] => Ok(0),
        tokens => Ok(greedy(&model.prefill(tokens)?)),
    }
}

fn seeded_tokens(model: &Model, count: usize, seed: u64) -> Vec<u32> {
    let vocabulary = u32::try_from(model.describe().shape.vocabulary).unwrap_or(u32::MAX);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(0..vocabulary)).collect()
}

fn failed(name: &str, error: &ModelError) -> WorkloadError {
    WorkloadError { workload: name.into(), reason: error.to_string() }
}
