//! Reading a journal back, whole or torn.

use super::{Entry, Event, SCHEMA_VERSION};
use std::path::{Path, PathBuf};

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened or read.
    #[error("journal {path}: {source}")]
    Io {
        /// Which journal.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line before the last is not an entry.
    #[error("journal {path}, line {line}: not a journal entry: {reason}")]
    Line {
        /// Which journal.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no complete line, or the first is no opening.
    #[error("journal {path}: it must begin with an `opened` entry; this is not a journal, or nothing was recorded")]
    NotOpened {
        /// Which journal.
        path: PathBuf,
    },
    /// A later format.
    #[error("journal {path}: schema version {found}; this program reads versions up to {SCHEMA_VERSION}")]
    Version {
        /// Which journal.
        path: PathBuf,
        /// What it says.
        found: String,
    },
}

/// All entries of the journal at `path`. A torn last line (the program was killed while writing) is dropped.
pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
    let bytes = std::fs::read(path).map_err(|source| JournalError::Io { path: path.into(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let mut entries = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) if entry.sequence == entries.len() as u64 => entries.push(entry),
            Ok(entry) => {
                let reason = format!("sequence {} where {} was due", entry.sequence, entries.len());
                return Err(JournalError::Line { path: path.into(), line: index + 1, reason });
            }
            Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => break,
            Err(error) => {
                return Err(JournalError::Line { path: path.into(), line: index + 1, reason: error.to_string() });
            }
        }
    }
    check_opening(path, &entries)?;
    Ok(entries)
}

fn check_opening(path: &Path, entries: &[Entry]) -> Result<(), JournalError> {
    let Some(Event::Opened { schema_version, .. }) = entries.first().map(|entry| &entry.event) else {
        return Err(JournalError::NotOpened { path: path.into() });
    };
    let major = |version: &str| version.split('.').next().and_then(|part| part.parse::<u32>().ok());
    match (major(schema_version), major(SCHEMA_VERSION)) {
        (Some(found), Some(known)) if found <= known => Ok(()),
        _ => Err(JournalError::Version { path: path.into(), found: schema_version.clone() }),
    }
}
