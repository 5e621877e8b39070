//! A result directory: made before anything is measured, filled from the journal, sealed with SHA-256.

use super::atomic_commit::{self, FileError, Named, SUMS, commit, hash};
use super::compare::{differences, figures};
use super::page::page;
use super::record::Record;
use super::result::FlightResult;
use super::summary::summary;
use super::timeline::timeline;
use crate::journal::{self, Entry, JournalError, SCHEMA_VERSION};
use std::fs;
use std::path::{Path, PathBuf};

/// The pages computed from the journal, in the order in which they are written.
const PAGES: [&str; 5] = [RESULT, "conditions.json", "timeline.csv", "summary.txt", PAGE];

/// The page that holds every figure.
const RESULT: &str = "result.json";

/// The page for people, with curves.
const PAGE: &str = "report.html";

/// Why a result directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The system refuses.
    #[error("result directory {path}: {source}")]
    Io {
        /// What could not be written or read.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The journal inside cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A result directory.
#[derive(Clone, Debug)]
pub struct ResultDirectory {
    path: PathBuf,
}

impl ResultDirectory {
    /// Makes a new directory `stem` under `parent`, or `stem-2`, `stem-3`, ... where it exists, and shows that it can
    /// be written.
    pub fn create(parent: &Path, stem: &str) -> Result<ResultDirectory, DirectoryError> {
        fs::create_dir_all(parent).map_err(|source| DirectoryError::Io { path: parent.into(), source })?;
        for attempt in 1..1000 {
            let name = if attempt == 1 { stem.to_owned() } else { format!("{stem}-{attempt}") };
            let path = parent.join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(ResultDirectory { path }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(DirectoryError::Io { path, source }),
            }
        }
        let source = std::io::Error::other("a thousand results of the same second are there");
        Err(DirectoryError::Io { path: parent.into(), source })
    }

    /// An existing one.
    pub fn open(path: &Path) -> ResultDirectory {
        ResultDirectory { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its journal is.
    pub fn journal(&self) -> PathBuf {
        self.path.join(journal::FILE_NAME)
    }

    /// False where the list of hashes is there and its journal was another one.
    ///
    /// # Errors
    /// The journal or the list cannot be read.
    pub fn journal_is_as_listed(&self) -> Result<bool, DirectoryError> {
        let path = self.path.join(SUMS);
        let sums = match fs::read_to_string(&path) {
            Ok(sums) => sums,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
            Err(source) => return Err(DirectoryError::Io { path, source }),
        };
        match listed(&sums, journal::FILE_NAME) {
            Some(sum) => Ok(hash(&self.journal())? == sum),
            None => Ok(true),
        }
    }

    /// Finishes or takes back a change that was killed, so that the files fit one another. True where there was one.
    ///
    /// # Errors
    /// It can be neither, since a file was changed meanwhile or the system refuses.
    pub fn recover(&self) -> Result<bool, DirectoryError> {
        let names: Vec<&'static str> = PAGES.into_iter().chain([journal::FILE_NAME]).collect();
        Ok(atomic_commit::recover(&self.path, &names)?)
    }

    /// Reads the journal, computes the result and writes every page and the hashes.
    pub fn write_pages(&self) -> Result<FlightResult, DirectoryError> {
        let (result, pages) = self.pages(&journal::read(&self.journal())?)?;
        let changed: Vec<Named<'_>> = PAGES.into_iter().zip(pages.iter().map(String::as_bytes)).collect();
        commit(&self.path, &changed, &[journal::FILE_NAME])?;
        Ok(result)
    }

    /// Puts one more entry behind the journal, and writes every page and the hashes: all of it or nothing.
    pub fn extend(&self, entry: &Entry) -> Result<FlightResult, DirectoryError> {
        let path = self.journal();
        let mut entries = journal::read(&path)?;
        let fail = |source| DirectoryError::Io { path: path.clone(), source };
        let text = journal::extended(&fs::read(&path).map_err(fail)?, entry).map_err(fail)?;
        entries.push(entry.clone());
        let (result, pages) = self.pages(&entries)?;
        let mut changed: Vec<Named<'_>> = PAGES.into_iter().zip(pages.iter().map(String::as_bytes)).collect();
        changed.push((journal::FILE_NAME, &text));
        commit(&self.path, &changed, &[])?;
        Ok(result)
    }

    fn pages(&self, entries: &[Entry]) -> Result<(FlightResult, [String; 5]), DirectoryError> {
        let not_opened = |_| JournalError::NotOpened { path: self.journal() };
        let record = Record::from_entries(entries).map_err(not_opened)?;
        let result = FlightResult::from_record(&record).map_err(not_opened)?;
        let mut conditions = serde_json::to_string_pretty(&result.conditions)
            .expect("conditions hold no map with keys that are not strings");
        conditions.push('\n');
        let pages = [result.to_json(), conditions, timeline(&record), summary(&result), page(&result, &record)];
        Ok((result, pages))
    }
}

/// The hash of a file in a list of them.
fn listed<'a>(sums: &'a str, file: &str) -> Option<&'a str> {
    sums.lines().filter_map(|line| line.split_once("  ")).find(|(_, name)| *name == file).map(|(sum, _)| sum)
}

/// What came of the check of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Each a line; none where the pages say what the journal says.
    pub disagreements: Vec<String>,
    /// The earlier format in which the pages were written: then the figures alone are compared. None for this one.
    pub written_in: Option<String>,
}

