//! What can be wrong with a profile. Every message is one line: the file or the `--set`, the key, what is allowed.

use std::io;

/// A profile that cannot be flown.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Neither a shipped name nor a file.
    #[error("{name}: no such {kind} profile; shipped: {shipped}; or give the path of a TOML file")]
    NotFound {
        /// What was asked for.
        name: String,
        /// `satellite` or `machine`.
        kind: &'static str,
        /// The shipped names.
        shipped: String,
    },
    /// A directory, a device or a pipe.
    #[error("{file}: is {found}, not a file; expected a {kind} profile in TOML")]
    NotAFile {
        /// The path.
        file: String,
        /// What stands there.
        found: &'static str,
        /// `satellite` or `machine`.
        kind: &'static str,
    },
    /// The system refused to read it.
    #[error("{file}: cannot be read: {cause}")]
    Unreadable {
        /// The path.
        file: String,
        /// Why.
        cause: io::Error,
    },
    /// Bigger than any profile can be.
    #[error("{file}: is larger than {limit} bytes; allowed: up to that")]
    TooLarge {
        /// The path.
        file: String,
        /// Most bytes.
        limit: u64,
    },
    /// Not text.
    #[error("{file}: is not UTF-8 (at byte {at}); expected TOML text")]
    NotUtf8 {
        /// The path.
        file: String,
        /// First byte that is wrong.
        at: usize,
    },
    /// Nothing in it.
    #[error("{file}: is empty; expected a {kind} profile with the keys {needed}")]
    Empty {
        /// The path.
        file: String,
        /// `satellite` or `machine`.
        kind: &'static str,
        /// Sections or keys that it needs.
        needed: String,
    },
    /// Not TOML.
    #[error("{file}: line {line}: is not TOML: {problem}")]
    Syntax {
        /// The path.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
    /// A key that no profile has.
    #[error("{place}: unknown key {key}; {hint}")]
    UnknownKey {
        /// File or `--set`.
        place: String,
        /// The key.
        key: String,
        /// The nearest key and the known ones.
        hint: String,
    },
    /// A key that is needed.
    #[error("{place}: {key} is missing; allowed: {allowed}")]
    MissingKey {
        /// The file.
        place: String,
        /// The key.
        key: String,
        /// What it may be.
        allowed: String,
    },
    /// A value of the wrong type or out of range.
    #[error("{place}: {key} is {found}; allowed: {allowed}")]
    Refused {
        /// File or `--set`.
        place: String,
        /// The key.
        key: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: String,
    },
    /// Two keys that exclude each other.
    #[error("{place}: {problem}")]
    Conflict {
        /// File or `--set`.
        place: String,
        /// Which keys, and how to mend it.
        problem: String,
    },
    /// An override that is not one.
    #[error("--set {text}: expected KEY.PATH=VALUE, such as orbit.altitude_km=700 or orbit.ltan=18:00")]
    BadOverride {
        /// What was given.
        text: String,
    },
}

impl ProfileError {
    /// Whether the caller asked for something that cannot be (exit code 2), rather than the system failing (exit code 1).
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Unreadable { cause, .. } => {
                matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
            }
            _ => true,
        }
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
