//! `models list`, `pull` and `verify`.

use super::arguments::ModelsVerb;
use super::interrupts::Interrupts;
use super::{Exit, Failure, answer, answer_either, answer_json, say};
use crate::interrupt::Interrupt;
use crate::model::store::{Entry, Progress, Pulled};
use crate::model::{Profile, Store, StoreError};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// One line of `models list`.
#[derive(Serialize)]
struct Listed {
    name: String,
    architecture: &'static str,
    licence: String,
    bytes: u64,
    path: String,
    state: &'static str,
    files: Vec<ListedFile>,
}

#[derive(Serialize)]
struct ListedFile {
    file: String,
    bytes: u64,
    sha256: String,
    path: String,
    state: &'static str,
}

impl Listed {
    fn of(entry: Entry) -> Listed {
        let bytes = entry.profile.bytes();
        let files = entry.profile.files.into_iter().zip(entry.files).map(|(pin, (path, state))| ListedFile {
            file: pin.name,
            bytes: pin.bytes,
            sha256: pin.sha256,
            path: path.display().to_string(),
            state: state.into(),
        });
        Listed {
            files: files.collect(),
            architecture: entry.profile.shape.architecture(),
            name: entry.profile.name,
            licence: entry.profile.licence,
            bytes,
            path: entry.path.display().to_string(),
            state: entry.state.into(),
        }
    }
}

/// Does what the verb says.
pub(super) fn models(verb: &ModelsVerb) -> Result<Exit, Failure> {
    let store = Store::of_user().map_err(Failure::input)?;
    match verb {
        ModelsVerb::List { output } => list(&store, output.json)?,
        ModelsVerb::Pull { model, from } => {
            let profile = Profile::named(model).map_err(Failure::input)?;
            let interrupts = Interrupts::handle()?;
            let unfinished = store.clone();
            interrupts.before_an_end_at_once(move || unfinished.remove_unfinished());
            let bar = Bar::new();
            // What does not arrive in full leaves nothing: there is never anything to lose.
            let pulled = interrupts.prepare(|interrupt| {
                Ok(store.pull(&profile, from.as_deref(), interrupt, &mut |progress| bar.show(&progress)))
            })?;
            bar.end();
            let Some(pulled) = pulled else { return Ok(Exit::Interrupted) };
            let pulled = pulled.map_err(|error| match (&error, from) {
                (StoreError::ShapeOnly { .. }, _) | (_, Some(_)) => Failure::input(error),
                _ => Failure::tool(error),
            })?;
            match pulled {
                Pulled::AlreadyThere => say(&format!("{model}: already there, SHA-256 as pinned")),
                Pulled::From(source) => say(&format!("{model}: from {source}, SHA-256 as pinned")),
            }
            for path in store.find_all(&profile).map_err(Failure::input)? {
                answer(&format!("{}\n", path.display()));
            }
        }
        ModelsVerb::Verify { model, output } => {
            let profile = Profile::named(model).map_err(Failure::input)?;
            let bar = Bar::new();
            let verified = store.verify(&profile, &Interrupt::default(), &mut |progress| bar.show(&progress));
            bar.end();
            verified.map_err(Failure::input)?;
            answer_either(output.json, &serde_json::json!({ "model": model, "verified": true }), || {
                format!("{model}: SHA-256 as pinned\n")
            })?;
        }
    }
    Ok(Exit::Valid)
}

fn list(store: &Store, json: bool) -> Result<(), Failure> {
    let entries = store.list().map_err(Failure::tool)?;
    let listed: Vec<Listed> = entries.into_iter().map(Listed::of).collect();
    if json {
        return answer_json(&listed);
    }
    for model in &listed {
        if model.files.is_empty() {
            answer(&format!("{:<16} {:<10} runs as synthetic:{}\n", model.name, model.state, model.name));
            continue;
        }
        answer(&format!(
            "{:<16} {:<10} {:>11} bytes  {}  {}\n",
            model.name, model.state, model.bytes, model.licence, model.path
        ));
    }
    Ok(())
}

/// Progress on standard error, where that is a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Bar {
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("  {bar:30} {bytes}/{total_bytes}  {msg}");
        bar.set_style(style.expect("the template is a constant"));
        Bar(bar)
    }

    fn show(&self, progress: &Progress) {
        self.0.set_length(progress.total.unwrap_or(progress.done));
        self.0.set_position(progress.done);
        self.0.set_message(progress.stage.clone());
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
