//! One JSON file for each adapter: read with distrust, written so that at any moment the old one or the new one is
//! in its place, never a part of one.

use super::{CacheFolder, Excluded, Identity, Rate};
use crate::files;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// What the first key of a file says.
const FORMAT: &str = "dawndusk tuning 1";

/// Larger files are none of ours.
const BYTES_MAX: u64 = 1 << 20;

/// The memory of one adapter.
#[derive(Debug)]
pub(super) struct Memory {
    /// The file, or why there can be none.
    path: Result<PathBuf, String>,
    identity: Identity,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    identity: Identity,
    entries: Vec<Entry>,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) family: String,
    pub(super) class: String,
    /// SHA-256 of the variants.
    pub(super) sources: String,
    /// None where a variant took the device down before anything could be chosen.
    pub(super) variant: Option<String>,
    pub(super) rates: Vec<Rate>,
    pub(super) excluded: Vec<Excluded>,
}

impl Entry {
    /// The same, without whatever names none of `variants` or holds no rate.
    pub(super) fn known(mut self, variants: &[&str]) -> Entry {
        let is_known = |name: &str| variants.contains(&name);
        self.excluded.retain(|excluded| is_known(&excluded.variant));
        self.rates.retain(|rate| is_known(&rate.variant) && rate.work_per_s.is_finite() && rate.work_per_s > 0.0);
        let excluded = &self.excluded;
        self.variant = self
            .variant
            .filter(|variant| is_known(variant) && !excluded.iter().any(|excluded| excluded.variant == *variant));
        self
    }
}

impl Memory {
    pub(super) fn open(folder: &CacheFolder, identity: Identity) -> Memory {
        Memory { path: folder.tuning().map(|folder| folder.join(identity.file_name())), identity }
    }

    /// What is remembered for a class of sizes, if it was found with the same adapter, driver and sources.
    pub(super) fn entry(&self, family: &str, class: &str, sources: &str) -> Option<Entry> {
        let fits = |entry: &Entry| entry.family == family && entry.class == class && entry.sources == sources;
        self.entries().into_iter().find(fits)
    }

    /// Everything in the file that is for this adapter and driver; nothing where it is missing, damaged or another's.
    fn entries(&self) -> Vec<Entry> {
        let read = || {
            let mut text = String::new();
            File::open(self.path.as_ref().ok()?).ok()?.take(BYTES_MAX).read_to_string(&mut text).ok()?;
            serde_json::from_str::<Document>(&text).ok()
        };
        let ours = read().filter(|document| document.format == FORMAT && document.identity == self.identity);
        ours.map(|document| document.entries).unwrap_or_default()
    }

    /// Writes an entry into the file, beside those of other families and classes that are in it by now. What another
    /// process writes in the same moment may be lost, and is then measured again.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn keep(&self, entry: &Entry) -> Result<(), String> {
        let path = self.path.as_ref().map_err(Clone::clone)?;
        let mut entries = self.entries();
        entries.retain(|other| (&other.family, &other.class) != (&entry.family, &entry.class));
        entries.push(entry.clone());
        let document = Document { format: FORMAT.to_owned(), identity: self.identity.clone(), entries };
        let mut text = serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?;
        text.push('\n');
        let folder = files::folder_of(path);
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        files::replace(path, text.as_bytes()).map_err(|error| format!("{}: {error}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let rate = |variant: &str, work_per_s| Rate { variant: variant.to_owned(), work_per_s };
        Entry {
            family: "f".to_owned(),
            class: "small".to_owned(),
            sources: "s".to_owned(),
            variant: Some("a".to_owned()),
            rates: vec![rate("a", 2.0), rate("ghost", 3.0), rate("b", -1.0)],
            excluded: Vec::new(),
        }
    }

    #[test]
    fn what_a_file_says_counts_only_for_variants_that_exist() {
        let known = entry().known(&["a", "b"]);
        assert_eq!(known.variant.as_deref(), Some("a"), "a variant");
        assert_eq!(known.rates.len(), 1, "neither a ghost nor a negative rate: {:?}", known.rates);
        assert_eq!(entry().known(&["b"]).variant, None, "no variant of this adapter");
        let both = Excluded { variant: "a".to_owned(), reason: "wrong".to_owned() };
        let both = Entry { excluded: vec![both], ..entry() };
        assert_eq!(both.known(&["a", "b"]).variant, None, "chosen and excluded at once cannot be");
    }
}
