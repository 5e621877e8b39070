//! Language models on candle: real weights with a pinned hash, or seeded ones of the same shape.
//!
//! A model file is untrusted until its header is checked ([`gguf`]); its network is of the llama family ([`Config`]);
//! it runs on the CPU, CUDA or Metal ([`Device`]). A model counts its own work ([`Counts`]) and says how it was
//! obtained ([`Description`]): seeded weights compute as much as real ones, and are never called real.
//!
//! | file | holds |
//! |---|---|
//! | `profile` `store` | what a model is; where its file is kept, fetched from and checked |
//! | `gguf` `config` `opened` `tensors` `weights` | from the bytes of a file to a shape and its matrices |
//! | `safetensors` `encoder` | the other format of files, and the sentence encoder that comes in it |
//! | `vision` | a vision transformer of seeded weights |
//! | `llama` | the network, of `linear` `norm` `rotary` `attention` `softmax` `feed` `gate` `cache` |
//! | `digits` | a classifier of handwritten digits, with its weights and a test set |
//! | `memory` | whether seeded weights fit into main memory |
//! | `count` `description` `tokenizer` `device` | FLOP and bytes; what was loaded; text; where it runs |

mod attention;
mod cache;
mod choice;
mod config;
mod count;
mod description;
mod device;
pub mod digits;
pub mod encoder;
mod error;
mod exponential;
mod feed;
mod file_error;
mod gate;
pub mod gguf;
mod linear;
mod llama;
mod memory;
mod norm;
mod opened;
mod profile;
mod rotary;
pub mod safetensors;
mod softmax;
pub mod store;
mod tensors;
mod tokenizer;
pub mod vision;
mod weights;

pub use choice::ModelChoice;
pub use config::Config;
pub use count::Counts;
pub use description::{Description, Provenance};
pub use device::Device;
pub use error::ModelError;
pub use file_error::FileError;
pub use opened::Opened;
pub use profile::{Pin, Profile, ProfileError, Shape, Source};
pub use store::{Store, StoreError};
pub use tensors::{Stored, Tensors};
pub use tokenizer::{SMOLLM2_SYSTEM, Tokenizer, TokenizerError};
pub use weights::{Precision, Quantisation};

use crate::interrupt::Interrupt;
use llama::Llama;
use std::sync::Arc;
use weights::Weights;

/// Tokens of a prompt that run at once: bounds the memory of a long prompt (llama.cpp's default is the same).
pub const BATCH: usize = 512;

/// An open model with its cache.
#[derive(Debug)]
pub struct Model {
    network: Llama,
    description: Description,
    tokenizer: Arc<Result<Tokenizer, TokenizerError>>,
}

