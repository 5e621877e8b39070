//! The kernels of a vision transformer, each compiled once, and their calls from patches to logits.

use crate::engine::EngineError;
use crate::engine::stage::{Given, Stage};
use crate::gpu::{Buffer, Device, Pipeline};
use crate::kernel::{Activation, AttentionFull, Kernel, LayerNorm, Linear, Octets, Packing};
use crate::model::encoder::{Layer, Norm};
use crate::model::vision::{Checkpoint, Shape, Weights};

/// Every kernel of the network, in the order of its first call: as it is planned, or compiled.
#[derive(Debug)]
pub(super) struct Network<K> {
    pub(super) patches: K,
    norm: K,
    projections: K,
    attention: K,
    output: K,
    up: K,
    down: K,
    last_norm: K,
    pub(super) head: K,
}

/// What flows from call to call, by the names in the head of the file above.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) patches: Buffer,
    /// Tokens of each image, for the attention.
    lengths: Buffer,
    x: Buffer,
    y: Buffer,
    n: Buffer,
    qkv: Buffer,
    mixed: Buffer,
    wide: Buffer,
    class: Buffer,
    pub(super) logits: Buffer,
}

/// The kernels for so many images at a time.
pub(super) fn kernels(device: &Device, shape: &Shape, images: u32) -> Result<Network<Box<dyn Kernel>>, EngineError> {
    let [tokens, pixels, hidden, heads, head, feed, classes] = [
        shape.tokens(),
        shape.patch_pixels(),
        shape.hidden,
        shape.heads,
        shape.head_size(),
        shape.feed_forward,
        shape.classes,
    ]
    .map(|size| size as u32);
    let (rows, epsilon) = (images * tokens, shape.norm_epsilon as f32);
    let (octets, seeing) = (Octets::of(Some(device.facts())), AttentionFull::octets(device.facts()));
    let linear = |shape, activation| Linear::new(shape, activation, octets);
    // To the stream, of which so many rows are added.
    let adding = |inputs, period| linear([rows, inputs, hidden], Activation::None)?.with_bias_rows(period);
    Ok(Network {
        patches: Box::new(adding(pixels, tokens)?),
        norm: Box::new(LayerNorm::new(rows, hidden, 1, epsilon)?),
        projections: Box::new(linear([rows, hidden, 3 * hidden], Activation::None)?),
        attention: Box::new(AttentionFull::new([images, tokens, heads, head], seeing)?),
        output: Box::new(adding(hidden, rows)?),
        up: Box::new(linear([rows, hidden, feed], Activation::Gelu)?),
        down: Box::new(adding(feed, rows)?),
        last_norm: Box::new(LayerNorm::new(images, hidden, 1, epsilon)?.of_each(tokens)?),
        head: Box::new(linear([images, hidden, classes], Activation::None)?),
    })
}

/// Refuses a batch that the device's memory cannot hold, before anything is allocated.
pub(super) fn within_memory(
    device: &Device,
    checkpoint: &Checkpoint,
    kernels: &Network<Box<dyn Kernel>>,
    images: usize,
) -> Result<(), EngineError> {
    let bytes = |packing: &Packing| 4 * packing.words().iter().sum::<u64>();
    // Operands from number `first` to before `end`, and the result.
    let of = |kernel: &dyn Kernel, first: usize, end: usize| {
        let plan = kernel.plan(device.facts());
        [plan.inputs[first..end].iter().map(bytes).sum::<u64>(), bytes(&plan.output)]
    };
    let Network { patches, norm, projections, attention, output, up, down, last_norm, head } = kernels;
    let [patches_in, _] = of(patches.as_ref(), 0, 1);
    let [patch_weights, x] = of(patches.as_ref(), 1, 3);
    let [norms, n] = of(norm.as_ref(), 1, 4);
    let [projections, qkv] = of(projections.as_ref(), 1, 3);
    let [lengths, mixed] = of(attention.as_ref(), 1, 2);
    let [output, _] = of(output.as_ref(), 1, 2);
    let [up, wide] = of(up.as_ref(), 1, 3);
    let [down, _] = of(down.as_ref(), 1, 2);
    let [last_norm, class] = of(last_norm.as_ref(), 1, 4);
    let [head, logits] = of(head.as_ref(), 1, 3);
    let layer = 2 * norms + projections + output + up + down;
    let weights = patch_weights + checkpoint.shape.layers as u64 * layer + last_norm + head;
    let needed = weights + patches_in + lengths + 2 * x + n + qkv + mixed + wide + class + 2 * logits;
    match device.memory_bytes().filter(|&limit| limit < needed) {
        None => Ok(()),
        Some(limit) => Err(EngineError::Batch {
            model: checkpoint.name.clone(),
            adapter: device.facts().name.clone(),
            needed,
            weights,
            images,
            limit,
        }),
    }
}

