//! An atomic commit of several files of a result: all of them change or none, wherever the program is killed.
//!
//! ```text
//!   1  stage    NAME.next for every file that changes, each on the disk    killed here: the next start removes them
//!   2  commit   SHA256SUMS.next, which lists what the result will be       from here on: the next start goes on with 3
//!   3  rename   NAME.next becomes NAME, one after the other
//!   4  finish   SHA256SUMS.next becomes SHA256SUMS
//! ```
//!
//! The names are fixed, not those of temporary files, since the next start must find what a killed one left. One program at
//! a time: on Unix the folder is locked meanwhile.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the list of hashes.
pub(super) const SUMS: &str = "SHA256SUMS";

/// The ending of a staged file, which is to take the place of the file without it.
const STAGED: &str = "next";

/// The text of a file by its name.
pub(super) type Named<'a> = (&'static str, &'a [u8]);

/// What the system said, and of which file.
pub(super) type FileError = (PathBuf, io::Error);

/// Replaces `changed` in `folder`, and the list of hashes over them and over the files `kept` as they are.
pub(super) fn commit(folder: &Path, changed: &[Named<'_>], kept: &[&'static str]) -> Result<(), FileError> {
    let _lock = lock(folder)?;
    recover_locked(folder, &names(changed, kept))?;
    let mut sums = String::new();
    for (name, text) in changed {
        write(&staged(folder, name), text)?;
        sums.push_str(&format!("{}  {name}\n", hex(text)));
    }
    for name in kept {
        sums.push_str(&format!("{}  {name}\n", hash(&folder.join(name))?));
    }
    // Written whole under a name that means nothing: the rename is the commit.
    let uncommitted = uncommitted_list(folder);
    write(&uncommitted, sums.as_bytes())?;
    sync(folder)?;
    rename(&uncommitted, &staged(folder, SUMS))?;
    finish(folder, &names(changed, kept))
}

/// Recovers from a commit that was killed in `folder`: finishes it, or removes what it staged. True where it did either.
pub(super) fn recover(folder: &Path, names: &[&'static str]) -> Result<bool, FileError> {
    let _lock = lock(folder)?;
    recover_locked(folder, names)
}

fn recover_locked(folder: &Path, names: &[&'static str]) -> Result<bool, FileError> {
    if is_pending(folder) {
        finish(folder, names)?;
        return Ok(true);
    }
    let mut left: Vec<PathBuf> = names.iter().map(|name| staged(folder, name)).collect();
    left.push(uncommitted_list(folder));
    left.retain(|path| path.exists());
    for path in &left {
        fs::remove_file(path).map_err(|error| (path.clone(), error))?;
    }
    Ok(!left.is_empty())
}

/// True where a commit is not finished, so that the list of hashes does not fit the files yet.
pub(super) fn is_pending(folder: &Path) -> bool {
    staged(folder, SUMS).exists()
}

fn names(changed: &[Named<'_>], kept: &[&'static str]) -> Vec<&'static str> {
    changed.iter().map(|(name, _)| *name).chain(kept.iter().copied()).collect()
}

fn staged(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{STAGED}"))
}

fn uncommitted_list(folder: &Path) -> PathBuf {
    folder.join(format!("{SUMS}.part"))
}

/// Steps 3 and 4, from wherever they were left.
fn finish(folder: &Path, names: &[&'static str]) -> Result<(), FileError> {
    let list = staged(folder, SUMS);
    let sums = fs::read_to_string(&list).map_err(|error| (list.clone(), error))?;
    for (sum, listed) in sums.lines().filter_map(|line| line.split_once("  ")) {
        // Only files of a result are touched, whatever the list says.
        let Some(name) = names.iter().find(|name| **name == listed) else { continue };
        let (next, path) = (staged(folder, name), folder.join(name));
        if next.exists() {
            rename(&next, &path)?;
        }
        if hash(&path)? != sum {
            let why = format!(
                "it is not what {SUMS}.{STAGED} lists, so the change that was cut short cannot be completed; put it back, or \
                 remove {SUMS}.{STAGED} and every NAME.{STAGED} to give the change up"
            );
            return Err((path, io::Error::other(why)));
        }
    }
    sync(folder)?;
    rename(&list, &folder.join(SUMS))?;
    sync(folder)
}

/// Waits until no other program changes the folder; falls with what is given back.
fn lock(folder: &Path) -> Result<Option<File>, FileError> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let locked = File::open(folder).and_then(|file| file.lock().map(|()| file));
    locked.map(Some).map_err(|error| (folder.to_owned(), error))
}

fn write(path: &Path, text: &[u8]) -> Result<(), FileError> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(text)?;
        file.sync_all()
    });
    written.map_err(|error| (path.to_owned(), error))
}

fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(|error| (to.to_owned(), error))
}

/// The names in a folder reach the disk by themselves on systems that cannot be told to do it.
fn sync(folder: &Path) -> Result<(), FileError> {
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| (folder.to_owned(), error))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// SHA-256 of a file, in hexadecimal.
pub(super) fn hash(path: &Path) -> Result<String, FileError> {
    fs::read(path).map(|bytes| hex(&bytes)).map_err(|error| (path.to_owned(), error))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
