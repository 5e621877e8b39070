//! Why a model file cannot be had, and what to do about it.

use super::Pin;
use crate::interrupt::Interrupted;
use std::path::{Path, PathBuf};

/// Why a model file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No variable says where to keep files.
    #[error("no folder for model files: set DAWNDUSK_MODELS to one, or HOME")]
    NoFolder,
    /// It is not there.
    #[error("model `{name}`: {} is missing; get it with `dawndusk models pull {name}`", path.display())]
    Missing {
        /// The profile.
        name: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// The user wished to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// There are no weights to have.
    #[error("model `{name}` is a published shape without weights; it runs with seeded ones as `synthetic:{name}`")]
    ShapeOnly {
        /// The profile.
        name: String,
    },
    /// It is another file than the profile pins.
    #[error("{}: not the file that the profile pins: {found}; allowed: {allowed}; fetch it again", path.display())]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Its size or hash.
        found: String,
        /// The size or hash of the profile.
        allowed: String,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No source gave it.
    #[error(
        "model `{name}` could not be fetched:{}\nor get {wanted} by other means and run \
             `dawndusk models pull {name} --from FILE`",
        lines(reasons)
    )]
    NotFetched {
        /// The profile.
        name: String,
        /// The files that are wanted, with their hashes.
        wanted: String,
        /// One for each source that was tried.
        reasons: Vec<String>,
    },
}

fn lines(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  {reason}")).collect()
}

impl StoreError {
    /// A file whose hash is not the pinned one.
    pub(in crate::model) fn other_file(path: &Path, sha256: &str, pin: &Pin) -> Self {
        let (found, allowed) = (format!("SHA-256 {sha256}"), format!("SHA-256 {}", pin.sha256));
        Self::OtherFile { path: path.to_owned(), found, allowed }
    }

    pub(super) fn system(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System { path, source }
    }
}
