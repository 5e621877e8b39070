//! A file that is checked while it is written, and takes its place only when it is the right one.

use super::{OnProgress, Pin, Progress, Store, hexadecimal};
use crate::files;
use crate::interrupt::Interrupt;
use sha2::{Digest, Sha256};
use std::io::{Read, Write};

/// Bytes that move at once.
pub(super) const CHUNK: usize = 1 << 20;

/// Takes what `source` gives into the store as the pinned file, or says why it is not that file.
pub(super) fn accept(
    store: &Store,
    pin: &Pin,
    source: &mut dyn Read,
    stage: &str,
    until: &Interrupt,
    on_progress: OnProgress<'_>,
) -> Result<(), String> {
    let shown = |error: std::io::Error| format!("{}: {error}", store.folder.display());
    let mut file = files::temporary_file(&store.folder).map_err(shown)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    let mut done = 0;
    loop {
        until.check().map_err(|interrupted| interrupted.to_string())?;
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
    let place = store.folder.join(&pin.name);
    files::put_in_place(file, &place).map_err(|error| format!("{}: {error}", place.display()))
}
