//! Models on this crate's own kernels, for any adapter that wgpu reaches.
//!
//! candle runs on CPUs, NVIDIA and Apple; an engine of our own runs the same weights on AMD, Intel, Arm and software
//! renderers too. Each model here is checked against its candle counterpart in [`crate::model`].
//!
//! A step is recorded as one pass: pipelines and bindings are made once, what changes from step to step travels as
//! immediates, and nothing is read back but what was asked for.
//!
//! | file | holds |
//! |---|---|
//! | `digits` | the classifier of digits |
//! | `encoder` | the sentence encoder |
//! | `vision` | the vision transformer |
//! | `stage` | a kernel of these two, compiled once, bound for each of its calls |
//! | `repack` `matrix` `weights` | weights of a language model from a file's blocks to those of a kernel, in parts that fit a binding |
//! | `choices` `programs` `product` | which kernel multiplies; kernels compiled once; one matrix times any number of rows |
//! | `memory` | what a language model needs, before anything is allocated |
//! | `feed` `stack` | the feed-forward half of a layer, dense or of experts; the matrices of all experts in one |
//! | `layer` `llama` | the language model, its cache, its steps |

mod choices;
pub mod digits;
pub mod encoder;
mod error;
mod feed;
mod layer;
mod llama;
mod matrix;
mod memory;
mod product;
mod programs;
mod repack;
mod stack;
mod stage;
pub mod vision;
mod weights;

pub use choices::Choices;
pub use error::EngineError;
pub use llama::Llama;
pub use memory::{Room, layers_that_fit};
pub use weights::LlamaWeights;
