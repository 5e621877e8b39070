//! Where the store of a user is.

use std::ffi::OsString;
use std::path::PathBuf;

/// The folder that the environment asks for.
pub(super) fn folder(variable: &dyn Fn(&str) -> Option<OsString>, windows: bool) -> Option<PathBuf> {
    let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || match windows {
        true => path("LOCALAPPDATA"),
        // A relative XDG_CACHE_HOME is to be ignored: XDG base directory specification 0.8.
        false => path("XDG_CACHE_HOME").filter(|p| p.is_absolute()).or_else(|| Some(path("HOME")?.join(".cache"))),
    };
    path("DAWNDUSK_MODELS").or_else(|| Some(cache()?.join("dawndusk").join("models")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables, whether on Windows, the folder.
    type Case<'a> = (&'a [(&'a str, &'a str)], bool, Option<&'a str>);

    fn folder_with(variables: &[(&str, &str)], windows: bool) -> Option<PathBuf> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        folder(&find, windows)
    }

    #[test]
    fn the_folder_follows_the_environment() {
        let home = ("HOME", "/home/a");
        let cases: [Case<'_>; 7] = [
            (&[("DAWNDUSK_MODELS", "/m"), ("XDG_CACHE_HOME", "/x"), home], false, Some("/m")),
            (&[("DAWNDUSK_MODELS", ""), ("XDG_CACHE_HOME", "/x"), home], false, Some("/x/dawndusk/models")),
            (&[("XDG_CACHE_HOME", "relative"), home], false, Some("/home/a/.cache/dawndusk/models")),
            (&[home], false, Some("/home/a/.cache/dawndusk/models")),
            (&[("LOCALAPPDATA", "/local"), home], true, Some("/local/dawndusk/models")),
            (&[home], true, None),
            (&[], false, None),
        ];
        for (variables, windows, expected) in cases {
            let found = folder_with(variables, windows);
            assert_eq!(found, expected.map(PathBuf::from), "with {variables:?}, on Windows: {windows}");
        }
    }
}
