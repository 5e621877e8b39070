//! Why a safetensors file was refused: the file, the place in it, what stands there and what may stand there.

use std::path::PathBuf;

/// Why a safetensors file was refused.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsError {
    /// The file could not be opened or read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{}: not a safetensors model file: {found}", path.display())]
    NotSafetensors {
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
    /// A value is outside its range.
    #[error("{}: {place}: {found}; allowed: {allowed}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The tensor or the position.
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
    /// The file is something else.
    NotSafetensors(String),
    /// The file ends too early.
    Truncated { place: String, needed: u64, left: u64 },
    /// A value is outside its range.
    Refused { place: String, found: String, allowed: String },
}

impl Fault {
    pub(super) fn refused(place: impl Into<String>, found: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self::Refused { place: place.into(), found: found.into(), allowed: allowed.into() }
    }

    pub(super) fn at(self, path: &std::path::Path) -> SafetensorsError {
        let path = path.to_owned();
        match self {
            Self::NotSafetensors(found) => SafetensorsError::NotSafetensors { path, found },
            Self::Truncated { place, needed, left } => SafetensorsError::Truncated { path, place, needed, left },
            Self::Refused { place, found, allowed } => SafetensorsError::Refused { path, place, found, allowed },
        }
    }
}
