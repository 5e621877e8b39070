//! What a model is, and how it was loaded: part of every result that the model has a share in.

use super::config::Config;
use super::weights::{Precision, Quantisation};
use serde::{Deserialize, Serialize};

/// Where the weights of a model come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Provenance {
    /// A file.
    Real {
        /// Its name.
        file: String,
        /// Its SHA-256.
        sha256: String,
        /// True when that is the hash that a profile pins.
        pinned: bool,
    },
    /// A seed: the arithmetic of the real model without its knowledge.
    Synthetic {
        /// The seed.
        seed: u64,
    },
}

/// What a model is, and how it was loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The profile, or the file.
    pub name: String,
    /// Real or synthetic.
    pub provenance: Provenance,
    /// The shape.
    pub shape: Config,
    /// Weights, the table of embeddings once.
    pub parameters: u64,
    /// `cpu`, `cuda:0`, `metal:0`.
    pub device: String,
    /// Threads on a CPU.
    pub threads: Option<usize>,
    /// Quantised, or the f32 reference.
    pub precision: Precision,
    /// Types of the matrices in the file and as loaded.
    pub quantisation: Vec<Quantisation>,
    /// Bytes of weights that one decoded token reads, with padding.
    pub weight_bytes_per_token: u64,
    /// Floating-point operations of one decoded token at position 0.
    pub flop_per_token: u64,
}
