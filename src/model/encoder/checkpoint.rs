//! A checkpoint: everything that an encoder is made of, before it is put on a device.

use super::shape::Shape;
use super::tokenizer::{TOKENIZER_BYTES_MAX, Tokenizer};
use super::weights::Weights;
use crate::interrupt::Interrupt;
use crate::model::opened::provenance;
use crate::model::safetensors::Header;
use crate::model::{ModelChoice, ModelError, Pin, Profile, ProfileError, Provenance, Store, TokenizerError};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// Shape, weights and tokenizer of an encoder.
#[derive(Debug)]
pub struct Checkpoint {
    /// The profile, or the file.
    pub name: String,
    /// Real or synthetic.
    pub provenance: Provenance,
    /// The shape.
    pub shape: Shape,
    /// The weights.
    pub weights: Weights,
    /// The tokenizer, or why there is none.
    pub tokenizer: Result<Tokenizer, TokenizerError>,
}

impl Checkpoint {
    /// Reads a checkpoint, with weights from the user's store.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn open(choice: &ModelChoice) -> Result<Self, ModelError> {
        let store = match choice {
            ModelChoice::Registered(_) => Store::of_user()?,
            // Nothing is looked up there.
            ModelChoice::File(_) | ModelChoice::Synthetic { .. } => Store::at(PathBuf::new()),
        };
        Self::open_in(&store, choice)
    }

    /// Reads a checkpoint, with weights from one store. A bare file is refused: it does not say how many heads it has.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn open_in(store: &Store, choice: &ModelChoice) -> Result<Self, ModelError> {
        match choice {
            ModelChoice::Registered(name) => {
                let profile = Profile::named(name)?;
                let shape = profile.bert()?;
                let paths = store.find_all(&profile)?;
                let mut files = paths.iter().zip(&profile.files);
                let (Some((weights, weights_pin)), Some((tokenizer, tokenizer_pin))) = (files.next(), files.next())
                else {
                    let found = format!("{} files", profile.files.len());
                    return Err(profile.refused("file", found, "2, weights and tokenizer").into());
                };
                let tokenizer = read_tokenizer(tokenizer, tokenizer_pin, &shape)?;
                Ok(Self { tokenizer, ..Self::from_file(name, weights, Some(weights_pin), shape)? })
            }
            ModelChoice::Synthetic { name, seed } => Self::from_seed(name, Profile::named(name)?.bert()?, *seed),
            ModelChoice::File(path) => Err(ProfileError::Range {
                file: "model choice".to_owned(),
                key: path.display().to_string(),
                found: "a file, which does not say how many heads its network has".to_owned(),
                allowed: "the name of an encoder's profile, or synthetic:NAME".to_owned(),
            }
            .into()),
        }
    }
    /// Weights of a known shape out of one file, without a tokenizer; `name` is only for messages. The file is held
    /// against `pin` where one is given.
    ///
    /// # Errors
    /// See [`ModelError`].
    pub fn from_file(name: &str, path: &Path, pin: Option<&Pin>, shape: Shape) -> Result<Self, ModelError> {
        ProfileError::check(name, shape.fault())?;
        let (header, mut file) = Header::open(path)?;
        let provenance = provenance(path, &mut file, pin, &Interrupt::default())?;
        let weights = Weights::read(&shape, &header, &mut file)?;
        let tokenizer = Err(TokenizerError::NoVocabulary);
        Ok(Self { name: name.to_owned(), provenance, shape, weights, tokenizer })
    }

    /// Weights of any shape from a seed; `name` is only for the description.
    ///
    /// # Errors
    /// The shape makes no sense.
    pub fn from_seed(name: &str, shape: Shape, seed: u64) -> Result<Self, ModelError> {
        ProfileError::check(name, shape.fault())?;
        let (provenance, weights) = (Provenance::Synthetic { seed }, Weights::seeded(&shape, seed)?);
        let tokenizer = Err(TokenizerError::NoVocabulary);
        Ok(Self { name: name.to_owned(), provenance, shape, weights, tokenizer })
    }
}

/// The tokenizer of a pinned file; a hash that is not the pinned one is an error, a vocabulary that is not built a
/// checkpoint without a tokenizer.
fn read_tokenizer(path: &Path, pin: &Pin, shape: &Shape) -> Result<Result<Tokenizer, TokenizerError>, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    provenance(path, &mut file, Some(pin), &Interrupt::default())?;
    let mut json = Vec::new();
    file.rewind().map_err(unreadable)?;
    file.take(TOKENIZER_BYTES_MAX).read_to_end(&mut json).map_err(unreadable)?;
    Ok(Tokenizer::of(&json, shape.vocabulary, shape.length))
}
