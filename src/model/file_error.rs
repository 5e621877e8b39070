//! Why a model file was refused: the file, the place in it, what stands there and what may stand there.

use std::fs::File;
use std::path::{Path, PathBuf};

/// Why a model file was refused.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file could not be opened or read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{}: not a {format} model file: {found}", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The format that it should have: GGUF or safetensors.
        format: &'static str,
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

/// What went wrong, before it is known in which file.
#[derive(Debug)]
pub(super) enum Fault {
    /// The header goes on past the bytes read so far.
    Window,
    /// The file is something else: what.
    OtherFormat(String),
    /// The file ends too early.
    Truncated { place: String, needed: u64, left: u64 },
    /// A value is outside its range.
    Refused { place: String, found: String, allowed: String },
}

impl Fault {
    pub(super) fn refused(place: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::Refused { place: place.into(), found: found.into(), allowed: allowed.into() }
    }

    /// In the file at `path`, which should be of `format` with a header of up to `header_bytes`.
    pub(super) fn at(self, path: &Path, format: &'static str, header_bytes: u64) -> FileError {
        let path = path.to_owned();
        match self {
            Self::Window => FileError::Refused {
                path,
                place: "header".to_owned(),
                found: format!("more than {header_bytes} bytes before the first tensor"),
                allowed: format!("up to {header_bytes} bytes"),
            },
            Self::OtherFormat(found) => FileError::OtherFormat { path, format, found },
            Self::Truncated { place, needed, left } => FileError::Truncated { path, place, needed, left },
            Self::Refused { place, found, allowed } => FileError::Refused { path, place, found, allowed },
        }
    }
}

/// Opens what must be a regular file.
pub(super) fn open(path: &Path, format: &'static str) -> Result<File, FileError> {
    let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() {
        let found = if found.is_dir() { "it is a directory" } else { "it is not a regular file" };
        return Err(FileError::OtherFormat { path: path.to_owned(), format, found: found.to_owned() });
    }
    Ok(file)
}