impl Model {
    /// Opens a model quantised, with weights from the user's store.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn open(choice: &ModelChoice, device: &Device) -> Result<Self, ModelError> {
        Self::load(Opened::until(choice, &Interrupt::default())?, device, Precision::Quantised)
    }

    /// Opens a model with weights from one store.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn open_in(
        store: &Store,
        choice: &ModelChoice,
        device: &Device,
        precision: Precision,
    ) -> Result<Self, ModelError> {
        Self::load(Opened::in_store(store, choice, &Interrupt::default())?, device, precision)
    }

    /// A model of any shape with weights from a seed; `name` is only for its description.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn from_seed(
        name: &str,
        shape: Config,
        seed: u64,
        device: &Device,
        precision: Precision,
    ) -> Result<Self, ModelError> {
        Self::load(Opened::from_seed(name, shape, seed)?, device, precision)
    }

    /// Loads a model that is open.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn load(opened: Opened, device: &Device, precision: Precision) -> Result<Self, ModelError> {
        let Opened { name, provenance, shape, tokenizer, tensors, interrupt } = opened;
        if matches!(provenance, Provenance::Synthetic { .. }) && device.is_cpu() {
            memory::refuse_too_large(&name, &shape, precision)?;
        }
        let mut weights = Weights::new(tensors, precision, &device.candle, &interrupt);
        let network = Llama::load(shape, &mut weights, &device.candle)?;
        let counts = Counts { shape, weight_bytes: network.bytes_per_token() };
        let description = Description {
            name,
            provenance,
            shape,
            parameters: shape.parameters(),
            device: device.name().to_owned(),
            threads: device.threads(),
            precision,
            quantisation: weights.tally(),
            weight_bytes_per_token: counts.weight_bytes,
            flop_per_token: counts.decode_flop(0),
        };
        let mut model = Self { network, description, tokenizer: Arc::new(tokenizer) };
        // candle repacks a matrix when it first multiplies with it: that belongs to opening, not to the first prompt.
        model.prefill(&[0; 2][..2.min(shape.context)])?;
        model.reset();
        Ok(model)
    }

    /// The same weights, shared, at work a second time: with an empty cache of its own.
    ///
    /// # Errors
    /// candle has no memory for another cache.
    pub fn with_own_cache(&self) -> Result<Self, ModelError> {
        let (description, tokenizer) = (self.description.clone(), Arc::clone(&self.tokenizer));
        Ok(Self { network: self.network.with_own_cache()?, description, tokenizer })
    }

    /// What this model is, and how it was loaded.
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Its arithmetic and traffic.
    pub fn counts(&self) -> Counts {
        Counts { shape: self.description.shape, weight_bytes: self.description.weight_bytes_per_token }
    }

    /// Its tokenizer, or why it has none.
    ///
    /// # Errors
    /// The file has no vocabulary, or one that is not built here.
    pub fn tokenizer(&self) -> Result<&Tokenizer, &TokenizerError> {
        self.tokenizer.as_ref().as_ref()
    }

    /// Runs the tokens that come next, in pieces of [`BATCH`]; the logits of the last one, one for each token of the
    /// vocabulary.
    ///
    /// # Errors
    /// No tokens, an unknown token, or no room in the context: nothing has changed then.
    pub fn prefill(&mut self, tokens: &[u32]) -> Result<Vec<f32>, ModelError> {
        self.check(tokens)?;
        let (rest, last) = tokens.split_at((tokens.len() - 1) / BATCH * BATCH);
        for piece in rest.chunks(BATCH) {
            self.network.run(piece)?;
        }
        let rows = self.network.run(last)?.narrow(0, last.len() - 1, 1)?;
        Ok(self.network.logits(&rows)?.squeeze(0)?.to_vec1()?)
    }

    /// As [`Model::prefill`], with the logits after every token.
    ///
    /// # Errors
    /// As [`Model::prefill`].
    pub fn prefill_all(&mut self, tokens: &[u32]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.check(tokens)?;
        let mut all = Vec::with_capacity(tokens.len());
        for piece in tokens.chunks(BATCH) {
            let rows = self.network.run(piece)?;
            all.extend(self.network.logits(&rows)?.to_vec2()?);
        }
        Ok(all)
    }

    /// Runs one token; the logits of the one after it.
    ///
    /// # Errors
    /// As [`Model::prefill`].
    pub fn decode(&mut self, token: u32) -> Result<Vec<f32>, ModelError> {
        self.prefill(&[token])
    }

    /// Tokens run since the start or the last [`Model::reset`].
    pub fn position(&self) -> usize {
        self.network.position()
    }

    /// Forgets every position from this one on; costs nothing.
    pub fn truncate(&mut self, position: usize) {
        self.network.truncate(position);
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.truncate(0);
    }

    /// Makes room for this many positions now, so that the cache does not grow during a measurement.
    ///
    /// # Errors
    /// More positions than the context has.
    pub fn reserve(&mut self, positions: usize) -> Result<(), ModelError> {
        self.check_room(positions)?;
        Ok(self.network.reserve(positions)?)
    }

    fn check(&self, tokens: &[u32]) -> Result<(), ModelError> {
        check_tokens(tokens, self.description.shape.vocabulary)?;
        self.check_room(self.position() + tokens.len())
    }

    fn check_room(&self, wanted: usize) -> Result<(), ModelError> {
        let context = self.description.shape.context;
        if wanted > context { Err(ModelError::ContextFull { wanted, context }) } else { Ok(()) }
    }
}

/// Refuses no tokens, and those that a vocabulary of this size does not have.
///
/// # Errors
/// [`ModelError::NoTokens`], [`ModelError::UnknownToken`].
pub fn check_tokens(tokens: &[u32], vocabulary: usize) -> Result<(), ModelError> {
    match tokens.iter().copied().find(|token| *token as usize >= vocabulary) {
        _ if tokens.is_empty() => Err(ModelError::NoTokens),
        Some(token) => Err(ModelError::UnknownToken { token, vocabulary }),
        None => Ok(()),
    }
}

/// The token with the largest logit; the first of equals, and 0 where all are NaN.
pub fn greedy(logits: &[f32]) -> u32 {
    let best = (0_u32..).zip(logits).fold(
        (0, f32::NEG_INFINITY),
        |best, (token, logit)| {
            if *logit > best.1 { (token, *logit) } else { best }
        },
    );
    best.0
}
