//! Why a model could not be opened or run.

use super::file_error::FileError;
use super::profile::ProfileError;
use super::store::StoreError;
use crate::interrupt::Interrupted;
use std::path::PathBuf;

/// Why a model could not be opened or run.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file is no model, or not one that runs here.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such profile, or it is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The weights are not in the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be read to its end.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has another shape than its profile.
    #[error("{}: its shape is not that of the profile `{name}`: {found}; allowed: {allowed}", path.display())]
    OtherShape {
        /// The file.
        path: PathBuf,
        /// The profile.
        name: String,
        /// The shape of the file.
        found: String,
        /// The shape of the profile.
        allowed: String,
    },
    /// The weights do not fit into main memory. None was drawn.
    #[error("{name} needs {needed} bytes of main memory for its weights alone, but only {free} are free")]
    TooLarge {
        /// The model.
        name: String,
        /// Bytes of its weights.
        needed: u64,
        /// Bytes that can be had now.
        free: u64,
    },
    /// The user wished to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A prompt without tokens.
    #[error("a prompt of no tokens; allowed: 1 and more")]
    NoTokens,
    /// A token that the model does not have.
    #[error("token {token}; allowed: 0 to {}", vocabulary - 1)]
    UnknownToken {
        /// The token.
        token: u32,
        /// Tokens that there are.
        vocabulary: usize,
    },
    /// The context is full.
    #[error("{wanted} positions; allowed: up to {context}, the context of this model")]
    ContextFull {
        /// Positions after this call.
        wanted: usize,
        /// Positions that there are.
        context: usize,
    },
    /// Pixels that are no whole images.
    #[error("{found} pixels; allowed: whole images of {image}, 1 and more")]
    Pixels {
        /// Words that were given.
        found: usize,
        /// Words of an image.
        image: usize,
    },
    /// The classifier of digits was given something that it cannot use.
    #[error("digits: {what}: {reason}")]
    Digits {
        /// Which of its parts.
        what: String,
        /// What is wrong with it, and what is allowed.
        reason: String,
    },
    /// candle refused or failed.
    #[error("candle: {0}")]
    Engine(#[from] candle_core::Error),
}
