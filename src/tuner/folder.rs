//! Where choices are kept: `DAWNDUSK_CACHE`, else the user's cache (`XDG_CACHE_HOME`, `LOCALAPPDATA` on Windows, or
//! `~/.cache`) with `dawndusk` behind it; choices stand in its folder `tuning`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A folder for what can be found again, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFolder {
    path: Option<PathBuf>,
}

impl CacheFolder {
    /// The user's. Where no variable says where that is, nothing is kept.
    pub fn of_user() -> CacheFolder {
        CacheFolder { path: folder(&|name| std::env::var_os(name), cfg!(windows)) }
    }

    /// This folder, which need not exist yet.
    pub fn at(path: PathBuf) -> CacheFolder {
        CacheFolder { path: Some(path) }
    }

    /// The folder, once a file has been written into it and taken away again; or why that cannot be.
    pub fn try_writing(&self) -> Result<PathBuf, String> {
        let folder = self.tuning()?;
        let probe = folder.join(format!(".probe-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&probe, b"probe"))
            .and_then(|()| std::fs::remove_file(&probe))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(folder)
    }

    /// Where choices stand, or why there is no such place.
    pub(super) fn tuning(&self) -> Result<PathBuf, String> {
        let none = || "no cache folder: none of DAWNDUSK_CACHE, XDG_CACHE_HOME and HOME is set".to_owned();
        self.path.as_deref().map(|path: &Path| path.join("tuning")).ok_or_else(none)
    }
}

fn folder(variable: &dyn Fn(&str) -> Option<OsString>, windows: bool) -> Option<PathBuf> {
    let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || match windows {
        true => path("LOCALAPPDATA"),
        // A relative XDG_CACHE_HOME is to be ignored: XDG base directory specification 0.8.
        false => path("XDG_CACHE_HOME").filter(|p| p.is_absolute()).or_else(|| Some(path("HOME")?.join(".cache"))),
    };
    path("DAWNDUSK_CACHE").or_else(|| Some(cache()?.join("dawndusk")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(variables: &[(&str, &str)], windows: bool) -> Option<PathBuf> {
        folder(&|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()), windows)
    }

    #[test]
    fn the_folder_follows_the_environment() {
        let home = ("HOME", "/home/a");
        let found = |variables: &[(&str, &str)]| folder_with(variables, false);
        let is = |path: &str| Some(PathBuf::from(path));
        assert_eq!(found(&[("DAWNDUSK_CACHE", "/c"), ("XDG_CACHE_HOME", "/x"), home]), is("/c"), "its own name first");
        assert_eq!(found(&[("DAWNDUSK_CACHE", ""), ("XDG_CACHE_HOME", "/x")]), is("/x/dawndusk"), "empty is unset");
        assert_eq!(found(&[("XDG_CACHE_HOME", "x"), home]), is("/home/a/.cache/dawndusk"), "a relative one is ignored");
        assert_eq!(folder_with(&[("LOCALAPPDATA", "/l"), home], true), is("/l/dawndusk"), "on Windows");
        assert_eq!(found(&[]), None, "nothing is set");
    }

    #[test]
    fn without_a_folder_the_reason_names_the_variables() {
        let reason = CacheFolder { path: None }.tuning().expect_err("there is none");
        assert!(reason.contains("DAWNDUSK_CACHE"), "it says what to set: {reason}");
    }
}
