//! Sentence encoders: text to an embedding of length 1, so that what means the same lies near.
//!
//! A [`Checkpoint`] is read, checked and hashed, or drawn from a seed; an [`Encoder`] runs it on candle in f32, which
//! is also the reference for the same network on the kernels of this program.
//!
//! | file | holds |
//! |---|---|
//! | `shape` `weights` `checkpoint` | from the files of a profile to plain f32 |
//! | `tokenizer` | text to tokens |
//! | `network` | the network on candle, of `layers` |
//! | `count` | FLOP and bytes |

mod checkpoint;
mod count;
pub(super) mod layers;
mod network;
mod shape;
mod tokenizer;
pub(super) mod weights;

pub use checkpoint::Checkpoint;
pub use count::Counts;
pub use shape::Shape;
pub use tokenizer::Tokenizer;
pub use weights::{Layer, Linear, Norm, Weights};

use super::{Device, ModelChoice, ModelError, Provenance, TokenizerError};
use network::{Bert, Pass};
use serde::{Deserialize, Serialize};

/// The name of this architecture in profiles.
pub(super) const ARCHITECTURE: &str = "bert";

/// Sentences that run at once on candle: bounds the memory of a long list.
pub const BATCH: usize = 32;

/// What an encoder is, and how it was loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The profile, or the file.
    pub name: String,
    /// Real or synthetic.
    pub provenance: Provenance,
    /// The shape.
    pub shape: Shape,
    /// Weights, tables included.
    pub parameters: u64,
    /// `cpu`, `cuda:0`, `metal:0`.
    pub device: String,
    /// Threads on a CPU.
    pub threads: Option<usize>,
}

/// An encoder on candle.
#[derive(Debug)]
pub struct Encoder {
    network: Bert,
    description: Description,
    tokenizer: Result<Tokenizer, TokenizerError>,
}

impl Encoder {
    /// Opens an encoder, with weights from the user's store.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn open(choice: &ModelChoice, device: &Device) -> Result<Self, ModelError> {
        Self::new(Checkpoint::open(choice)?, device)
    }

    /// Puts a checkpoint on a device.
    ///
    /// # Errors
    /// candle has no room for it.
    pub fn new(checkpoint: Checkpoint, device: &Device) -> Result<Self, ModelError> {
        let Checkpoint { name, provenance, shape, weights, tokenizer } = checkpoint;
        let description = Description {
            name,
            provenance,
            shape,
            parameters: shape.parameters(),
            device: device.name().to_owned(),
            threads: device.threads(),
        };
        Ok(Self { network: Bert::new(shape, weights, &device.candle)?, description, tokenizer })
    }

    /// What this encoder is, and how it was loaded.
    pub fn describe(&self) -> &Description {
        &self.description
    }

    /// Its arithmetic and traffic.
    pub fn counts(&self) -> Counts {
        Counts { shape: self.description.shape }
    }

    /// Its tokenizer, or why it has none.
    ///
    /// # Errors
    /// Seeded weights have no vocabulary; or it is one that is not built here.
    pub fn tokenizer(&self) -> Result<&Tokenizer, &TokenizerError> {
        self.tokenizer.as_ref()
    }

    /// The embedding of each sentence, of [`Shape::hidden`] words and length 1. Sentences may differ in length; what
    /// stands beside a sentence does not change its embedding.
    ///
    /// # Errors
    /// A sentence without tokens, with an unknown one, or with more than the model has positions.
    pub fn embed(&self, sentences: &[Vec<u32>]) -> Result<Vec<Vec<f32>>, ModelError> {
        check_sentences(sentences, &self.description.shape, self.description.shape.positions)?;
        let mut embeddings = Vec::with_capacity(sentences.len());
        for some in sentences.chunks(BATCH) {
            let length = some.iter().map(Vec::len).max().unwrap_or(0);
            let padding = |tokens: &[u32]| std::iter::repeat_n(0, length - tokens.len());
            let tokens = some.iter().flat_map(|tokens| tokens.iter().copied().chain(padding(tokens)));
            let mask = some.iter().flat_map(|tokens| (0..length).map(|at| f32::from(u8::from(at < tokens.len()))));
            let pass = Pass { tokens: tokens.collect(), mask: mask.collect(), sizes: [some.len(), length] };
            embeddings.extend(self.network.forward(pass)?.to_vec2()?);
        }
        Ok(embeddings)
    }
}

/// Refuses what is no list of sentences for a network of this shape that has room for so many tokens in each.
///
/// # Errors
/// A sentence without tokens, with an unknown one, or with too many.
pub fn check_sentences(sentences: &[Vec<u32>], shape: &Shape, room: usize) -> Result<(), ModelError> {
    let vocabulary = shape.vocabulary;
    for tokens in sentences {
        if tokens.is_empty() {
            return Err(ModelError::NoTokens);
        }
        if tokens.len() > room {
            return Err(ModelError::ContextFull { wanted: tokens.len(), context: room });
        }
        if let Some(token) = tokens.iter().copied().find(|token| *token as usize >= vocabulary) {
            return Err(ModelError::UnknownToken { token, vocabulary });
        }
    }
    Ok(())
}
