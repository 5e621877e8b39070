//! An encoder of the BERT family on candle's tensors, in f32.
//!
//! x = norm(word + position + kind) for each token, then for each layer
//!
//! ```text
//! x = norm(x + output(attention(query x, key x, value x)))      every token sees every token of its sentence
//! x = norm(x + down(gelu(up x)))                                gelu(x) = x (1 + erf(x / sqrt 2)) / 2
//! ```
//!
//! and the embedding is the mean of x over the tokens of a sentence, divided by its length in the Euclidean norm.

use super::shape::Shape;
use super::weights::{self, Weights};
use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::{layer_norm, softmax_last_dim};

/// Added to a score to hide it: minus infinity would give NaN where a row has nothing else.
const HIDDEN: f32 = -1e30;

/// The network on one device.
#[derive(Debug)]
pub(super) struct Bert {
    shape: Shape,
    words: Tensor,
    /// Positions, with kind 0 added.
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    /// Query, key and value, one behind the other.
    projections: Linear,
    output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    feed_norm: Norm,
}

#[derive(Debug)]
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

#[derive(Debug)]
struct Norm {
    gain: Tensor,
    bias: Tensor,
    epsilon: f32,
}

/// Tokens of one pass, padded: what is no token has weight 0.
pub(super) struct Pass {
    /// `[sentences, tokens]`
    pub(super) tokens: Vec<u32>,
    /// As many, 1 for a token and 0 for padding.
    pub(super) mask: Vec<f32>,
    /// Sentences, and tokens to each.
    pub(super) sizes: [usize; 2],
}

impl Bert {
    pub(super) fn new(shape: Shape, weights: Weights, device: &Device) -> Result<Self> {
        let table = |values: Vec<f32>, rows| Tensor::from_vec(values, (rows, shape.hidden), device);
        let kind = table(weights.kinds[..shape.hidden].to_vec(), 1)?;
        Ok(Self {
            shape,
            words: table(weights.words, shape.vocabulary)?,
            positions: table(weights.positions, shape.positions)?.broadcast_add(&kind)?,
            norm: Norm::new(weights.norm, &shape, device)?,
            layers: weights.layers.into_iter().map(|layer| Layer::new(layer, &shape, device)).collect::<Result<_>>()?,
        })
    }

    /// `[sentences, h]`, each of length 1.
    pub(super) fn forward(&self, pass: Pass) -> Result<Tensor> {
        let Pass { tokens, mask, sizes: [sentences, length] } = pass;
        let (device, hidden) = (self.words.device(), self.shape.hidden);
        let tokens = Tensor::from_vec(tokens, sentences * length, device)?;
        let mask = Tensor::from_vec(mask, (sentences, length), device)?;
        let hiding = mask.affine(f64::from(-HIDDEN), f64::from(HIDDEN))?.reshape((sentences, 1, 1, length))?;
        let words = self.words.index_select(&tokens, 0)?.reshape((sentences, length, hidden))?;
        let positions = self.positions.narrow(0, 0, length)?;
        let mut x = self.norm.forward(&words.broadcast_add(&positions)?.reshape((sentences * length, hidden))?)?;
        for layer in &self.layers {
            x = layer.forward(&x, &hiding, &self.shape)?;
        }
        let weighted = x.reshape((sentences, length, hidden))?.broadcast_mul(&mask.unsqueeze(D::Minus1)?)?;
        let mean = weighted.sum(1)?.broadcast_div(&mask.sum_keepdim(1)?)?;
        mean.broadcast_div(&mean.sqr()?.sum_keepdim(1)?.sqrt()?)
    }
}

impl Layer {
    fn new(layer: weights::Layer, shape: &Shape, device: &Device) -> Result<Self> {
        let projections = [layer.query, layer.key, layer.value];
        let joined = weights::Linear {
            weight: projections.iter().flat_map(|linear| &linear.weight).copied().collect(),
            bias: projections.iter().flat_map(|linear| &linear.bias).copied().collect(),
        };
        Ok(Self {
            projections: Linear::new(joined, device)?,
            output: Linear::new(layer.output, device)?,
            attention_norm: Norm::new(layer.attention_norm, shape, device)?,
            up: Linear::new(layer.up, device)?,
            down: Linear::new(layer.down, device)?,
            feed_norm: Norm::new(layer.feed_norm, shape, device)?,
        })
    }

    /// `x[sentences * tokens, h]`, in and out.
    fn forward(&self, x: &Tensor, hiding: &Tensor, shape: &Shape) -> Result<Tensor> {
        let (sentences, length) = (hiding.dim(0)?, hiding.dim(3)?);
        let heads = self.projections.forward(x)?.reshape((sentences, length, 3, shape.heads, shape.head_size()))?;
        let of = |part| heads.narrow(2, part, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        let (query, key, value) = (of(0)?, of(1)?, of(2)?);
        let scale = 1.0 / (shape.head_size() as f64).sqrt();
        let scores = (query.matmul(&key.t()?)? * scale)?.broadcast_add(hiding)?;
        let mixed = softmax_last_dim(&scores)?.matmul(&value)?;
        let mixed = mixed.transpose(1, 2)?.contiguous()?.reshape((sentences * length, shape.hidden))?;
        let x = self.attention_norm.forward(&(x + self.output.forward(&mixed)?)?)?;
        let fed = self.down.forward(&self.up.forward(&x)?.gelu_erf()?)?;
        self.feed_norm.forward(&(x + fed)?)
    }
}

impl Linear {
    fn new(linear: weights::Linear, device: &Device) -> Result<Self> {
        let outputs = linear.bias.len();
        let inputs = linear.weight.len() / outputs;
        let weight = Tensor::from_vec(linear.weight, (outputs, inputs), device)?;
        Ok(Self { weight, bias: Tensor::from_vec(linear.bias, outputs, device)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }
}

impl Norm {
    fn new(norm: weights::Norm, shape: &Shape, device: &Device) -> Result<Self> {
        let vector = |values| Tensor::from_vec(values, shape.hidden, device);
        Ok(Self { gain: vector(norm.gain)?, bias: vector(norm.bias)?, epsilon: shape.norm_epsilon as f32 })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.gain, &self.bias, self.epsilon)
    }
}
