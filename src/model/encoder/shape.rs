//! The shape of an encoder of the BERT family.
//!
//! Hidden size h, heads H of h/H each, feed-forward size f, layers L, vocabulary V, positions P, kinds K. One layer
//! holds query, key, value and output of h x h, up f x h and down h x f, each with a bias, and two norms of 2 h. The
//! tables of embeddings are V x h, P x h and K x h, with a norm behind their sum.
//!
//! Devlin et al. 2018 (arXiv 1810.04805); as a sentence encoder: Reimers and Gurevych 2019 (arXiv 1908.10084).

use crate::model::config::{Fault, first_fault, range};
use serde::{Deserialize, Serialize};

/// The shape, from a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// L.
    pub layers: usize,
    /// h, the length of an embedding.
    pub hidden: usize,
    /// H, a divisor of h.
    pub heads: usize,
    /// f.
    pub feed_forward: usize,
    /// V.
    pub vocabulary: usize,
    /// P, the most tokens that the table of positions has room for.
    pub positions: usize,
    /// K: kinds of token. A sentence by itself is of kind 0.
    pub kinds: usize,
    /// Added under the root of the layer norms.
    pub norm_epsilon: f64,
    /// Tokens after which a sentence is cut, its two marks included; up to P.
    pub length: usize,
}

impl Shape {
    /// The first size that is outside its range or at odds with another.
    pub(in crate::model) fn fault(&self) -> Option<Fault> {
        let sizes = [
            ("shape.layers", self.layers, range::LAYERS),
            ("shape.hidden", self.hidden, range::HIDDEN),
            ("shape.heads", self.heads, range::HEADS),
            ("shape.feed_forward", self.feed_forward, range::FEED_FORWARD),
            ("shape.vocabulary", self.vocabulary, range::VOCABULARY),
            ("shape.positions", self.positions, range::CONTEXT),
            ("shape.kinds", self.kinds, 1..=1024),
            ("shape.length", self.length, 2..=self.positions as u64),
        ];
        let reals = [("shape.norm_epsilon", self.norm_epsilon, range::NORM_EPSILON)];
        let whole = self.hidden.is_multiple_of(self.heads);
        first_fault(&sizes, &reals, &[("shape.heads", self.heads, whole, "a divisor of shape.hidden")])
    }

    /// Words in a head.
    pub fn head_size(&self) -> usize {
        self.hidden / self.heads
    }

    /// Weights, biases and norms of one layer.
    pub fn layer_parameters(&self) -> u64 {
        let [h, f] = [self.hidden, self.feed_forward].map(|size| size as u64);
        4 * (h * h + h) + (h * f + f) + (f * h + h) + 4 * h
    }

    /// All weights, the tables and their norm included.
    pub fn parameters(&self) -> u64 {
        let rows = (self.vocabulary + self.positions + self.kinds + 2) as u64;
        self.layers as u64 * self.layer_parameters() + rows * self.hidden as u64
    }
}
