//! The kernels of an encoder, each compiled once, and their calls from tokens to embeddings.

use crate::engine::EngineError;
use crate::gpu::{Buffer, Device, Image, Pipeline, Program, Resource};
use crate::kernel::{
    self, Activation, AttentionFull, Embed, Format, Kernel, LayerNorm, Linear, MeanPool, Memory, Octets, Plan,
};
use crate::model::encoder::{Layer, Norm, Shape, Weights};

/// A kernel, planned and compiled once for all its calls.
#[derive(Debug)]
pub(super) struct Stage {
    file: &'static str,
    plan: Plan,
    program: Program,
}

impl Stage {
    fn new(device: &Device, kernel: &dyn Kernel) -> Result<Stage, EngineError> {
        let plan = kernel.plan(device.facts());
        kernel::within_limits(kernel, &plan, device)?;
        let program = Program::new(device, plan.source, &plan.constants)?;
        Ok(Stage { file: plan.source.file, plan, program })
    }

    /// Weights as this stage wants its operand of this number, a matrix of f32.
    fn upload(&self, device: &Device, operand: usize, words: &[f32]) -> Result<Operand, EngineError> {
        let packing = &self.plan.inputs[operand];
        let packed = packing.pack(words);
        Ok(match packing.memory() {
            Memory::Image => Operand::Image(device.image(self.file, &packed)?),
            Memory::Words | Memory::Halves => Operand::Buffer(device.upload(self.file, &packed)?),
        })
    }

    /// Memory for its result.
    pub(super) fn result(&self, device: &Device) -> Result<Buffer, EngineError> {
        Ok(device.poisoned(self.file, self.plan.output.words().iter().sum::<u64>() as usize)?)
    }

    pub(super) fn call(&self, device: &Device, operands: &[Resource<'_>]) -> Result<Pipeline, EngineError> {
        Ok(Pipeline::with_resources(device, &self.program, operands, self.plan.workgroups)?)
    }
}

/// Weights in place.
#[derive(Debug)]
enum Operand {
    Buffer(Buffer),
    Image(Image),
}

impl Operand {
    fn resource(&self) -> Resource<'_> {
        match self {
            Operand::Buffer(buffer) => Resource::Buffer(buffer),
            Operand::Image(image) => Resource::Image(image),
        }
    }
}

/// Every kernel of the network, in the order of its first call.
#[derive(Debug)]
pub(super) struct Stages {
    embed: Stage,
    first_norm: Stage,
    projections: Stage,
    attention: Stage,
    output: Stage,
    norm: Stage,
    up: Stage,
    down: Stage,
    pub(super) pool: Stage,
}

/// What flows from call to call, by the names in the head of this file.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) x: Buffer,
    y: Buffer,
    qkv: Buffer,
    mixed: Buffer,
    part: Buffer,
    wide: Buffer,
}

