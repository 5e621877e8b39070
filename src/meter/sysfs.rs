//! Attribute files under a root that a test can put anywhere: one number or word each, as sysfs has them.
//!
//! Every failure becomes one of the causes in [`NoData`], the same way for every source that reads files.

use super::plausible;
use crate::reading::NoData;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads one whole file. Tests inject failures and counts here.
pub type ReadText = dyn Fn(&Path) -> io::Result<String> + Send + Sync;

/// An attribute is at most one page; more than this is no attribute.
const MAX_BYTES: u64 = 4096;

/// A tree of attribute files.
#[derive(Clone)]
pub struct Tree {
    root: PathBuf,
    read: Arc<ReadText>,
}

impl Tree {
    /// The tree at `root`, which is `/sys` outside tests.
    pub fn new(root: impl Into<PathBuf>) -> Tree {
        Tree::with_reader(root, Arc::new(read_attribute))
    }

    /// The tree at `root`, each file read by `read`.
    pub fn with_reader(root: impl Into<PathBuf>, read: Arc<ReadText>) -> Tree {
        Tree { root: root.into(), read }
    }

    /// Where `file` lies.
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The text of `file` without the white space around it.
    pub fn text(&self, file: &str) -> Result<String, NoData> {
        match (self.read)(&self.path(file)) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(cause_of(&error)),
        }
    }

    /// The whole number in `file`, sentinels excluded.
    pub fn number(&self, file: &str) -> Result<u64, NoData> {
        parse_count(&self.text(file)?)
    }

    /// The same of a file that was there when its source was opened: one that is gone went with its device.
    pub fn number_of_device(&self, file: &str) -> Result<u64, NoData> {
        match self.number(file) {
            Err(NoData::NotSupported) if !self.has(file) => Err(NoData::Lost),
            answer => answer,
        }
    }

    /// True if something of that name is there.
    pub fn has(&self, file: &str) -> bool {
        self.path(file).exists()
    }

    /// The names in `directory`, shorter ones first so that `hwmon10` follows `hwmon9`. Empty if it is not there.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(directory)) else { return Vec::new() };
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        names
    }
}

fn read_attribute(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads a count. An empty text and the drivers' words for "not available" are [`NoData::NotSupported`]; anything
/// else that is no whole number from 0 up (NaN, a fraction, a negative) is [`NoData::Implausible`].
pub fn parse_count(text: &str) -> Result<u64, NoData> {
    let text = text.trim();
    let says_none = ["", "[n/a]", "n/a", "[not supported]", "not supported", "<unsupported>"];
    if says_none.contains(&text.to_ascii_lowercase().as_str()) {
        return Err(NoData::NotSupported);
    }
    text.parse().map_err(|_| NoData::Implausible).and_then(plausible::count)
}

/// What a failed read of an attribute means.
///
/// The numbers are Linux's, where sysfs is: the standard library has no names for most of them.
pub fn cause_of(error: &io::Error) -> NoData {
    const EIO: i32 = 5;
    const ENXIO: i32 = 6;
    const ENODEV: i32 = 19;
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::PermissionDenied, _) => NoData::NoPermission,
        // amdgpu answers so while the board is suspended.
        (io::ErrorKind::ResourceBusy, _) => NoData::Asleep,
        (io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted, _) => NoData::Timeout,
        (_, Some(EIO | ENXIO | ENODEV)) => NoData::Lost,
        (io::ErrorKind::InvalidData, _) => NoData::Implausible,
        _ => NoData::NotSupported,
    }
}
