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

use crate::gpu::{self, Buffer, Device, Pipeline, Program, Readback};
use crate::kernel::{self, Activation, AttentionFull, BLOCK, Embed, Format, Kernel, LayerNorm, Linear, MeanPool, Plan};
use crate::model::ModelError;
use crate::model::encoder::{Checkpoint, Layer, Norm, Shape, Weights, check_sentences};

/// Why an encoder cannot be made ready, or a batch not be run.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// The adapter or a kernel's shape.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The sentences.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A size that the kernels here are not made for.
    #[error("encoder `{name}`: {key} = {found}; allowed: {allowed}")]
    Size {
        /// The checkpoint.
        name: String,
        /// Which size.
        key: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        allowed: String,
    },
}

impl From<gpu::Error> for EncoderError {
    fn from(error: gpu::Error) -> Self {
        Self::Kernel(error.into())
    }
}

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
    /// [`EncoderError::Size`] for a network or a batch that the kernels are not made for; [`EncoderError::Kernel`] for
    /// what the adapter cannot hold or refuses.
    pub fn new(
        device: &Device,
        checkpoint: &Checkpoint,
        [sentences, tokens]: [usize; 2],
    ) -> Result<Encoder, EncoderError> {
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

    /// Sentences of a batch, and the most tokens of each.
    pub fn batch(&self) -> [usize; 2] {
        [self.sentences, self.tokens]
    }

    /// The shape of the network.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The embedding of each sentence, of [`Shape::hidden`] words and length 1; a batch after the other.
    ///
    /// # Errors
    /// A sentence without tokens, with an unknown one, or with more than a batch has room for; a device that is lost,
    /// refuses, or does not answer in time.
    pub fn embed(&mut self, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        check_sentences(sentences, &self.shape, self.tokens)?;
        let mut embeddings = Vec::with_capacity(sentences.len());
        for batch in sentences.chunks(self.sentences) {
            embeddings.extend(self.embed_batch(batch)?);
        }
        Ok(embeddings)
    }

    fn embed_batch(&mut self, batch: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, EncoderError> {
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

fn check_sizes(name: &str, shape: &Shape, [sentences, tokens]: [usize; 2]) -> Result<(), EncoderError> {
    // Rows of heads lie one behind the other only where a head is whole vectors, and what is looked up in the table only
    // where a row is whole blocks. Row numbers go through f32.
    let blocks = shape.hidden.is_multiple_of(BLOCK);
    let checks = [
        ("hidden size", shape.hidden, blocks, format!("a multiple of {BLOCK}")),
        ("head size", shape.head_size(), shape.head_size().is_multiple_of(4), "a multiple of 4".to_owned()),
        ("vocabulary", shape.vocabulary, shape.vocabulary <= 1 << 24, format!("up to {}", 1 << 24)),
        ("sentences of a batch", sentences, (1..=65_535).contains(&sentences), "1 to 65535".to_owned()),
        ("tokens of a sentence", tokens, (1..=shape.positions).contains(&tokens), format!("1 to {}", shape.positions)),
    ];
    checks.into_iter().find(|(_, _, right, _)| !right).map_or(Ok(()), |(key, found, _, allowed)| {
        Err(EncoderError::Size { name: name.to_owned(), key, found: found.to_string(), allowed })
    })
}

/// A kernel, planned and compiled once for all its calls.
#[derive(Debug)]
struct Stage {
    file: &'static str,
    plan: Plan,
    program: Program,
}

impl Stage {
    fn new(device: &Device, kernel: &dyn Kernel) -> Result<Stage, EncoderError> {
        let plan = kernel.plan(device.facts());
        kernel::within_limits(kernel, &plan, device)?;
        let program = Program::new(device, plan.source, &plan.constants)?;
        Ok(Stage { file: plan.source.file, plan, program })
    }

    /// Weights as this stage wants its operand of this number, which lies in one buffer.
    fn upload(&self, device: &Device, operand: usize, words: &[f32]) -> Result<Buffer, EncoderError> {
        Ok(device.upload(self.file, &self.plan.inputs[operand].pack(words))?)
    }

    /// Memory for its result.
    fn result(&self, device: &Device) -> Result<Buffer, EncoderError> {
        Ok(device.poisoned(self.file, self.plan.output.words().iter().sum::<u64>() as usize)?)
    }

    fn call(&self, device: &Device, buffers: &[&Buffer]) -> Result<Pipeline, EncoderError> {
        Ok(Pipeline::of(device, &self.program, buffers, self.plan.workgroups)?)
    }
}

/// Every kernel of the network, in the order of its first call.
#[derive(Debug)]
struct Stages {
    embed: Stage,
    first_norm: Stage,
    projections: Stage,
    attention: Stage,
    output: Stage,
    norm: Stage,
    up: Stage,
    down: Stage,
    pool: Stage,
}

/// What flows from call to call, by the names in the head of this file.
#[derive(Debug)]
struct Stream {
    x: Buffer,
    y: Buffer,
    qkv: Buffer,
    mixed: Buffer,
    part: Buffer,
    wide: Buffer,
}

impl Stream {
    fn new(device: &Device, stages: &Stages) -> Result<Stream, EncoderError> {
        Ok(Stream {
            x: stages.norm.result(device)?,
            y: stages.norm.result(device)?,
            qkv: stages.projections.result(device)?,
            mixed: stages.attention.result(device)?,
            part: stages.output.result(device)?,
            wide: stages.up.result(device)?,
        })
    }
}

impl Stages {
    fn new(device: &Device, shape: &Shape, [sentences, tokens]: [u32; 2]) -> Result<Stages, EncoderError> {
        let [hidden, heads, head, feed, vocabulary] =
            [shape.hidden, shape.heads, shape.head_size(), shape.feed_forward, shape.vocabulary]
                .map(|size| size as u32);
        let (rows, epsilon) = (sentences.saturating_mul(tokens), shape.norm_epsilon as f32);
        let norm = |period| Stage::new(device, &LayerNorm::new(rows, hidden, period, epsilon)?);
        let linear = |inputs, outputs, activation| Stage::new(device, &Linear::new(rows, inputs, outputs, activation)?);
        Ok(Stages {
            embed: Stage::new(device, &Embed::new([rows, vocabulary, hidden], Format::F32)?)?,
            first_norm: norm(tokens)?,
            projections: linear(hidden, 3 * hidden, Activation::None)?,
            attention: Stage::new(device, &AttentionFull::new(sentences, tokens, heads, head)?)?,
            output: linear(hidden, hidden, Activation::None)?,
            norm: norm(rows)?,
            up: linear(hidden, feed, Activation::Gelu)?,
            down: linear(feed, hidden, Activation::None)?,
            pool: Stage::new(device, &MeanPool::new(sentences, tokens, hidden)?)?,
        })
    }

    /// From tokens to the first x. A sentence by itself is of kind 0, so that kind is added to the positions here.
    fn begin(
        &self,
        device: &Device,
        weights: &Weights,
        stream: &Stream,
        token_buffer: &Buffer,
        tokens: usize,
    ) -> Result<Vec<Pipeline>, EncoderError> {
        let hidden = weights.norm.gain.len();
        let kind = weights.kinds.iter().take(hidden).cycle();
        let positions: Vec<f32> =
            weights.positions.iter().take(tokens * hidden).zip(kind).map(|(p, k)| p + k).collect();
        // A table of weights is two buffers: words and, where they are quantised, scales.
        let mut table = Vec::new();
        for words in self.embed.plan.inputs[1].buffers(&weights.words) {
            table.push(device.upload(self.embed.file, &words)?);
        }
        let look_up: Vec<&Buffer> = [token_buffer].into_iter().chain(&table).chain([&stream.part]).collect();
        let positions = self.first_norm.upload(device, 1, &positions)?;
        let [gain, bias] = norm_buffers(&self.first_norm, device, &weights.norm)?;
        Ok(vec![
            self.embed.call(device, &look_up)?,
            self.first_norm.call(device, &[&stream.part, &positions, &gain, &bias, &stream.x])?,
        ])
    }

    /// The calls of one layer, from x to x.
    fn layer(
        &self,
        device: &Device,
        layer: &Layer,
        stream: &Stream,
        lengths: &Buffer,
    ) -> Result<Vec<Pipeline>, EncoderError> {
        let Stream { x, y, qkv, mixed, part, wide } = stream;
        let linear = |stage: &Stage, weight: &[f32], bias: &[f32], from: &Buffer, to: &Buffer| {
            let (weight, bias) = (stage.upload(device, 1, weight)?, stage.upload(device, 2, bias)?);
            stage.call(device, &[from, &weight, &bias, to])
        };
        let norm = |norm: &Norm, residual: &Buffer, to: &Buffer| {
            let [gain, bias] = norm_buffers(&self.norm, device, norm)?;
            self.norm.call(device, &[part, residual, &gain, &bias, to])
        };
        let projections = [&layer.query, &layer.key, &layer.value];
        let weight = projections.map(|linear| linear.weight.as_slice()).concat();
        let bias = projections.map(|linear| linear.bias.as_slice()).concat();
        Ok(vec![
            linear(&self.projections, &weight, &bias, x, qkv)?,
            self.attention.call(device, &[qkv, lengths, mixed])?,
            linear(&self.output, &layer.output.weight, &layer.output.bias, mixed, part)?,
            norm(&layer.attention_norm, x, y)?,
            linear(&self.up, &layer.up.weight, &layer.up.bias, y, wide)?,
            linear(&self.down, &layer.down.weight, &layer.down.bias, wide, part)?,
            norm(&layer.feed_norm, y, x)?,
        ])
    }
}

/// Gain and bias of a layer norm.
fn norm_buffers(stage: &Stage, device: &Device, norm: &Norm) -> Result<[Buffer; 2], EncoderError> {
    Ok([stage.upload(device, 2, &norm.gain)?, stage.upload(device, 3, &norm.bias)?])
}
