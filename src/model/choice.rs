//! Which model: as it is written on a command line.

use super::{Profile, ProfileError};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A model to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// `smollm2-135m`: a profile, with its real weights from the store.
    Registered(String),
    /// `./some/model.gguf`: any file of the architecture.
    File(PathBuf),
    /// `synthetic:smollm2-135m` or `synthetic:smollm2-135m:7`: the shape of a profile with weights from a seed.
    Synthetic {
        /// The profile.
        name: String,
        /// The seed, 0 where none is given.
        seed: u64,
    },
}

impl FromStr for ModelChoice {
    type Err = ProfileError;

    /// A text with a folder in it or with the ending of a model file is a file; anything else must name a profile.
    fn from_str(text: &str) -> Result<Self, ProfileError> {
        if let Some(rest) = text.strip_prefix("synthetic:") {
            let (name, seed) = rest.split_once(':').unwrap_or((rest, "0"));
            let seed = seed.parse().map_err(|_| ProfileError::Range {
                file: "model choice".to_owned(),
                key: text.to_owned(),
                found: format!("{seed:?}"),
                allowed: "synthetic:NAME or synthetic:NAME:SEED with a whole number below 2^64".to_owned(),
            })?;
            return Ok(Self::Synthetic { name: Profile::named(name)?.name, seed });
        }
        let is_path = text.contains(['/', '\\'])
            || [".gguf", ".safetensors"].iter().any(|ending| text.to_ascii_lowercase().ends_with(ending));
        Ok(if is_path { Self::File(text.into()) } else { Self::Registered(Profile::named(text)?.name) })
    }
}

impl fmt::Display for ModelChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Synthetic { name, seed } => write!(f, "synthetic:{name}:{seed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_back_as_it_is_shown() {
        for text in ["smollm2-135m", "synthetic:smollm2-135m:7", "./a/model.gguf", "MODEL.GGUF"] {
            let choice: ModelChoice = text.parse().expect("a valid choice");
            assert_eq!(choice.to_string(), text, "shown as it was written");
        }
        let choice: ModelChoice = "synthetic:smollm2-135m".parse().expect("a valid choice");
        assert_eq!(choice.to_string(), "synthetic:smollm2-135m:0", "the seed is 0 where none is given");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        for text in ["smollm3", "synthetic:smollm3", "", "synthetic:smollm2-135m:x", "synthetic:smollm2-135m:-1"] {
            let message = text.parse::<ModelChoice>().expect_err("no such model").to_string();
            assert!(message.contains("smollm2-135m"), "{text:?} gives {message:?}");
        }
    }
}