impl Stream {
    pub(super) fn new(device: &Device, network: &Network<Stage>, images: usize) -> Result<Stream, EngineError> {
        let [patches, lengths] = [network.patches.plan.inputs[0], network.attention.plan.inputs[1]]
            .map(|packing| packing.words().iter().sum::<u64>() as usize);
        let tokens = network.patches.plan.output.len() / network.norm.plan.inputs[1].len() / images;
        Ok(Stream {
            patches: device.zeros("patches", patches)?,
            lengths: device.upload("lengths", &vec![tokens as f32; lengths])?,
            x: network.patches.result(device)?,
            y: network.output.result(device)?,
            n: network.norm.result(device)?,
            qkv: network.projections.result(device)?,
            mixed: network.attention.result(device)?,
            wide: network.up.result(device)?,
            class: network.last_norm.result(device)?,
            logits: network.head.result(device)?,
        })
    }
}

impl Network<Stage> {
    pub(super) fn compile(device: &Device, kernels: &Network<Box<dyn Kernel>>) -> Result<Self, EngineError> {
        let stage = |kernel: &dyn Kernel| Stage::new(device, kernel);
        Ok(Network {
            patches: stage(kernels.patches.as_ref())?,
            norm: stage(kernels.norm.as_ref())?,
            projections: stage(kernels.projections.as_ref())?,
            attention: stage(kernels.attention.as_ref())?,
            output: stage(kernels.output.as_ref())?,
            up: stage(kernels.up.as_ref())?,
            down: stage(kernels.down.as_ref())?,
            last_norm: stage(kernels.last_norm.as_ref())?,
            head: stage(kernels.head.as_ref())?,
        })
    }

    /// All calls of a batch.
    pub(super) fn calls(
        &self,
        device: &Device,
        weights: &Weights,
        stream: &Stream,
    ) -> Result<Vec<Pipeline>, EngineError> {
        let Stream { patches, x, class, logits, .. } = stream;
        let embedding = &weights.patches;
        let positions = first_rows(weights);
        let mut calls = vec![self.patches.call_with(
            device,
            &[Given::Stream(patches), Given::Weights(&embedding.weight), Given::Weights(&positions)],
            x,
        )?];
        let mut biases = vec![0.0; weights.class.len()];
        for layer in &weights.layers {
            calls.extend(self.layer(device, layer, stream, &mut biases)?);
        }
        calls.push(normed(&self.last_norm, device, &weights.norm, [x, class], &biases)?);
        let [weight, bias] = [&weights.head.weight, &weights.head.bias].map(|words| Given::Weights(words));
        calls.push(self.head.call_with(device, &[Given::Stream(class), weight, bias], logits)?);
        Ok(calls)
    }

    /// The calls of one layer, from x to x; `biases` are those of all layers before, and become those with this one.
    fn layer(
        &self,
        device: &Device,
        layer: &Layer,
        stream: &Stream,
        biases: &mut [f32],
    ) -> Result<[Pipeline; 7], EngineError> {
        let Stream { x, y, n, qkv, mixed, wide, lengths, .. } = stream;
        let linear = |stage: &Stage, from: &Buffer, weight: &[f32], added: Given<'_>, to: &Buffer| {
            stage.call_with(device, &[Given::Stream(from), Given::Weights(weight), added], to)
        };
        let projections = layer.projections();
        let first_norm = normed(&self.norm, device, &layer.attention_norm, [x, n], biases)?;
        biases.iter_mut().zip(&layer.output.bias).for_each(|(sum, bias)| *sum += bias);
        let second_norm = normed(&self.norm, device, &layer.feed_norm, [y, n], biases)?;
        biases.iter_mut().zip(&layer.down.bias).for_each(|(sum, bias)| *sum += bias);
        Ok([
            first_norm,
            linear(&self.projections, n, &projections.weight, Given::Weights(&projections.bias), qkv)?,
            self.attention.call(device, &[qkv, lengths, mixed])?,
            linear(&self.output, mixed, &layer.output.weight, Given::Stream(x), y)?,
            second_norm,
            linear(&self.up, n, &layer.up.weight, Given::Weights(&layer.up.bias), wide)?,
            linear(&self.down, wide, &layer.down.weight, Given::Stream(y), x)?,
        ])
    }
}

/// What is added to the embedded patches of an image: positions, to that of the first row the class token, to the others
/// the bias of the embedding.
fn first_rows(weights: &Weights) -> Vec<f32> {
    let added = weights.class.iter().chain(weights.patches.bias.iter().cycle());
    weights.positions.iter().zip(added).map(|(position, added)| position + added).collect()
}

/// The norm of one buffer plus the biases so far, to another.
fn normed(
    stage: &Stage,
    device: &Device,
    norm: &Norm,
    [from, to]: [&Buffer; 2],
    biases: &[f32],
) -> Result<Pipeline, EngineError> {
    let [biases, gain, bias] = [biases, &norm.gain, &norm.bias].map(Given::Weights);
    stage.call_with(device, &[Given::Stream(from), biases, gain, bias], to)
}
