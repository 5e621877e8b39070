//! A language model at work: prefill (a prompt read in pieces) and decode (tokens written one by one), apart.
//!
//! Prompts are seeded random tokens, as llama-bench's are; decode goes on greedily from what the model itself says. A
//! batch is one piece of a prompt, or a few tokens of an answer, so that it ends soon after it was admitted. A workload
//! has a model of its own, since each keeps its own cache. Several sequences are decoded together where the backend
//! can: each step then reads the weights once for all of them.

use super::backend::{LanguageModel, Source};
use super::{Description, Unit, Work, Workload, WorkloadError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

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
    /// Tokens of one batch, in each sequence.
    pub batch: usize,
    /// Sequences side by side.
    pub sequences: usize,
}

/// A prompt read in pieces, again and again.
pub struct Prefill {
    model: Box<dyn LanguageModel>,
    description: Description,
    shape: Shape,
    prompt: Vec<u32>,
}

/// An answer written token by token, again and again.
pub struct Decode {
    model: Box<dyn LanguageModel>,
    description: Description,
    shape: Shape,
}

impl Prefill {
    /// Reads `shape.depth` tokens, then prompts of `shape.length` on top of them. `name` is its own among workloads.
    ///
    /// # Errors
    /// The model has no room for so many tokens, or fails.
    pub fn new(name: &str, source: &Source, shape: Shape, seed: u64) -> Result<Prefill, WorkloadError> {
        check_room(source, shape, name)?;
        let tokens = seeded_tokens(source, shape.depth + shape.length, seed);
        let model = begin(source, &tokens[..shape.depth], shape, name)?;
        let counts = source.counts();
        let flop = counts.prefill_flop(shape.depth as u64, shape.length as u64) as f64;
        let batches = shape.length.div_ceil(shape.batch) as f64;
        let items = shape.length as f64 / batches;
        let description = Description {
            model: Some(source.facts()),
            n_prompt: shape.length as u32,
            n_depth: shape.depth as u32,
            batches_per_round: batches as u64,
            items_per_batch: items,
            flop_per_batch: flop / batches,
            bytes_per_batch: counts.weight_bytes as f64,
            ..Description::new(name, source.backend(), label("pp", shape), Unit::Token)
        };
        Ok(Prefill { model, description, shape, prompt: tokens[shape.depth..].to_vec() })
    }
}

impl Workload for Prefill {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        let mut read = self.model.position() - self.shape.depth;
        if read >= self.prompt.len() {
            self.model.truncate(self.shape.depth);
            read = 0;
        }
        let piece = &self.prompt[read..(read + self.shape.batch).min(self.prompt.len())];
        self.model.prefill(piece).map_err(|reason| failed(&self.description.name, reason))?;
        Ok(Work { items: piece.len() as f64 })
    }
}

impl Decode {
    /// Reads `shape.depth` tokens (one at least), then writes answers of `shape.length` on top of them. `name` is its
    /// own among workloads.
    ///
    /// # Errors
    /// The model has no room for so many tokens, or fails.
    pub fn new(name: &str, source: &Source, shape: Shape, seed: u64) -> Result<Decode, WorkloadError> {
        let shape = Shape { depth: shape.depth.max(1), ..shape };
        check_room(source, shape, name)?;
        let tokens = seeded_tokens(source, shape.depth, seed);
        let model = begin(source, &tokens, shape, name)?;
        let counts = source.counts();
        let middle = (shape.depth + shape.length / 2) as u64;
        let tokens_per_batch = (shape.batch * shape.sequences) as f64;
        // A step reads the weights once, and the cache of every sequence.
        let caches = (counts.decode_bytes(middle) - counts.weight_bytes) * shape.sequences as u64;
        let description = Description {
            model: Some(source.facts()),
            n_gen: shape.length as u32,
            n_depth: shape.depth as u32,
            batches_per_round: shape.length.div_ceil(shape.batch) as u64,
            items_per_batch: tokens_per_batch,
            flop_per_batch: counts.decode_flop(middle) as f64 * tokens_per_batch,
            bytes_per_batch: (counts.weight_bytes + caches) as f64 * shape.batch as f64,
            result_bits_per_batch: RESULT_BITS_PER_TOKEN * tokens_per_batch,
            ..Description::new(name, source.backend(), label("tg", shape), Unit::Token)
        };
        Ok(Decode { model, description, shape })
    }
}

impl Workload for Decode {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        let Shape { depth, length, batch, sequences } = self.shape;
        let mut left = batch;
        while left > 0 {
            if self.model.position() >= depth + length {
                self.model.truncate(depth);
            }
            let steps = left.min(depth + length - self.model.position());
            self.model.generate(steps).map_err(|reason| failed(&self.description.name, reason))?;
            left -= steps;
        }
        let items = (batch * sequences) as f64;
        Ok(Work { items })
    }
}

/// `pp512`, `tg64 @ d128`: llama-bench's names of tests; `x8` for eight sequences.
pub(super) fn label(kind: &str, shape: Shape) -> String {
    let side_by_side = if shape.sequences > 1 { format!(" x{}", shape.sequences) } else { String::new() };
    match shape.depth {
        0 | 1 => format!("{kind}{}{side_by_side}", shape.length),
        depth => format!("{kind}{} @ d{depth}{side_by_side}", shape.length),
    }
}

/// The model must have room for all tokens; asked before anything is allocated for them.
pub(super) fn check_room(source: &Source, shape: Shape, name: &str) -> Result<(), WorkloadError> {
    let (wanted, context) = (shape.depth.saturating_add(shape.length), source.describe().shape.context);
    if wanted <= context {
        return Ok(());
    }
    let reason = format!(
        "{} tokens after {} in the cache (-p or -n, after -d) are {wanted}; the model has room for 1 to {context}",
        shape.length, shape.depth
    );
    Err(WorkloadError { workload: name.into(), reason })
}

/// A model with room for everything, that has read the first tokens.
fn begin(source: &Source, tokens: &[u32], shape: Shape, name: &str) -> Result<Box<dyn LanguageModel>, WorkloadError> {
    let mut model = source.instance(name, shape)?;
    if !tokens.is_empty() {
        model.prefill(tokens).map_err(|reason| failed(name, reason))?;
    }
    Ok(model)
}

fn seeded_tokens(source: &Source, count: usize, seed: u64) -> Vec<u32> {
    let vocabulary = u32::try_from(source.describe().shape.vocabulary).unwrap_or(u32::MAX);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(0..vocabulary)).collect()
}

fn failed(name: &str, reason: String) -> WorkloadError {
    WorkloadError { workload: name.into(), reason }
}
