//! Writing a file so that at any moment the old one, the new one or none is in its place, never a part of one.

use super::{OnProgress, Pin, Progress, Store, hexadecimal};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that move at once.
pub(super) const CHUNK: usize = 1 << 20;

/// A path in the folder of a store that nobody else uses; what is there goes when this goes.
pub(super) struct Scratch {
    pub(super) path: PathBuf,
}

impl Scratch {
    pub(super) fn new(store: &Store, name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { path: store.folder.join(format!(".{name}.{}-{number}", std::process::id())) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whichever it is; a leftover is hidden and harmless, so a failure here has nobody to tell.
        let _ = std::fs::remove_file(&self.path).or_else(|_| std::fs::remove_dir_all(&self.path));
    }
}

/// Takes what `source` gives into the store as the pinned file, or says why it is not that file.
pub(super) fn accept(
    store: &Store,
    pin: &Pin,
    source: &mut dyn Read,
    stage: &str,
    on_progress: OnProgress<'_>,
) -> Result<(), String> {
    let scratch = Scratch::new(store, &pin.name);
    let shown = |error: std::io::Error| format!("{}: {error}", scratch.path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).open(&scratch.path).map_err(shown)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut done = 0;
    loop {
        let count = source.read(&mut buffer).map_err(|error| format!("it broke off after {done} bytes: {error}"))?;
        if count == 0 {
            break;
        }
        done += count as u64;
        if done > pin.bytes {
            return Err(format!("longer than {} bytes, the size in the profile", pin.bytes));
        }
        digest.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(shown)?;
        on_progress(Progress { stage: stage.to_owned(), done, total: Some(pin.bytes) });
    }
    if done != pin.bytes {
        return Err(format!("{done} bytes; allowed: {}, the size in the profile", pin.bytes));
    }
    let found = hexadecimal(&digest.finalize());
    if found != pin.sha256 {
        return Err(format!("SHA-256 {found}; allowed: {}, the hash in the profile", pin.sha256));
    }
    file.sync_all().map_err(shown)?;
    drop(file);
    let place = store.folder.join(&pin.name);
    std::fs::rename(&scratch.path, &place).map_err(|error| format!("{}: {error}", place.display()))?;
    sync_folder(&store.folder).map_err(|error| format!("{}: {error}", store.folder.display()))
}

/// Makes a rename last through a loss of power. Only Unix can open a folder for that.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
