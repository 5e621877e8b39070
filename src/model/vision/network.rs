//! A vision transformer on candle's tensors, in f32.
//!
//! x = class token and embedded patches, + positions, then for each layer
//!
//! ```text
//! x = x + output(attention(query n, key n, value n)), n = norm(x)      every row sees every row of its image
//! x = x + down(gelu(up n)), n = norm(x)                                gelu(x) = x (1 + erf(x / sqrt 2)) / 2
//! ```
//!
//! and the logits are the head over the norm of the class token's row.

use super::shape::Shape;
use super::weights::Weights;
use crate::model::encoder::layers::{Layer, Linear, Norm};
use candle_core::{Device, Result, Tensor};

/// The network on one device.
#[derive(Debug)]
pub(super) struct Vit {
    shape: Shape,
    patches: Linear,
    /// `[1, 1, h]`.
    class: Tensor,
    /// `[1 + (S/P)^2, h]`.
    positions: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    head: Linear,
}

impl Vit {
    pub(super) fn new(shape: Shape, weights: Weights, device: &Device) -> Result<Self> {
        let epsilon = shape.norm_epsilon;
        Ok(Self {
            shape,
            patches: Linear::new(weights.patches, device)?,
            class: Tensor::from_vec(weights.class, (1, 1, shape.hidden), device)?,
            positions: Tensor::from_vec(weights.positions, (shape.tokens(), shape.hidden), device)?,
            layers: weights
                .layers
                .into_iter()
                .map(|layer| Layer::new(layer, epsilon, device))
                .collect::<Result<_>>()?,
            norm: Norm::new(weights.norm, epsilon, device)?,
            head: Linear::new(weights.head, device)?,
        })
    }

    /// `[images, K]`, from images as [`patches`](super::patches()) cuts them.
    pub(super) fn forward(&self, patches: Vec<f32>, images: usize) -> Result<Tensor> {
        let (tokens, hidden, pixels) = (self.shape.tokens(), self.shape.hidden, self.shape.patch_pixels());
        let patches = Tensor::from_vec(patches, (images, tokens, pixels), self.class.device())?;
        // Without the places of the class tokens.
        let patches = patches.narrow(1, 1, tokens - 1)?.contiguous()?.reshape((images * (tokens - 1), pixels))?;
        let embedded = self.patches.forward(&patches)?.reshape((images, tokens - 1, hidden))?;
        let class = self.class.broadcast_as((images, 1, hidden))?;
        let mut x =
            Tensor::cat(&[&class, &embedded], 1)?.broadcast_add(&self.positions)?.reshape((images * tokens, hidden))?;
        for layer in &self.layers {
            let seen = layer.attend(&layer.attention_norm.forward(&x)?, [images, tokens, self.shape.heads], None)?;
            x = (x + seen)?;
            let fed = layer.feed(&layer.feed_norm.forward(&x)?)?;
            x = (x + fed)?;
        }
        let class = x.reshape((images, tokens, hidden))?.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?;
        self.head.forward(&self.norm.forward(&class)?)
    }
}
