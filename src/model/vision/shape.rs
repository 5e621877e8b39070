//! The shape of a vision transformer.
//!
//! Images of S x S pixels and C channels are cut into patches of P x P; hidden size h, heads H of h/H each, feed-forward
//! size f, layers L, classes K. The patch embedding is h x CP^2, the class token h, positions (1 + (S/P)^2) x h. One layer
//! holds query, key, value and output of h x h, up f x h and down h x f, each with a bias, and two norms of 2 h. Behind
//! the layers stand one more norm and the head, K x h. The patch embedding and the head have biases too.
//!
//! Dosovitskiy et al. 2020 (arXiv 2010.11929), without the extra layer that the head has only in pre-training.

use crate::model::config::{Fault, first_fault, range};
use serde::{Deserialize, Serialize};

/// The shape, from a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// S, rows and columns of an image, a multiple of P.
    pub image: usize,
    /// C.
    pub channels: usize,
    /// P, rows and columns of a patch.
    pub patch: usize,
    /// L.
    pub layers: usize,
    /// h.
    pub hidden: usize,
    /// H, a divisor of h.
    pub heads: usize,
    /// f.
    pub feed_forward: usize,
    /// K.
    pub classes: usize,
    /// Added under the root of the layer norms.
    pub norm_epsilon: f64,
}

impl Shape {
    /// The first size that is outside its range or at odds with another.
    pub(in crate::model) fn fault(&self) -> Option<Fault> {
        let sizes = [
            ("shape.image", self.image, 1..=4096),
            ("shape.channels", self.channels, 1..=64),
            ("shape.patch", self.patch, 1..=1024),
            ("shape.layers", self.layers, range::LAYERS),
            ("shape.hidden", self.hidden, range::HIDDEN),
            ("shape.heads", self.heads, range::HEADS),
            ("shape.feed_forward", self.feed_forward, range::FEED_FORWARD),
            ("shape.classes", self.classes, 2..=1 << 20),
        ];
        let rules = [
            ("shape.patch", self.patch, self.image.is_multiple_of(self.patch), "a divisor of shape.image"),
            ("shape.heads", self.heads, self.hidden.is_multiple_of(self.heads), "a divisor of shape.hidden"),
        ];
        first_fault(&sizes, &[("shape.norm_epsilon", self.norm_epsilon, range::NORM_EPSILON)], &rules)
    }

    /// Words of an image: C S^2.
    pub fn pixels(&self) -> usize {
        self.channels * self.image * self.image
    }

    /// Words of a patch: C P^2.
    pub fn patch_pixels(&self) -> usize {
        self.channels * self.patch * self.patch
    }

    /// Rows of the network for one image: the class token, then each patch.
    pub fn tokens(&self) -> usize {
        1 + (self.image / self.patch) * (self.image / self.patch)
    }

    /// Words in a head.
    pub fn head_size(&self) -> usize {
        self.hidden / self.heads
    }

    /// All weights, biases, norms, positions and the class token.
    pub fn parameters(&self) -> u64 {
        let [h, f, classes] = [self.hidden, self.feed_forward, self.classes].map(|size| size as u64);
        let layer = 4 * (h * h + h) + (h * f + f) + (f * h + h) + 4 * h;
        let embedding = h * self.patch_pixels() as u64 + h + (1 + self.tokens() as u64) * h;
        embedding + self.layers as u64 * layer + 2 * h + classes * h + classes
    }
}
