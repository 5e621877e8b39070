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

use super::{Device, ModelChoice, ModelError, Provenance, TokenizerError, check_tokens};
use network::{Bert, Pass};

/// The name of this architecture in profiles.
pub(super) const ARCHITECTURE: &str = "bert";

/// Sentences that run at once on candle: bounds the memory of a long list.
pub const BATCH: usize = 32;

/// An encoder on candle.
#[derive(Debug)]
pub struct Encoder {
    network: Bert,
    /// The shape.
    pub shape: Shape,
    /// Real or synthetic.
    pub provenance: Provenance,
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
        let Checkpoint { provenance, shape, weights, tokenizer, .. } = checkpoint;
        Ok(Self { network: Bert::new(shape, weights, &device.candle)?, shape, provenance, tokenizer })
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
        check_sentences(sentences, &self.shape, self.shape.positions)?;
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
    sentences.iter().try_for_each(|tokens| match tokens.len() > room {
        true => Err(ModelError::ContextFull { wanted: tokens.len(), context: room }),
        false => check_tokens(tokens, shape.vocabulary),
    })
}
