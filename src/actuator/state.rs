//! What must be put back, on the disk before anything is set, so that a kill that no program survives loses nothing.
//!
//! `actuator.json` in the state folder: the system's boot and the found limits. A lock beside it is held for as long as
//! the flight lives, and falls with it: whoever gets the lock while the file is there finds the limits of a flight that was
//! killed. Limits do not survive a restart of the system; a file from another boot is dropped.

use super::power_limit::power_limit_of;
use super::watts;
use crate::files;
use crate::meter::sysfs::Tree;
use crate::reading::NoData;
use crate::units::Watts;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

const STATE: &str = "actuator.json";
const LOCK: &str = "actuator.lock";

/// Where the state file lies.
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

/// The limits that this process has changed: its state file, keys and found limits. Whoever sets a limit holds the lock.
#[derive(Default)]
struct Own {
    limits: Option<(PathBuf, Vec<(String, u64)>)>,
    /// The process ends: no limit is changed any more.
    is_over: bool,
}

static OWN: Mutex<Own> = Mutex::new(Own { limits: None, is_over: false });

fn own() -> MutexGuard<'static, Own> {
    // Plain values that are valid at every moment: a panic elsewhere does not spoil them.
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets a limit, unless the process ends in this moment.
pub(super) fn set_unless_over<T>(set: impl FnOnce() -> Result<T, NoData>) -> Result<T, NoData> {
    let own = own();
    if own.is_over { Err(NoData::Lost) } else { set() }
}

/// Puts the limits of this very process back, for one that ends without its destructors; from then on none is changed.
/// A line for people on each.
pub fn put_back_at_once(tree: &Tree) -> Vec<String> {
    let mut own = own();
    own.is_over = true;
    let Some((state, limits)) = own.limits.take() else { return Vec::new() };
    let mut lines = Vec::new();
    let mut all_back = true;
    for (key, found) in limits {
        let limit = power_limit_of(&key, tree);
        let is_back = limit.is_some_and(|mut limit| {
            // What counts is what is read back.
            let _ = limit.set(found);
            limit.read() == Ok(found)
        });
        all_back &= is_back;
        lines.push(match is_back {
            true => format!("power limit {key} is back at {:.1} W", watts(found).0),
            false => {
                format!("power limit {key} CANNOT be put back now; the next `dawndusk run` or `bench` tries again")
            }
        });
    }
    if all_back {
        // A file that stays only makes the next start put back what is there already.
        let _ = fs::remove_file(&state);
    }
    lines
}

impl StateFolder {
    /// The user's ([`files::state_folder`]).
    pub fn of_user() -> StateFolder {
        StateFolder(files::state_folder())
    }

    /// This folder, which need not exist yet.
    pub fn at(path: PathBuf) -> StateFolder {
        StateFolder(Some(path))
    }

    /// Writes the limits down, to the disk, and holds the lock.
    pub(super) fn hold(&self, limits: &[(String, u64)]) -> Result<Held, String> {
        let none = "no state folder: DAWNDUSK_STATE is not set, and no home folder is known";
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
        files::replace(&path, &text).map_err(refused)?;
        own().limits = Some((path.clone(), state.limits));
        Ok(Held { state: path, _lock: lock })
    }
}

impl Held {
    /// All is back.
    pub(super) fn release(self) {
        own().limits = None;
        // A file that stays only makes the next start put back what is there already.
        let _ = fs::remove_file(&self.state);
    }
}

/// What became of the limits that a killed flight left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// A line for people on each limit that is back, or not there any more; none where no flight was killed.
    pub lines: Vec<String>,
    /// A line on each limit that is there and could not be put back, or on why nobody can tell: what is measured now is
    /// measured under it.
    pub stuck: Vec<String>,
}

