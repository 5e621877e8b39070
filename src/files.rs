//! Files of the user: where they lie, and how one is replaced so that a reader finds the old one or the new one, never a part.
//!
//! | variable | otherwise, on Windows | otherwise, elsewhere |
//! |---|---|---|
//! | `DAWNDUSK_CACHE` | `LOCALAPPDATA`, `dawndusk` | `XDG_CACHE_HOME` or `~/.cache`, `dawndusk` |
//! | `DAWNDUSK_MODELS` | `LOCALAPPDATA`, `dawndusk`, `models` | `XDG_CACHE_HOME` or `~/.cache`, `dawndusk/models` |
//! | `DAWNDUSK_STATE` | `LOCALAPPDATA`, `dawndusk` | `XDG_STATE_HOME` or `~/.local/state`, `dawndusk` |
//!
//! A variable that is empty counts as unset, and so does an `XDG_...` with a relative path (XDG base directory specification 0.8).

use etcetera::BaseStrategy;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

/// What can be found again; none where neither `DAWNDUSK_CACHE` nor a home folder is known.
pub fn cache_folder() -> Option<PathBuf> {
    chosen(std::env::var_os("DAWNDUSK_CACHE"), || Some(user()?.cache_dir().join("dawndusk")))
}

/// Weights of models; none where neither `DAWNDUSK_MODELS` nor a home folder is known.
pub fn models_folder() -> Option<PathBuf> {
    chosen(std::env::var_os("DAWNDUSK_MODELS"), || Some(user()?.cache_dir().join("dawndusk").join("models")))
}

/// What must outlive a killed program; none where neither `DAWNDUSK_STATE` nor a home folder is known.
pub fn state_folder() -> Option<PathBuf> {
    chosen(std::env::var_os("DAWNDUSK_STATE"), || {
        let user = user()?;
        // Windows has no folder of its own for states.
        Some(user.state_dir().unwrap_or_else(|| user.cache_dir()).join("dawndusk"))
    })
}

fn user() -> Option<impl BaseStrategy> {
    etcetera::choose_base_strategy().ok().filter(|user| user.home_dir().is_absolute())
}

fn chosen(variable: Option<OsString>, otherwise: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
    variable.filter(|value| !value.is_empty()).map(PathBuf::from).or_else(otherwise)
}

/// An empty file in `folder` under a name that nobody uses; it is removed when it is dropped. [`put_in_place`] gives it its name.
///
/// # Errors
/// What the system says.
pub fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let prefix = prefix();
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Who may read it is for the user's umask to say: other users may share a folder of models or read a profile.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// An empty folder in `folder` under a name that nobody uses; it is removed with all that is in it when it is dropped.
///
/// # Errors
/// What the system says.
pub fn temporary_folder(folder: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(&prefix()).tempdir_in(folder)
}

/// Removes the temporary files and folders that this process has in `folder`, for a process that ends without its destructors.
pub fn remove_temporary(folder: &Path) {
    let prefix = prefix();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let path = entry.path();
            // What cannot be removed is hidden and harmless, and there is nobody left to tell.
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
    }
}

/// How the names of this process's temporary files begin: other processes may have theirs in the same folder.
fn prefix() -> String {
    format!(".dawndusk-{}-", std::process::id())
}

/// Gives a temporary file the name `path`, in the same folder, in place of what stands there, once it is on the disk.
///
/// # Errors
/// What the system says; `path` is then as it was.
pub fn put_in_place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder_of(path))
}

/// Replaces the text of `path`, whose folder must exist.
///
/// # Errors
/// As [`put_in_place`].
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = temporary_file(folder_of(path))?;
    file.write_all(text)?;
    put_in_place(file, path)
}

/// The folder in which `path` stands: `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a new name last through a loss of power. Only Unix can open a folder for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let otherwise = || Some(PathBuf::from("/home/a/.cache/dawndusk"));
        assert_eq!(chosen(Some("/c".into()), otherwise), Some("/c".into()), "the variable first");
        assert_eq!(chosen(Some(OsString::new()), otherwise), otherwise(), "empty");
        assert_eq!(chosen(None, || None), None, "nothing is known");
    }

    #[test]
    fn a_replaced_file_holds_the_new_text_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.json");
        for text in ["old", "new"] {
            replace(&path, text.as_bytes()).expect("it can be written");
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text, "the text");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is a folder").count(), 1, "one file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let plain = folder.path().join("plain");
            std::fs::write(&plain, b"").expect("it can be written");
            let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode();
            assert_eq!(mode(&path), mode(&plain), "who may read it follows the umask, as for any file");
        }
    }
    #[test]
    fn a_process_that_ends_at_once_removes_its_own_temporary_files_and_no_others() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = temporary_file(folder.path()).expect("it can be made");
        let inner = temporary_folder(folder.path()).expect("it can be made");
        std::fs::write(inner.path().join("wheel"), b"a part").expect("it can be written");
        // The process id with a digit behind it is the id of another process.
        let others = ["a.json".to_owned(), format!(".dawndusk-{}0-abc", std::process::id())];
        for name in &others {
            std::fs::write(folder.path().join(name), b"").expect("it can be written");
        }
        remove_temporary(folder.path());
        assert!(!file.path().exists() && !inner.path().exists(), "its own");
        assert!(others.iter().all(|name| folder.path().join(name).exists()), "those of others");
    }
}