impl Stream {
    pub(super) fn new(device: &Device, stages: &Stages) -> Result<Stream, EngineError> {
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
    pub(super) fn new(device: &Device, shape: &Shape, [sentences, tokens]: [u32; 2]) -> Result<Stages, EngineError> {
        let [hidden, heads, head, feed, vocabulary] =
            [shape.hidden, shape.heads, shape.head_size(), shape.feed_forward, shape.vocabulary]
                .map(|size| size as u32);
        let (rows, epsilon) = (sentences.saturating_mul(tokens), shape.norm_epsilon as f32);
        let (octets, seeing) = (Octets::of(Some(device.facts())), AttentionFull::octets(device.facts()));
        let norm = |period| Stage::new(device, &LayerNorm::new(rows, hidden, period, epsilon)?);
        let linear = |inputs, outputs, activation| {
            Stage::new(device, &Linear::new([rows, inputs, outputs], activation, octets)?)
        };
        Ok(Stages {
            embed: Stage::new(device, &Embed::new([rows, vocabulary, hidden], Format::F32)?)?,
            first_norm: norm(tokens)?,
            projections: linear(hidden, 3 * hidden, Activation::None)?,
            attention: Stage::new(device, &AttentionFull::new([sentences, tokens, heads, head], seeing)?)?,
            output: linear(hidden, hidden, Activation::None)?,
            norm: norm(rows)?,
            up: linear(hidden, feed, Activation::Gelu)?,
            down: linear(feed, hidden, Activation::None)?,
            pool: Stage::new(device, &MeanPool::new(sentences, tokens, hidden)?)?,
        })
    }

    /// From tokens to the first x. A sentence by itself is of kind 0, so that kind is added to the positions here.
    pub(super) fn begin(
        &self,
        device: &Device,
        weights: &Weights,
        stream: &Stream,
        token_buffer: &Buffer,
        tokens: usize,
    ) -> Result<Vec<Pipeline>, EngineError> {
        let hidden = weights.norm.gain.len();
        let kind = weights.kinds.iter().take(hidden).cycle();
        let positions: Vec<f32> =
            weights.positions.iter().take(tokens * hidden).zip(kind).map(|(p, k)| p + k).collect();
        // A table of weights is two buffers: words and, where they are quantised, scales.
        let mut table = Vec::new();
        for words in self.embed.plan.inputs[1].buffers(&weights.words) {
            table.push(device.upload(self.embed.file, &words)?);
        }
        let look_up = [token_buffer].into_iter().chain(&table).chain([&stream.part]).map(Resource::Buffer);
        let positions = self.first_norm.upload(device, 1, &positions)?;
        let [gain, bias] = norm_buffers(&self.first_norm, device, &weights.norm)?;
        Ok(vec![
            self.embed.call(device, &look_up.collect::<Vec<_>>())?,
            self.first_norm.call(
                device,
                &[
                    Resource::Buffer(&stream.part),
                    positions.resource(),
                    gain.resource(),
                    bias.resource(),
                    Resource::Buffer(&stream.x),
                ],
            )?,
        ])
    }

    /// The calls of one layer, from x to x.
    pub(super) fn layer(
        &self,
        device: &Device,
        layer: &Layer,
        stream: &Stream,
        lengths: &Buffer,
    ) -> Result<Vec<Pipeline>, EngineError> {
        let Stream { x, y, qkv, mixed, part, wide } = stream;
        let linear = |stage: &Stage, weight: &[f32], bias: &[f32], from: &Buffer, to: &Buffer| {
            let (weight, bias) = (stage.upload(device, 1, weight)?, stage.upload(device, 2, bias)?);
            let (from, to) = (Resource::Buffer(from), Resource::Buffer(to));
            stage.call(device, &[from, weight.resource(), bias.resource(), to])
        };
        let norm = |norm: &Norm, residual: &Buffer, to: &Buffer| {
            let [gain, bias] = norm_buffers(&self.norm, device, norm)?;
            let [part, residual, to] = [part, residual, to].map(Resource::Buffer);
            self.norm.call(device, &[part, residual, gain.resource(), bias.resource(), to])
        };
        let projections = [&layer.query, &layer.key, &layer.value];
        let weight = projections.map(|linear| linear.weight.as_slice()).concat();
        let bias = projections.map(|linear| linear.bias.as_slice()).concat();
        Ok(vec![
            linear(&self.projections, &weight, &bias, x, qkv)?,
            self.attention.call(device, &[qkv, lengths, mixed].map(Resource::Buffer))?,
            linear(&self.output, &layer.output.weight, &layer.output.bias, mixed, part)?,
            norm(&layer.attention_norm, x, y)?,
            linear(&self.up, &layer.up.weight, &layer.up.bias, y, wide)?,
            linear(&self.down, &layer.down.weight, &layer.down.bias, wide, part)?,
            norm(&layer.feed_norm, y, x)?,
        ])
    }
}

/// Gain and bias of a layer norm.
fn norm_buffers(stage: &Stage, device: &Device, norm: &Norm) -> Result<[Operand; 2], EngineError> {
    Ok([stage.upload(device, 2, &norm.gain)?, stage.upload(device, 3, &norm.bias)?])
}
