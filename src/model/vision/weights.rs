//! The weights of a vision transformer as plain f32, drawn from a seed.

use super::shape::Shape;
use crate::model::ModelError;
use crate::model::encoder::weights::{Draw, seeded};
use crate::model::encoder::{Layer, Linear, Norm};

/// All weights.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `[h, C P^2]`: a patch is the rows of its first channel, then those of the next.
    pub patches: Linear,
    /// The class token, h words.
    pub class: Vec<f32>,
    /// `[1 + (S/P)^2, h]`, that of the class token first.
    pub positions: Vec<f32>,
    /// The layers, in order; their norms stand before the attention and before the feed-forward part.
    pub layers: Vec<Layer>,
    /// Behind the layers.
    pub norm: Norm,
    /// `[K, h]`.
    pub head: Linear,
}

impl Weights {
    /// Normal values, each tensor from the seed and its name.
    pub(super) fn seeded(shape: &Shape, seed: u64) -> Result<Self, ModelError> {
        Self::load(shape, &mut |name, sizes| Ok(seeded(seed, name, sizes)))
    }

    fn load(shape: &Shape, draw: Draw<'_>) -> Result<Self, ModelError> {
        let Shape { layers, hidden, feed_forward, classes, .. } = *shape;
        Ok(Self {
            patches: Linear::load("embeddings.patches", [hidden, shape.patch_pixels()], draw)?,
            class: draw("embeddings.class", &[1, hidden])?,
            positions: draw("embeddings.positions", &[shape.tokens(), hidden])?,
            layers: (0..layers)
                .map(|index| Layer::load(index, [hidden, feed_forward], draw))
                .collect::<Result<_, _>>()?,
            norm: Norm::load("encoder.LayerNorm", hidden, draw)?,
            head: Linear::load("head", [classes, hidden], draw)?,
        })
    }
}