/// Recomputes everything in `directory`.
pub fn verify(directory: &ResultDirectory) -> Result<Verified, DirectoryError> {
    if atomic_commit::is_pending(&directory.path) {
        let path = directory.path.display();
        let disagreements = vec![format!("a change was cut short: `dawndusk report {path}` completes it")];
        return Ok(Verified { disagreements, ..Verified::default() });
    }
    let mut wrong = Vec::new();
    let sums_path = directory.path.join(SUMS);
    let sums = fs::read_to_string(&sums_path).map_err(|source| DirectoryError::Io { path: sums_path, source })?;
    // Results of before the page was written neither list it nor have it.
    let is_old = listed(&sums, PAGE).is_none() && !directory.path.join(PAGE).exists();
    let is_expected = |name: &str| !(is_old && name == PAGE);
    for name in PAGES.iter().chain([&journal::FILE_NAME]).filter(|name| is_expected(name)) {
        match listed(&sums, name) {
            None => wrong.push(format!("{SUMS} does not list {name}")),
            Some(sum) if hash(&directory.path.join(name))? != sum => {
                wrong.push(format!("{name} was changed: its SHA-256 is not the one in {SUMS}"));
            }
            Some(_) => {}
        }
    }
    let entries = journal::read(&directory.journal())?;
    let (result, pages) = directory.pages(&entries)?;
    let replay = result.flight.map(|flight| flight.scored.replay);
    if let Some((at, what)) = replay.and_then(|replay| replay.first_apart_s.zip(replay.apart)) {
        wrong.push(format!("{}: at {:.3} s {what}", journal::FILE_NAME, at.0));
    }
    let mut written_in = None;
    for (name, page) in PAGES.iter().zip(&pages).filter(|(name, _)| is_expected(name)) {
        let path = directory.path.join(name);
        let found = fs::read_to_string(&path).map_err(|source| DirectoryError::Io { path, source })?;
        if *name == RESULT {
            written_in = earlier_format(&found);
        }
        if found != *page {
            wrong.extend(apart(name, (&found, page), written_in.is_some()));
        }
    }
    Ok(Verified { disagreements: wrong, written_in })
}

/// How a page differs from the one that its journal gives.
fn apart(name: &str, (found, page): (&str, &str), is_earlier: bool) -> Vec<String> {
    let compare = match (is_earlier, name) {
        (true, _) => figures,
        (false, RESULT) => differences,
        (false, _) => return vec![format!("{name} is not what the journal gives")],
    };
    match serde_json::from_str(found).ok().zip(serde_json::from_str(page).ok()) {
        Some((saved, computed)) => {
            compare(&saved, &computed).into_iter().map(|figure| format!("{name}: {figure}")).collect()
        }
        // A page of an earlier format that is no document: words, or a table whose columns have their titles first.
        None if is_earlier && found.lines().next() != page.lines().next() => Vec::new(),
        None if is_earlier && !name.ends_with(".csv") => Vec::new(),
        None => vec![format!("{name} is not what the journal gives")],
    }
}

/// The version in which a result was written, where it is another one of this major version.
fn earlier_format(result: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(result).ok()?;
    let version = document.get("schema_version")?.as_str()?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    (version != SCHEMA_VERSION && major(version) == major(SCHEMA_VERSION)).then(|| version.to_owned())
}

impl From<FileError> for DirectoryError {
    fn from((path, source): FileError) -> DirectoryError {
        DirectoryError::Io { path, source }
    }
}
