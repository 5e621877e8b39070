//! What can be wrong with a profile. Every message is one line: the file or the `--set`, the key, what is allowed.

use std::fmt::Display;

/// A profile that cannot be flown.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ProfileError {
    /// The file, and the `--set` where one is meant.
    place: String,
    /// The key, what stands there, what may stand there.
    problem: String,
}

impl ProfileError {
    pub(super) fn new(place: impl Into<String>, problem: impl Into<String>) -> ProfileError {
        ProfileError { place: place.into(), problem: problem.into() }
    }

    /// A value of the wrong type, out of range, or at odds with another.
    pub(super) fn refused(place: impl Into<String>, key: &str, found: impl Display, allowed: &str) -> ProfileError {
        ProfileError::new(place, format!("{key} is {found}; allowed: {allowed}"))
    }

    /// A key that is needed.
    pub(super) fn missing(place: impl Into<String>, key: &str, allowed: &str) -> ProfileError {
        ProfileError::new(place, format!("{key} is missing; allowed: {allowed}"))
    }
}

/// `text` on one line of bounded length, fit for a message.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let flat = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = flat.clone().take(LONGEST).collect();
    if flat.count() > LONGEST {
        line.push_str("...");
    }
    line
}
