//! `report` and `verify`: a result directory, computed again from its journal.

use super::arguments::ResultArguments;
use super::report_arguments::ReportArguments;
use super::{Exit, Failure, answer_either, merge, say};
use crate::files;
use crate::journal::{self, SCHEMA_VERSION};
use crate::report::{self, FlightResult, ResultDirectory, Verified};
use std::path::{Path, PathBuf};

/// Writes the pages again, or one page of several results.
pub(super) fn report(arguments: &ReportArguments) -> Result<Exit, Failure> {
    if let Some(file) = &arguments.html {
        return side_by_side(&arguments.directories, file);
    }
    let [path] = arguments.directories.as_slice() else {
        return Err(Failure::input("several results go on one page: say where with --html FILE"));
    };
    let directory = ResultDirectory::open(path);
    if directory.recover()? {
        say(&format!("{}: a change that was cut short is settled", path.display()));
    }
    if !directory.journal_is_as_listed()? {
        return Ok(changed(path));
    }
    let result = match &arguments.meter.meter_file {
        Some(file) => merge::merge(&arguments.meter, file, &directory)?,
        None => directory.write_pages()?,
    };
    answer_either(arguments.output.json, &result, || report::summary(&result))?;
    Ok(Exit::Valid)
}

fn changed(path: &Path) -> Exit {
    say(&format!(
        "error: {}: the journal was changed since its hash was listed in SHA256SUMS; nothing is written over the pages",
        path.display()
    ));
    Exit::Invalid
}

/// Computes every result from its journal, and writes them onto one page.
fn side_by_side(paths: &[PathBuf], file: &Path) -> Result<Exit, Failure> {
    let mut results = Vec::new();
    for path in paths {
        let directory = ResultDirectory::open(path);
        if !directory.journal_is_as_listed()? {
            return Ok(changed(path));
        }
        let entries = journal::read(&directory.journal()).map_err(Failure::input)?;
        let result = FlightResult::from_journal(&entries);
        let result = result.map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
        // The folder's own name, also where the path ends in dots.
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        results.push((whole.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(), result));
    }
    let failed = |error| Failure::tool(format!("{}: {error}", file.display()));
    files::replace(file, report::several(&results).as_bytes()).map_err(failed)?;
    say(&format!("{} results on {}", results.len(), file.display()));
    Ok(Exit::Valid)
}

/// Checks hashes and recomputes every page.
pub(super) fn verify(arguments: &ResultArguments) -> Result<Exit, Failure> {
    let Verified { disagreements: wrong, written_in } = report::verify(&ResultDirectory::open(&arguments.directory))?;
    let directory = arguments.directory.display();
    let document =
        serde_json::json!({ "verified": wrong.is_empty(), "disagreements": wrong, "written_in": written_in });
    answer_either(arguments.output.json, &document, || {
        let (what, earlier) = match &written_in {
            Some(version) => {
                let why = format!("{directory}: written in format {version}, and this program writes {SCHEMA_VERSION}");
                ("figure", format!("{why}: the figures alone are compared\n"))
            }
            None => ("page", String::new()),
        };
        let found = match wrong.is_empty() {
            true => format!("{directory}: every {what} is what its journal gives\n"),
            false => wrong.iter().map(|line| format!("{line}\n")).collect(),
        };
        earlier + &found
    })?;
    Ok(if wrong.is_empty() { Exit::Valid } else { Exit::Invalid })
}
