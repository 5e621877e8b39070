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

use super::layers::{Layer, Norm};
use super::shape::Shape;
use super::weights::Weights;
use candle_core::{D, Device, Result, Tensor};

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
            norm: Norm::new(weights.norm, shape.norm_epsilon, device)?,
            layers: weights
                .layers
                .into_iter()
                .map(|layer| Layer::new(layer, shape.norm_epsilon, device))
                .collect::<Result<_>>()?,
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
            let seen = layer.attend(&x, [sentences, length, self.shape.heads], Some(&hiding))?;
            x = layer.attention_norm.forward(&(x + seen)?)?;
            let fed = layer.feed(&x)?;
            x = layer.feed_norm.forward(&(x + fed)?)?;
        }
        let weighted = x.reshape((sentences, length, hidden))?.broadcast_mul(&mask.unsqueeze(D::Minus1)?)?;
        let mean = weighted.sum(1)?.broadcast_div(&mask.sum_keepdim(1)?)?;
        mean.broadcast_div(&mean.sqr()?.sum_keepdim(1)?.sqrt()?)
    }
}
