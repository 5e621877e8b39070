//! What must be put back, on the disk before anything is set, so that a kill that no program survives loses nothing.
//!
//! `actuator.json` in the state folder: the system's boot and the found limits. A lock beside it is held for as long as
//! the flight lives, and falls with it: whoever gets the lock while the file is there finds the limits of a flight that was
//! killed. Limits do not survive a restart of the system; a file from another boot is dropped.

use super::knob::knob_of;
use super::watts;
use crate::meter::sysfs::Tree;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

const STATE: &str = "actuator.json";
const LOCK: &str = "actuator.lock";

/// Where the state file lies: `DAWNDUSK_STATE`, else the user's state folder (`XDG_STATE_HOME`, `LOCALAPPDATA` on Windows,
/// or `~/.local/state`) with `dawndusk` behind it.
#[derive(Clone, Debug)]
pub struct StateFolder(Option<PathBuf>);

/// The file's content.
#[derive(Serialize, Deserialize)]
struct State {
    boot: String,
    /// Key and found limit in microwatts.
    limits: Vec<(String, u64)>,
}

/// The state file and its lock, held.
pub(super) struct Held {
    state: PathBuf,
    _lock: File,
}

impl StateFolder {
    /// The user's.
    pub fn of_user() -> StateFolder {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || match cfg!(windows) {
            true => path("LOCALAPPDATA"),
            false => path("XDG_STATE_HOME")
                .filter(|path| path.is_absolute())
                .or_else(|| Some(path("HOME")?.join(".local/state"))),
        };
        StateFolder(path("DAWNDUSK_STATE").or_else(|| Some(home()?.join("dawndusk"))))
    }

    /// This folder, which need not exist yet.
    pub fn at(path: PathBuf) -> StateFolder {
        StateFolder(Some(path))
    }

    /// Writes the limits down, to the disk, and holds the lock.
    pub(super) fn hold(&self, limits: &[(String, u64)]) -> Result<Held, String> {
        let none = "no state folder: none of DAWNDUSK_STATE, XDG_STATE_HOME and HOME is set";
        let folder = self.0.as_ref().ok_or(none)?;
        let refused = |error: io::Error| format!("state folder {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(refused)?;
        let lock = lock(&folder.join(LOCK)).map_err(refused)?.ok_or("another flight holds the power limits")?;
        let state = State { boot: boot(), limits: limits.to_vec() };
        let path = folder.join(STATE);
        if path.exists() {
            // Its limits could not be put back: what is found now is not what was there before.
            return Err(format!("{}: the limits of a killed flight are still to be put back", path.display()));
        }
        let text = serde_json::to_vec(&state).map_err(|error| format!("state file: {error}"))?;
        write_to_disk(&path, &text).map_err(refused)?;
        Ok(Held { state: path, _lock: lock })
    }
}

impl Held {
    /// All is back.
    pub(super) fn release(self) {
        // A file that stays only makes the next start put back what is there already.
        let _ = fs::remove_file(&self.state);
    }
}

/// Puts back what a killed flight left; a line for people on each limit. Nothing where no flight was killed.
pub fn recover(folder: &StateFolder, tree: &Tree) -> Vec<String> {
    let Some(folder) = &folder.0 else { return Vec::new() };
    let path = folder.join(STATE);
    let Ok(text) = fs::read(&path) else { return Vec::new() };
    // A flight that lives puts its limits back by itself.
    let Ok(Some(_lock)) = lock(&folder.join(LOCK)) else { return Vec::new() };
    let Ok(state) = serde_json::from_slice::<State>(&text) else {
        return vec![format!("{}: not a state file; remove it", path.display())];
    };
    let (mut lines, mut all_back) = (Vec::new(), true);
    let is_of_now = state.boot == boot();
    for (key, found) in state.limits.iter().filter(|_| is_of_now) {
        let Some(mut knob) = knob_of(key, tree) else {
            // A board that does not answer now may answer the next start.
            all_back = false;
            lines
                .push(format!("a flight was killed: power limit {key} is not there to be put back; tried again later"));
            continue;
        };
        let refused = knob.set(*found).err().or_else(|| knob.read().err());
        let is_back = knob.read() == Ok(*found);
        all_back &= is_back;
        let limit = watts(*found).0;
        lines.push(match is_back {
            true => format!("a flight was killed: power limit {} is back at {limit:.1} W", knob.name()),
            false => {
                let cause = refused.map_or("refused".into(), |_| knob.remedy());
                format!("a flight was killed: power limit {} cannot be put back to {limit:.1} W: {cause}", knob.name())
            }
        });
    }
    if all_back {
        // What cannot be removed is tried again by the next start.
        let _ = fs::remove_file(&path);
    }
    lines
}

/// In full or not at all: a file beside it takes its place, and both the file and the folder reach the disk.
fn write_to_disk(path: &std::path::Path, text: &[u8]) -> io::Result<()> {
    let scratch = path.with_extension("new");
    let mut file = File::create(&scratch)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&scratch, path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The lock, or none where another process has it.
fn lock(path: &std::path::Path) -> io::Result<Option<File>> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Which start of the system this is; empty where it does not tell.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}
