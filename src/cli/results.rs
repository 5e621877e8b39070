//! `report` and `verify`: a result directory, computed again from its journal.

use super::arguments::ResultArguments;
use super::report_arguments::ReportArguments;
use super::{Exit, Failure, answer_either, merge, say};
use crate::journal::SCHEMA_VERSION;
use crate::report::{self, ResultDirectory, Verified};

/// Writes the pages again.
pub(super) fn report(arguments: &ReportArguments) -> Result<Exit, Failure> {
    let directory = ResultDirectory::open(&arguments.directory);
    if directory.recover()? {
        say(&format!("{}: a change that was cut short is settled", arguments.directory.display()));
    }
    if !directory.journal_is_as_listed()? {
        say(&format!(
            "error: {}: the journal was changed since its hash was listed in SHA256SUMS; nothing is written over the pages",
            arguments.directory.display()
        ));
        return Ok(Exit::Invalid);
    }
    let result = match &arguments.meter.meter_file {
        Some(file) => merge::merge(&arguments.meter, file, &directory)?,
        None => directory.write_pages()?,
    };
    answer_either(arguments.output.json, &result, || report::summary(&result))?;
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
