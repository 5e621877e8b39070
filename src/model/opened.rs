//! A model file, opened and checked, before anything is loaded from it: what every backend begins with.

use super::gguf::Header;
use super::store::{self, Store, StoreError};
use super::tensors::Tensors;
use super::{Config, ModelChoice, ModelError, Pin, Profile, ProfileError, Provenance, Tokenizer, TokenizerError};
use crate::interrupt::{Interrupt, Interrupted};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A model that can be loaded: its shape is known, its tensors can be read.
#[derive(Debug)]
pub struct Opened {
    /// The profile, or the file.
    pub name: String,
    /// Real or synthetic.
    pub provenance: Provenance,
    /// The shape.
    pub shape: Config,
    /// Its tokenizer, or why it has none.
    pub tokenizer: Result<Tokenizer, TokenizerError>,
    /// Its tensors, by name.
    pub tensors: Tensors,
    /// Whoever loads them stops between two once the user wishes to.
    pub interrupt: Interrupt,
}

impl Opened {
    /// Opens a model, with weights from the user's store, until the user wishes to stop: while its file is hashed, and
    /// later while it is loaded.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn until(choice: &ModelChoice, interrupt: &Interrupt) -> Result<Self, ModelError> {
        let store = match choice {
            ModelChoice::Registered(_) => Store::of_user()?,
            // Nothing is looked up there.
            ModelChoice::File(_) | ModelChoice::Synthetic { .. } => Store::at(PathBuf::new()),
        };
        Self::in_store(&store, choice, interrupt)
    }

    /// The same, with weights from one store.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn in_store(store: &Store, choice: &ModelChoice, interrupt: &Interrupt) -> Result<Self, ModelError> {
        match choice {
            ModelChoice::File(path) => Self::from_file(path, None, interrupt),
            ModelChoice::Registered(name) => {
                let profile = Profile::named(name)?;
                profile.llama()?;
                Self::from_file(&store.find(&profile)?, Some(&profile), interrupt)
            }
            ModelChoice::Synthetic { name, seed } => {
                let seeded = Self::from_seed(name, Profile::named(name)?.llama()?, *seed)?;
                Ok(Self { interrupt: interrupt.clone(), ..seeded })
            }
        }
    }

    /// A model of any shape with weights from a seed; `name` is only for its description.
    ///
    /// # Errors
    /// A size outside its range.
    pub fn from_seed(name: &str, shape: Config, seed: u64) -> Result<Self, ModelError> {
        ProfileError::check(name, shape.fault())?;
        Ok(Self {
            name: name.to_owned(),
            provenance: Provenance::Synthetic { seed },
            shape,
            tokenizer: Err(TokenizerError::NoVocabulary),
            tensors: Tensors::Seed(seed),
            interrupt: Interrupt::default(),
        })
    }

    fn from_file(path: &Path, profile: Option<&Profile>, interrupt: &Interrupt) -> Result<Self, ModelError> {
        let (header, mut file) = Header::open(path)?;
        let shape = Config::of(&header)?;
        if let Some(profile) = profile {
            let pinned = profile.llama()?;
            if !pinned.agrees_with(&shape) {
                let (found, allowed, name) = (format!("{shape:?}"), format!("{pinned:?}"), profile.name.clone());
                return Err(ModelError::OtherShape { path: path.to_owned(), name, found, allowed });
            }
        }
        let provenance = provenance(path, &mut file, profile.and_then(|profile| profile.files.first()), interrupt)?;
        let file_name = || path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Ok(Self {
            name: profile.map_or_else(file_name, |profile| profile.name.clone()),
            provenance,
            shape,
            tokenizer: Tokenizer::of(&header),
            tensors: Tensors::File { header: Box::new(header), file },
            interrupt: interrupt.clone(),
        })
    }
}

/// Hashes the very file that is read from here on, and holds the hash against the one that a profile pins.
pub(super) fn provenance(
    path: &Path,
    file: &mut File,
    pin: Option<&Pin>,
    until: &Interrupt,
) -> Result<Provenance, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: path.to_owned(), source };
    let sha256 = store::sha256(file, until).map_err(unreadable)?.ok_or(Interrupted)?;
    if let Some(pin) = pin.filter(|pin| pin.sha256 != sha256) {
        return Err(StoreError::other_file(path, &sha256, pin).into());
    }
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let pinned = pin.is_some() || Profile::pinned(&sha256);
    Ok(Provenance::Real { file: name, sha256, pinned })
}
