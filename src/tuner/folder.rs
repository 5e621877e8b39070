//! Where choices are kept: the folder `tuning` of the user's cache ([`crate::files`]).

use crate::files;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder for what can be found again, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFolder {
    path: Option<PathBuf>,
}

impl CacheFolder {
    /// The user's. Where nothing says where that is, nothing is kept.
    pub fn of_user() -> CacheFolder {
        CacheFolder { path: files::cache_folder() }
    }

    /// This folder, which need not exist yet.
    pub fn at(path: PathBuf) -> CacheFolder {
        CacheFolder { path: Some(path) }
    }

    /// The folder, once a file has been written into it and taken away again; or why that cannot be.
    pub fn try_writing(&self) -> Result<PathBuf, String> {
        let folder = self.tuning()?;
        std::fs::create_dir_all(&folder)
            .and_then(|()| files::temporary_file(&folder)?.write_all(b"probe"))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    /// Where choices stand, or why there is no such place.
    pub(super) fn tuning(&self) -> Result<PathBuf, String> {
        let none = || "no cache folder: DAWNDUSK_CACHE is not set, and no home folder is known".to_owned();
        self.path.as_deref().map(|path: &Path| path.join("tuning")).ok_or_else(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_folder_the_reason_names_the_variables() {
        let reason = CacheFolder { path: None }.tuning().expect_err("there is none");
        assert!(reason.contains("DAWNDUSK_CACHE"), "it says what to set: {reason}");
    }
}
