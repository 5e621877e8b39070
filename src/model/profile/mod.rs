//! The model profile: what a model is, which files it is made of and where they come from.
//!
//! The profiles in `profiles/models/` are part of the program. A profile pins each file by size and SHA-256; whatever
//! source it came from, a file with another hash is not this model.

mod source;

use super::config::{ARCHITECTURE, Config, Fault, first_fault};
use super::{encoder, vision};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
pub use source::Source;
use source::one_or_many;

/// The profiles that come with the program: name and text.
const BUILT_IN: [(&str, &str); 5] = [
    ("smollm2-135m", include_str!("../../../profiles/models/smollm2-135m.toml")),
    ("all-minilm-l6-v2", include_str!("../../../profiles/models/all-minilm-l6-v2.toml")),
    ("grok-1", include_str!("../../../profiles/models/grok-1.toml")),
    ("llama-3-8b", include_str!("../../../profiles/models/llama-3-8b.toml")),
    ("vit-b-16", include_str!("../../../profiles/models/vit-b-16.toml")),
];

/// Longest profile, bytes.
const PROFILE_BYTES_MAX: usize = 1 << 20;

/// A model, as its profile describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Short, and unique among the profiles.
    pub name: String,
    /// The name that its makers use.
    pub title: String,
    /// SPDX identifier.
    pub licence: String,
    /// The architecture and the shape of the network.
    pub shape: Shape,
    /// Its files, the weights first; none for a shape that is published and runs with seeded weights only.
    pub files: Vec<Pin>,
    /// Where these files can be had, in the order in which they are tried.
    pub sources: Vec<Source>,
}

/// `architecture` and `[shape]`: the kind of network, and its sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// `llama`: a language model of one GGUF file.
    Llama(Config),
    /// `bert`: a sentence encoder of a safetensors file and a `tokenizer.json`.
    Bert(encoder::Shape),
    /// `vit`: a vision transformer, a published shape.
    Vit(vision::Shape),
}

impl Shape {
    /// As a profile writes it.
    pub fn architecture(&self) -> &'static str {
        match self {
            Self::Llama(_) => ARCHITECTURE,
            Self::Bert(_) => encoder::ARCHITECTURE,
            Self::Vit(_) => vision::ARCHITECTURE,
        }
    }
}

/// A profile as it is written, with the keys of one architecture under `[shape]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<S> {
    name: String,
    title: String,
    licence: String,
    #[serde(rename = "architecture")]
    _architecture: String,
    shape: S,
    #[serde(rename = "file", default, deserialize_with = "one_or_many")]
    files: Vec<Pin>,
    #[serde(rename = "source", default)]
    sources: Vec<Source>,
}

/// The one key that says how the others are to be read.
#[derive(Deserialize)]
struct Head {
    architecture: String,
}

/// `[file]` or `[[file]]`: one file and no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its name in the store, without any folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Why a profile was refused.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No built-in profile has this name.
    #[error("no model is called `{name}`; known: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// It is not TOML, or a key is missing, unknown or of another type.
    #[error("{file}: {message}")]
    Syntax {
        /// The profile.
        file: String,
        /// What the reader says, with the line.
        message: String,
    },
    /// A value is outside its range.
    #[error("{file}: `{key}` = {found}; allowed: {allowed}")]
    Range {
        /// The profile.
        file: String,
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: String,
    },
}

impl ProfileError {
    /// An error where there is a fault.
    pub(super) fn check(file: &str, fault: Option<Fault>) -> Result<(), ProfileError> {
        match fault {
            None => Ok(()),
            Some((key, found, allowed)) => Err(ProfileError::Range { file: file.to_owned(), key, found, allowed }),
        }
    }
}

impl Profile {
    /// The names of all built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// True when a built-in profile pins a file of this SHA-256.
    pub(super) fn pinned(sha256: &str) -> bool {
        let profiles = Self::names().filter_map(|name| Self::named(name).ok());
        profiles.flat_map(|profile| profile.files).any(|pin| pin.sha256 == sha256)
    }