/// Puts back what a killed flight left.
pub fn recover(folder: &StateFolder, tree: &Tree) -> Recovery {
    let mut recovery = Recovery::default();
    let Found { path, state, _lock } = match find(folder, Asking::ToPutBack) {
        Ok(Some(found)) => found,
        Ok(None) => return recovery,
        Err(trouble) => {
            recovery.stuck.push(trouble);
            return recovery;
        }
    };
    let mut all_back = true;
    for (key, found) in &state.limits {
        let Some(mut limit) = power_limit_of(key, tree) else {
            // A board that does not answer now may answer the next start.
            all_back = false;
            let line = format!("a flight was killed: power limit {key} is not there to be put back; tried again later");
            recovery.lines.push(line);
            continue;
        };
        let refused = limit.set(*found).err().or_else(|| limit.read().err());
        let is_back = limit.read() == Ok(*found);
        all_back &= is_back;
        let (name, found_w) = (limit.name(), watts(*found).0);
        if is_back {
            recovery.lines.push(format!("a flight was killed: power limit {name} is back at {found_w:.1} W"));
        } else {
            let cause = match refused {
                Some(NoData::NoPermission) => limit.remedy(),
                Some(cause) => cause.to_string(),
                None => "the driver took the setting and did not change the limit".into(),
            };
            let line = format!("a flight was killed: power limit {name} cannot be put back to {found_w:.1} W: {cause}");
            recovery.stuck.push(line);
        }
    }
    if all_back {
        // What cannot be removed is tried again by the next start.
        let _ = fs::remove_file(&path);
    }
    recovery
}

/// A limit that a killed flight left, and that nobody has put back.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftLimit {
    /// Which.
    pub name: String,
    /// What it is now; none where it cannot be read.
    pub now_w: Option<Watts>,
    /// What the flight found.
    pub found_w: Watts,
    /// How a person puts it back.
    pub by_hand: String,
}

/// What a killed flight left, without touching it; nothing while a flight lives. The error says why nobody can tell.
pub fn left(folder: &StateFolder, tree: &Tree) -> Result<Vec<LeftLimit>, String> {
    let limits = find(folder, Asking::ToLook)?.map(|found| found.state.limits).unwrap_or_default();
    let left = |(key, found): (String, u64)| match power_limit_of(&key, tree) {
        Some(mut limit) => {
            let now = limit.read().ok();
            let (name, by_hand) = (limit.name(), limit.by_hand(found));
            (now != Some(found)).then(|| LeftLimit { name, now_w: now.map(watts), found_w: watts(found), by_hand })
        }
        None => {
            let by_hand = "it is not there now: put it back once it is".to_owned();
            Some(LeftLimit { name: key, now_w: None, found_w: watts(found), by_hand })
        }
    };
    Ok(limits.into_iter().filter_map(left).collect())
}

/// What the finder of a state file means to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asking {
    ToPutBack,
    ToLook,
}

/// The state file of a flight that was killed since the system started, with the lock that no flight holds any more.
struct Found {
    path: PathBuf,
    state: State,
    _lock: Option<File>,
}

/// None where nothing was left, or a flight lives, which puts its limits back by itself. The error says why nobody can tell.
fn find(folder: &StateFolder, asking: Asking) -> Result<Option<Found>, String> {
    let Some(folder) = folder.0.as_ref() else { return Ok(None) };
    let path = folder.join(STATE);
    let unreadable =
        |error: io::Error| format!("{}: what a killed flight left cannot be read: {error}", path.display());
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let lock = match (asking, folder.join(LOCK)) {
        // Who only looks leaves no file behind; without one nobody lives.
        (Asking::ToLook, path) if !path.exists() => None,
        (_, path) => match lock(&path).map_err(unreadable)? {
            None => return Ok(None),
            lock => lock,
        },
    };
    let state = serde_json::from_slice::<State>(&text)
        .map_err(|_| format!("{}: not a state file; remove it", path.display()))?;
    if state.boot != boot() {
        if asking == Asking::ToPutBack {
            // Limits do not survive a restart: there is nothing to put back.
            let _ = fs::remove_file(&path);
        }
        return Ok(None);
    }
    Ok(Some(Found { path, state, _lock: lock }))
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
