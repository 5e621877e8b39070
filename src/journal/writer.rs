//! Writing: one line per event, flushed at once, synced at the end of each phase.

use super::{Entry, Event};
use crate::units::Seconds;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// A journal being written.
#[derive(Debug)]
pub struct Journal {
    file: BufWriter<File>,
    sequence: u64,
    first_error: Option<std::io::Error>,
}

impl Journal {
    /// Creates the journal; refuses to overwrite one.
    pub fn create(path: &Path) -> std::io::Result<Journal> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Journal { file: BufWriter::new(file), sequence: 0, first_error: None })
    }

    /// Appends one event. A failed write is kept for [`Journal::close`]: the flight goes on, nothing else is lost.
    pub fn record(&mut self, t: Seconds, event: Event) {
        let durable = !matches!(event, Event::Tick(_) | Event::Work(_));
        let entry = Entry { sequence: self.sequence, t_s: t, event };
        self.sequence += 1;
        // After a failed write nothing more is appended: half a line at the end can be dropped, one in the middle cannot.
        if self.first_error.is_none() {
            self.first_error = self.append(&entry, durable).err();
        }
    }

    fn append(&mut self, entry: &Entry, durable: bool) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.flush()?;
        if durable {
            self.file.get_ref().sync_data()?;
        }
        Ok(())
    }

    /// Everything to disk; the first error of the journal's life, if there was one.
    pub fn close(mut self) -> std::io::Result<()> {
        if let Some(error) = self.first_error.take() {
            return Err(error);
        }
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

/// The text of a whole journal with one more entry behind it. One that ends in half a line is refused.
pub fn extended(text: &[u8], entry: &Entry) -> std::io::Result<Vec<u8>> {
    if !text.ends_with(b"\n") {
        return Err(std::io::Error::other("its last line is torn, so nothing can follow it"));
    }
    let mut all = text.to_vec();
    serde_json::to_writer(&mut all, entry)?;
    all.push(b'\n');
    Ok(all)
}
