//! Why a model file was refused: the file, the place in it, what stands there and what may stand there.

use std::path::PathBuf;

/// Why a model file was refused.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The file could not be opened or read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{}: not a GGUF model file: {found}", path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// It ends before what it announces.
    #[error("{}: cut short: {place} needs {needed} bytes, and {left} are left; fetch the file again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What was to be read.
        place: String,
        /// Its bytes.
        needed: u64,
        /// The bytes that are there.
        left: u64,
    },
    /// A key that the model needs is absent.
    #[error("{}: the key `{key}` is missing; needed: {allowed}", path.display())]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it must hold.
        allowed: String,
    },
    /// A value is outside its range.
    #[error("{}: {place}: {found}; allowed: {allowed}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The key, the tensor or the position.
        place: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: String,
    },
}
