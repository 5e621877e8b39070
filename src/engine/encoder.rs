//! The sentence encoder on this crate's kernels: the network of [`crate::model::encoder`], a batch of sentences at a
//! time, in f32.
//!
//! Weights are uploaded once. The batch has one shape, so many sentences of up to so many tokens, and all its calls are
//! made beforehand; what is written for a batch is its tokens and lengths, and what is read back is its embeddings.
//!
//! ```text
//! part = embed(tokens)                x = layer_norm(part + positions)
//! each layer:
//!   qkv = linear(x)    mixed = attention_full(qkv)    part = linear(mixed)    y = layer_norm(part + x)
//!   wide = gelu(linear(y))                            part = linear(wide)     x = layer_norm(part + y)
//! embeddings = mean_pool(x)
//! ```

mod network;

use super::EngineError;
use crate::gpu::{Buffer, Device, Pipeline, Readback};
use crate::kernel::BLOCK;
use crate::model::encoder::{Checkpoint, Shape, check_sentences};
use network::{Stages, Stream};

/// An encoder on an adapter, for one shape of batch.
#[derive(Debug)]
pub struct Encoder {
    device: Device,
    shape: Shape,
    sentences: usize,
    tokens: usize,
    token_buffer: Buffer,
    length_buffer: Buffer,
    embeddings: Buffer,
    readback: Readback,
    calls: Vec<Pipeline>,
}

impl Encoder {
    /// Uploads a checkpoint and prepares batches of `sentences` sentences with up to `tokens` tokens each.
    ///
    /// # Errors
    /// [`EngineError::Shape`] for a network or a batch that the kernels are not made for; [`EngineError::Kernel`] for
    /// what the adapter cannot hold or refuses.
    pub fn new(
        device: &Device,
        checkpoint: &Checkpoint,
        [sentences, tokens]: [usize; 2],
    ) -> Result<Encoder, EngineError> {
        let shape = checkpoint.shape;
        check_sizes(&checkpoint.name, &shape, [sentences, tokens])?;
        let stages = Stages::new(device, &shape, [sentences as u32, tokens as u32])?;
        let stream = Stream::new(device, &stages)?;
        let token_buffer = device.upload("tokens", &vec![0.0_f32; (sentences * tokens).next_multiple_of(4)])?;
        let length_buffer = device.upload("lengths", &vec![1.0_f32; sentences.next_multiple_of(4)])?;
        let embeddings = stages.pool.result(device)?;
        let mut calls = stages.begin(device, &checkpoint.weights, &stream, &token_buffer, tokens)?;
        for layer in &checkpoint.weights.layers {
            calls.extend(stages.layer(device, layer, &stream, &length_buffer)?);
        }
        calls.push(stages.pool.call(device, &[&stream.x, &length_buffer, &embeddings])?);
        let readback = device.readback(embeddings.bytes())?;
        let device = device.clone();
        Ok(Encoder { device, shape, sentences, tokens, token_buffer, length_buffer, embeddings, readback, calls })
    }

    /// The embedding of each sentence, of [`Shape::hidden`] words and length 1; a batch after the other.
    ///
    /// # Errors
    /// A sentence without tokens, with an unknown one, or with more than a batch has room for; a device that is lost,
    /// refuses, or does not answer in time.
    pub fn embed(&mut self, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EngineError> {
        check_sentences(sentences, &self.shape, self.tokens)?;
        let mut embeddings = Vec::with_capacity(sentences.len());
        for batch in sentences.chunks(self.sentences) {
            embeddings.extend(self.embed_batch(batch)?);
        }
        Ok(embeddings)
    }

    fn embed_batch(&mut self, batch: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EngineError> {
        const DOING: &str = "embedding sentences";
        // Kernels take row numbers and lengths as whole f32. A place without a sentence holds one token, and is finite.
        let mut tokens = vec![0.0_f32; self.sentences * self.tokens];
        let mut lengths = vec![1.0_f32; self.sentences];
        for ((place, length), sentence) in tokens.chunks_exact_mut(self.tokens).zip(&mut lengths).zip(batch) {
            place.iter_mut().zip(sentence).for_each(|(place, token)| *place = *token as f32);
            *length = sentence.len() as f32;
        }
        self.device.write(&self.token_buffer, &tokens)?;
        self.device.write(&self.length_buffer, &lengths)?;
        let mut recording = self.device.record();
        for call in &self.calls {
            recording.run(call);
        }
        recording.copy(&self.embeddings, self.embeddings.bytes(), &self.readback);
        let submission = recording.submit(DOING)?;
        let words: Vec<f32> = submission.take(&self.readback, self.sentences * self.shape.hidden, DOING)?;
        Ok(words.chunks_exact(self.shape.hidden).take(batch.len()).map(<[f32]>::to_vec).collect())
    }
}

fn check_sizes(model: &str, shape: &Shape, [sentences, tokens]: [usize; 2]) -> Result<(), EngineError> {
    // Rows of heads lie one behind the other only where a head is whole vectors, and what is looked up in the table only
    // where a row is whole blocks. Row numbers go through f32.
    let checks = [
        ("the hidden size", shape.hidden, shape.hidden.is_multiple_of(BLOCK), "multiples of 32"),
        ("the size of a head", shape.head_size(), shape.head_size().is_multiple_of(4), "multiples of 4"),
        ("the vocabulary", shape.vocabulary, shape.vocabulary <= 1 << 24, "up to 2^24 words"),
        ("the number of sentences in a batch", sentences, (1..=65_535).contains(&sentences), "1 to 65535"),
        ("the room for tokens", tokens, (1..=shape.positions).contains(&tokens), "1 up to the positions of the model"),
    ];
    EngineError::check_sizes(model, &checks)
}
