//! A sentence encoder at work: batches of sentences to embeddings, on our kernels where there is an adapter, on candle
//! elsewhere.
//!
//! Sentences are seeded random tokens, as prompts are, all of the length of a long English sentence, so that a batch
//! holds no padding and every operation is counted. What runs on an adapter is checked against candle on one batch.

use super::{Description, Unit, Verification, Work, Workload, WorkloadError, backend_name, marked};
use crate::engine::encoder as engine;
use crate::gpu::{Class, Device};
use crate::kernel::Octets;
use crate::model;
use crate::model::encoder::{Checkpoint, Counts, Encoder};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Its name.
const NAME: &str = "embed";

/// Tokens of a sentence, its two marks included.
const TOKENS: usize = 32;

/// Sentences of a batch on a CPU, where a batch should take a fraction of a second...
const SENTENCES_SOFTWARE: usize = 4;
/// ...on a renderer with small subgroups, which is slower...
const SENTENCES_SLOW: usize = 2;
/// ...and on a GPU, which has to be kept busy.
const SENTENCES_HARDWARE: usize = 64;

/// Bits of one word of an embedding on the link: f32.
const WORD_BITS: f64 = 32.0;

/// Largest relative error, by norm, between the kernels and candle: that of a single kernel against its twin.
const TOLERANCE: f64 = 1e-5;

/// Whatever turns sentences into embeddings.
trait Embedder: Send {
    /// The embedding of each sentence.
    fn embed(&mut self, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, String>;
}

impl Embedder for engine::Encoder {
    fn embed(&mut self, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, String> {
        engine::Encoder::embed(self, sentences).map_err(|error| error.to_string())
    }
}

impl Embedder for Encoder {
    fn embed(&mut self, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, String> {
        Encoder::embed(self, sentences).map_err(|error| error.to_string())
    }
}

/// Batches of sentences, again and again.
pub struct Embed {
    embedder: Box<dyn Embedder>,
    description: Description,
    sentences: Vec<Vec<u32>>,
    /// What candle makes of them, where it is not candle that runs.
    expected: Option<Vec<Vec<f32>>>,
}

impl Embed {
    /// Puts a checkpoint on the adapter, or on candle's device where there is none.
    ///
    /// # Errors
    /// The device has no room for it, refuses, or is lost.
    pub fn new(
        checkpoint: Checkpoint,
        device: Option<&Device>,
        candle: &model::Device,
        seed: u64,
    ) -> Result<Embed, WorkloadError> {
        let count = match device.map(Device::facts) {
            Some(facts) if facts.class == Class::Hardware => SENTENCES_HARDWARE,
            Some(facts) if Octets::of(Some(facts)) == Octets::Apart => SENTENCES_SLOW,
            None if !candle.is_cpu() => SENTENCES_HARDWARE,
            Some(_) | None => SENTENCES_SOFTWARE,
        };
        let shape = checkpoint.shape;
        let tokens = TOKENS.min(shape.length);
        let sentences = seeded_sentences(count, tokens, shape.vocabulary, seed);
        let description = Description {
            n_prompt: tokens as u32,
            items_per_batch: count as f64,
            flop_per_batch: Counts { shape }.flop(sentences.iter().map(Vec::len)) as f64,
            bytes_per_batch: Counts { shape }.bytes(sentences.iter().map(Vec::len)) as f64,
            result_bits_per_batch: WORD_BITS * (count * shape.hidden) as f64,
            ..Description::new(NAME, backend_name(device, candle), label(&checkpoint, count, tokens), Unit::Embedding)
        };
        let engine = device.map(|device| engine::Encoder::new(device, &checkpoint, [count, tokens])).transpose();
        let engine = engine.map_err(|error| failed(&error.to_string()))?;
        let mut reference = Encoder::new(checkpoint, candle).map_err(|error| failed(&error.to_string()))?;
        let (embedder, expected): (Box<dyn Embedder>, _) = match engine {
            Some(engine) => (Box::new(engine), Some(embed(&mut reference, &sentences)?)),
            None => (Box::new(reference), None),
        };
        let mut workload = Embed { embedder, description, sentences, expected };
        // Drivers compile at the first batch, and candle packs a matrix when it first multiplies with it.
        workload.run_batch()?;
        Ok(workload)
    }
}

impl Workload for Embed {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        std::hint::black_box(embed(self.embedder.as_mut(), &self.sentences)?);
        Ok(Work { items: self.description.items_per_batch })
    }

    fn verify(&mut self) -> Result<Option<Verification>, WorkloadError> {
        let Some(expected) = &self.expected else { return Ok(None) };
        let found = embed(self.embedder.as_mut(), &self.sentences)?.concat();
        Ok(Some(Verification::of(&found, &expected.concat(), TOLERANCE)))
    }
}

fn embed(embedder: &mut dyn Embedder, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, WorkloadError> {
    embedder.embed(sentences).map_err(|reason| failed(&reason))
}

fn label(checkpoint: &Checkpoint, sentences: usize, tokens: usize) -> String {
    let origin = marked(&checkpoint.provenance);
    format!("{}{origin}, {sentences} x {tokens} tokens", checkpoint.name)
}

fn seeded_sentences(count: usize, tokens: usize, vocabulary: usize, seed: u64) -> Vec<Vec<u32>> {
    let vocabulary = u32::try_from(vocabulary).unwrap_or(u32::MAX);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| (0..tokens).map(|_| random.random_range(0..vocabulary)).collect()).collect()
}

fn failed(reason: &str) -> WorkloadError {
    WorkloadError { workload: NAME.into(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoder::Shape;

    const TINY: Shape = Shape {
        layers: 2,
        hidden: 16,
        heads: 2,
        feed_forward: 32,
        vocabulary: 40,
        positions: 64,
        kinds: 2,
        norm_epsilon: 1e-12,
        length: 64,
    };

    #[test]
    fn without_an_adapter_candle_runs_and_every_embedding_is_counted() {
        let checkpoint = Checkpoint::from_seed("tiny", TINY, 1).expect("a checkpoint");
        let mut workload = Embed::new(checkpoint, None, &model::Device::cpu(), 2).expect("a workload");
        let (items, bits) = {
            let found = workload.description();
            assert_eq!((found.backend.as_str(), found.unit), ("candle:cpu", Unit::Embedding), "{found:?}");
            assert_eq!(found.test, "tiny SYNTHETIC, 4 x 32 tokens", "seeded weights are never called real");
            let sentence = 2 * (2 * 32 * (4 * 16 * 16 + 2 * 16 * 32) + 4 * 32 * 32 * 16);
            assert_eq!(found.flop_per_batch, f64::from(4 * sentence), "by hand from the shape");
            (found.items_per_batch, found.result_bits_per_batch)
        };
        assert_eq!((items, bits), (4.0, 4.0 * 16.0 * 32.0), "four embeddings of sixteen words");
        let work = workload.run_batch().expect("it runs");
        assert!(work.items == 4.0, "{work:?}");
        assert!(workload.verify().expect("it runs").is_none(), "candle is the reference itself");
    }
}