    /// A built-in profile.
    ///
    /// # Errors
    /// No profile has this name.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((name, text)) => Self::parse(&format!("profiles/models/{name}.toml"), text),
            None => {
                let known = Self::names().collect::<Vec<_>>().join(", ");
                Err(ProfileError::Unknown { name: name.to_owned(), known })
            }
        }
    }

    /// Reads and checks a profile; `file` is only for messages.
    ///
    /// # Errors
    /// Names the file, the key and the allowed range.
    pub fn parse(file: &str, text: &str) -> Result<Self, ProfileError> {
        if text.len() > PROFILE_BYTES_MAX {
            let message = format!("{} bytes; allowed: up to {PROFILE_BYTES_MAX}", text.len());
            return Err(ProfileError::Syntax { file: file.to_owned(), message });
        }
        let Head { architecture } = read(file, text)?;
        let profile = match architecture.as_str() {
            ARCHITECTURE => Self::of(read(file, text)?, Shape::Llama),
            encoder::ARCHITECTURE => Self::of(read(file, text)?, Shape::Bert),
            vision::ARCHITECTURE => Self::of(read(file, text)?, Shape::Vit),
            _ => {
                let (key, found) = ("architecture".to_owned(), format!("{architecture:?}"));
                let allowed =
                    format!("\"{ARCHITECTURE}\", \"{}\" or \"{}\"", encoder::ARCHITECTURE, vision::ARCHITECTURE);
                return Err(ProfileError::Range { file: file.to_owned(), key, found, allowed });
            }
        };
        ProfileError::check(file, profile.fault())?;
        Ok(profile)
    }

    fn of<S>(written: Written<S>, shape: impl Fn(S) -> Shape) -> Self {
        let Written { name, title, licence, files, sources, .. } = written;
        Self { name, title, licence, shape: shape(written.shape), files, sources }
    }

    /// The shape of a language model.
    ///
    /// # Errors
    /// The model is of another architecture.
    pub fn llama(&self) -> Result<Config, ProfileError> {
        match self.shape {
            Shape::Llama(shape) => Ok(shape),
            _ => Err(self.other_architecture(ARCHITECTURE)),
        }
    }

    /// The shape of a sentence encoder.
    ///
    /// # Errors
    /// The model is of another architecture.
    pub fn bert(&self) -> Result<encoder::Shape, ProfileError> {
        match self.shape {
            Shape::Bert(shape) => Ok(shape),
            _ => Err(self.other_architecture(encoder::ARCHITECTURE)),
        }
    }

    /// The shape of a vision transformer.
    ///
    /// # Errors
    /// The model is of another architecture.
    pub fn vit(&self) -> Result<vision::Shape, ProfileError> {
        match self.shape {
            Shape::Vit(shape) => Ok(shape),
            _ => Err(self.other_architecture(vision::ARCHITECTURE)),
        }
    }

    fn other_architecture(&self, wanted: &str) -> ProfileError {
        self.refused("architecture", format!("{:?}", self.shape.architecture()), &format!("{wanted:?} for this work"))
    }

    /// An error at one key of this profile.
    pub(super) fn refused(&self, key: &str, found: String, allowed: &str) -> ProfileError {
        let (file, key, allowed) = (format!("model `{}`", self.name), key.to_owned(), allowed.to_owned());
        ProfileError::Range { file, key, found, allowed }
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|pin| pin.bytes).sum()
    }

    /// The first value outside its range.
    fn fault(&self) -> Option<Fault> {
        let texts = [
            ("name", self.name.as_str(), "letters, digits, `-`, `_` and `.`", is_plain(&self.name)),
            ("title", &self.title, "1 to 200 characters", (1..=200).contains(&self.title.len())),
            ("licence", &self.licence, "1 to 200 characters", (1..=200).contains(&self.licence.len())),
        ];
        let shape = match &self.shape {
            Shape::Llama(shape) => shape.fault(),
            Shape::Bert(shape) => shape.fault(),
            Shape::Vit(shape) => shape.fault(),
        };
        shape
            .or_else(|| first_wrong(texts))
            .or_else(|| self.kinds_fault())
            .or_else(|| self.files.iter().find_map(Pin::fault))
            .or_else(|| self.sources.iter().find_map(|source| source.fault(self.files.len())))
    }

    /// As many files as the architecture has, in its order, by their endings, or none and no source either.
    fn kinds_fault(&self) -> Option<Fault> {
        if self.files.is_empty() && self.sources.is_empty() {
            return None;
        }
        let endings: &[&str] = match self.shape {
            Shape::Llama(_) => &[""],
            Shape::Bert(_) => &[".safetensors", ".json"],
            Shape::Vit(_) => &[],
        };
        let names: Vec<&str> = self.files.iter().map(|pin| pin.name.as_str()).collect();
        let right =
            names.len() == endings.len() && names.iter().zip(endings).all(|(name, ending)| name.ends_with(ending));
        let allowed = || match endings {
            [] => "no file: a published shape".to_owned(),
            [""] => "one file".to_owned(),
            _ => format!("files that end in {}, in this order", endings.join(", ")),
        };
        if right { None } else { Some(("file".to_owned(), format!("{names:?}"), allowed())) }
    }
}

impl Pin {
    fn fault(&self) -> Option<Fault> {
        let texts = [
            ("file.name", self.name.as_str(), "a file name without folders", is_plain(&self.name)),
            ("file.sha256", &self.sha256, "64 lower-case hexadecimal digits", is_hex(&self.sha256, 64)),
        ];
        first_fault(&[("file.bytes", self.bytes as usize, 1..=1 << 44)], &[], &[]).or_else(|| first_wrong(texts))
    }
}

/// The first of some checked texts that is wrong: key, what it is, what it may be, whether it is.
pub(super) fn first_wrong<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str, &'a str, bool)>) -> Option<Fault> {
    texts.into_iter().find_map(|(key, found, allowed, right)| match right {
        true => None,
        false => Some((key.to_owned(), format!("{found:?}"), allowed.to_owned())),
    })
}

fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ProfileError> {
    toml::from_str(text).map_err(|error| ProfileError::Syntax { file: file.to_owned(), message: error.to_string() })
}

/// One component of a path that is only a name, and never an option of a command.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=200).contains(&text.len()) && text.chars().all(plain) && !text.starts_with(['-', '.'])
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}
