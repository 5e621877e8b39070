//! Reading a journal back, whole or torn.

use super::{Entry, Event, SCHEMA_VERSION};
use serde::Deserialize;
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
    /// Another format.
    #[error(
        "journal {path}: it has schema version {found}, and this program reads version {SCHEMA_VERSION}; read it with the \
         program that wrote it"
    )]
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
    check_version(path, lines.first().copied().unwrap_or_default())?;
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
    match entries.first().map(|entry: &Entry| &entry.event) {
        Some(Event::Opened { .. }) => Ok(entries),
        _ => Err(JournalError::NotOpened { path: path.into() }),
    }
}

/// Refuses another major version by its first line, before an entry of it is taken for one of this version.
fn check_version(path: &Path, line: &str) -> Result<(), JournalError> {
    #[derive(Deserialize)]
    struct Versioned {
        schema_version: String,
    }
    let Ok(Versioned { schema_version: found }) = serde_json::from_str(line) else { return Ok(()) };
    let major = |version: &str| version.split('.').next().and_then(|part| part.parse::<u32>().ok());
    match major(&found) == major(SCHEMA_VERSION) {
        true => Ok(()),
        false => Err(JournalError::Version { path: path.into(), found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = folder.path().join(super::super::FILE_NAME);
        std::fs::write(&path, text).expect("files can be written");
        (folder, path)
    }

    #[test]
    fn another_version_is_refused_by_name_with_what_to_do() {
        for found in ["1.4.0", "2.0.0", "4.0.0", "new"] {
            // Nothing behind the version is looked at, so that old entries are no errors of their own.
            let line = format!(r#"{{"sequence":0,"t_s":0.0,"event":"opened","schema_version":"{found}","plan":{{}}}}"#);
            let (_folder, path) = journal(&format!("{line}\n{{\"event\":\"witnessed\"}}\n"));
            let error = read(&path).expect_err("another version").to_string();
            for part in [found, SCHEMA_VERSION, "journal.jsonl", "the program that wrote it"] {
                assert!(error.contains(part), "`{error}` names {part}");
            }
        }
    }

    #[test]
    fn what_is_no_journal_is_refused_by_its_first_line() {
        let (_folder, path) = journal("{\"a\":1}\n");
        assert!(matches!(read(&path), Err(JournalError::Line { line: 1, .. })), "no entry");
        let (_folder, path) = journal("");
        assert!(matches!(read(&path), Err(JournalError::NotOpened { .. })), "nothing at all");
    }
}
