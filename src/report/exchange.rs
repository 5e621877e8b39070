//! Files of a result that change together: all of them or none, wherever the program is killed.
//!
//! ```text
//!   1  NAME.next for every file that changes, each on the disk        killed here: the next start takes them away
//!   2  SHA256SUMS.next, which lists what the result will be           from here on: the next start goes on with 3
//!   3  NAME.next becomes NAME, one after the other
//!   4  SHA256SUMS.next becomes SHA256SUMS
//! ```
//!
//! One program at a time: on Unix the folder is locked meanwhile.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the list of hashes.
pub(super) const SUMS: &str = "SHA256SUMS";

/// What stands behind the name of a file that is to take its place.
const NEXT: &str = "next";

/// The text of a file by its name.
pub(super) type Named<'a> = (&'static str, &'a [u8]);

/// What the system said, and of which file.
pub(super) type Fault = (PathBuf, io::Error);

/// Replaces `changed` in `folder`, and the list of hashes over them and over the files `kept` as they are.
pub(super) fn exchange(folder: &Path, changed: &[Named<'_>], kept: &[&'static str]) -> Result<(), Fault> {
    let _lock = lock(folder)?;
    clear_up(folder, &names(changed, kept))?;
    let mut sums = String::new();
    for (name, text) in changed {
        write(&next(folder, name), text)?;
        sums.push_str(&format!("{}  {name}\n", hex(text)));
    }
    for name in kept {
        sums.push_str(&format!("{}  {name}\n", hash(&folder.join(name))?));
    }
    // On the disk under a name that means nothing, before it means all.
    let unnamed = folder.join(format!("{SUMS}.part"));
    write(&unnamed, sums.as_bytes())?;
    sync(folder)?;
    rename(&unnamed, &next(folder, SUMS))?;
    complete(folder, &names(changed, kept))
}

/// Ends what a killed program has begun in `folder`: completes it, or takes away what it left. True where it did either.
pub(super) fn settle(folder: &Path, names: &[&'static str]) -> Result<bool, Fault> {
    let _lock = lock(folder)?;
    clear_up(folder, names)
}

fn clear_up(folder: &Path, names: &[&'static str]) -> Result<bool, Fault> {
    if is_pending(folder) {
        complete(folder, names)?;
        return Ok(true);
    }
    let mut left: Vec<PathBuf> = names.iter().map(|name| next(folder, name)).collect();
    left.push(folder.join(format!("{SUMS}.part")));
    left.retain(|path| path.exists());
    for path in &left {
        fs::remove_file(path).map_err(|error| (path.clone(), error))?;
    }
    Ok(!left.is_empty())
}

/// True where files are on their way and the list of hashes does not fit them yet.
pub(super) fn is_pending(folder: &Path) -> bool {
    next(folder, SUMS).exists()
}

fn names(changed: &[Named<'_>], kept: &[&'static str]) -> Vec<&'static str> {
    changed.iter().map(|(name, _)| *name).chain(kept.iter().copied()).collect()
}

fn next(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{NEXT}"))
}

/// Steps 3 and 4, from wherever they were left.
fn complete(folder: &Path, names: &[&'static str]) -> Result<(), Fault> {
    let list = next(folder, SUMS);
    let sums = fs::read_to_string(&list).map_err(|error| (list.clone(), error))?;
    for (sum, listed) in sums.lines().filter_map(|line| line.split_once("  ")) {
        // Only files of a result are touched, whatever the list says.
        let Some(name) = names.iter().find(|name| **name == listed) else { continue };
        let (staged, path) = (next(folder, name), folder.join(name));
        if staged.exists() {
            rename(&staged, &path)?;
        }
        if hash(&path)? != sum {
            let why = format!(
                "it is not what {SUMS}.{NEXT} lists, so the change that was cut short cannot be completed; put it back, or \
                 remove {SUMS}.{NEXT} and every NAME.{NEXT} to give the change up"
            );
            return Err((path, io::Error::other(why)));
        }
    }
    sync(folder)?;
    rename(&list, &folder.join(SUMS))?;
    sync(folder)
}

/// Waits until no other program changes the folder; falls with what is given back.
fn lock(folder: &Path) -> Result<Option<File>, Fault> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let locked = File::open(folder).and_then(|file| file.lock().map(|()| file));
    locked.map(Some).map_err(|error| (folder.to_owned(), error))
}

fn write(path: &Path, text: &[u8]) -> Result<(), Fault> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    written.map_err(|error| (path.to_owned(), error))
}

fn rename(from: &Path, to: &Path) -> Result<(), Fault> {
    fs::rename(from, to).map_err(|error| (to.to_owned(), error))
}

/// The names in a folder reach the disk by themselves on systems that cannot be told to do it.
fn sync(folder: &Path) -> Result<(), Fault> {
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| (folder.to_owned(), error))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// SHA-256 of a file, in hexadecimal.
pub(super) fn hash(path: &Path) -> Result<String, Fault> {
    fs::read(path).map(|bytes| hex(&bytes)).map_err(|error| (path.to_owned(), error))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
