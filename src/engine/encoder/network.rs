//! The kernels of an encoder, each compiled once, and their calls from tokens to embeddings.

use crate::engine::EngineError;
use crate::engine::stage::{Given, Stage};
use crate::gpu::{Buffer, Device, Pipeline};
use crate::kernel::{Activation, AttentionFull, Embed, Format, LayerNorm, Linear, MeanPool, Octets};
use crate::model::encoder::{self, Layer, Norm, Shape, Weights};

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
        let look_up: Vec<&Buffer> = [token_buffer].into_iter().chain(&table).chain([&stream.part]).collect();
        let [part, positions] = [Given::Stream(&stream.part), Given::Weights(&positions)];
        let [gain, bias] = [&weights.norm.gain, &weights.norm.bias].map(|words| Given::Weights(words));
        Ok(vec![
            self.embed.call(device, &look_up)?,
            self.first_norm.call_with(device, &[part, positions, gain, bias], &stream.x)?,
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
        let linear = |stage: &Stage, linear: &encoder::Linear, from: &Buffer, to: &Buffer| {
            let [weight, bias] = [&linear.weight, &linear.bias].map(|words| Given::Weights(words));
            stage.call_with(device, &[Given::Stream(from), weight, bias], to)
        };
        let norm = |norm: &Norm, residual: &Buffer, to: &Buffer| {
            let [part, residual] = [part, residual].map(Given::Stream);
            let [gain, bias] = [&norm.gain, &norm.bias].map(|words| Given::Weights(words));
            self.norm.call_with(device, &[part, residual, gain, bias], to)
        };
        Ok(vec![
            linear(&self.projections, &layer.projections(), x, qkv)?,
            self.attention.call(device, &[qkv, lengths, mixed])?,
            linear(&self.output, &layer.output, mixed, part)?,
            norm(&layer.attention_norm, x, y)?,
            linear(&self.up, &layer.up, y, wide)?,
            linear(&self.down, &layer.down, wide, part)?,
            norm(&layer.feed_norm, y, x)?,
        ])
    }
}
