//! Writing: events go to a thread of their own, which makes lines of them and waits for the disk.
//!
//! ```text
//!   flight ──record──> channel of 1024 events ──> thread, every 50 ms: lines, flushed; synced at each phase
//! ```
//!
//! A flight must not wait for a disk, nor wake a thread with every event: the thread comes by itself. A channel that is full makes it wait all the same, since nothing may be lost;
//! how often is counted. Order is kept. Closing waits until all is on the disk, and so does dropping, in a panic too.

use super::{Entry, Event};
use crate::units::Seconds;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Events on their way: 50 s of ticks at 0.05 s, which is longer than a healthy disk ever waits.
const CHANNEL_EVENTS: usize = 1024;

/// The thread looks for events this often; what a kill loses is not older.
const GATHER: Duration = Duration::from_millis(50);

/// A journal being written.
#[derive(Debug)]
pub struct Journal {
    entries: Option<SyncSender<Entry>>,
    writer: Option<JoinHandle<std::io::Result<()>>>,
    sequence: u64,
    waits: u64,
}

impl Journal {
    /// Creates the journal; refuses to overwrite one.
    pub fn create(path: &Path) -> std::io::Result<Journal> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Journal::to(file, File::sync_data, CHANNEL_EVENTS)
    }

    /// A journal into `out`, with what brings that to the disk, behind a channel of so many events.
    fn to<W: Write + Send + 'static>(
        out: W,
        sync: fn(&W) -> std::io::Result<()>,
        events: usize,
    ) -> std::io::Result<Journal> {
        let (entries, inbox) = sync_channel(events);
        let writer = std::thread::Builder::new().name("journal".into()).spawn(move || write_all(&inbox, out, sync))?;
        Ok(Journal { entries: Some(entries), writer: Some(writer), sequence: 0, waits: 0 })
    }

    /// Appends one event. A failed write is kept for [`Journal::close`]: the flight goes on, nothing else is lost.
    pub fn record(&mut self, t: Seconds, event: Event) {
        let entry = Entry { sequence: self.sequence, t_s: t, event };
        self.sequence += 1;
        let Some(entries) = &self.entries else { return };
        if let Err(TrySendError::Full(entry)) = entries.try_send(entry) {
            self.waits += 1;
            self.wake();
            // The thread ends only after this end of the channel; if it panicked, closing tells.
            drop(entries.send(entry));
        }
    }

    /// How often [`Journal::record`] had to wait, since the disk was slower than the flight.
    pub fn waits(&self) -> u64 {
        self.waits
    }

    /// Everything to disk; the first error of the journal's life, if there was one.
    pub fn close(mut self) -> std::io::Result<()> {
        self.finish()
    }

    fn wake(&self) {
        if let Some(writer) = &self.writer {
            writer.thread().unpark();
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.entries = None;
        self.wake();
        let panicked = || std::io::Error::other("the thread that writes it ended unexpectedly");
        self.writer.take().map_or(Ok(()), |writer| writer.join().map_err(|_| panicked())?)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever wants to know of an error closes it.
        drop(self.finish());
    }
}

/// Writes until the other end of the channel is gone. After a failed write nothing more is appended: half a line at the
/// end can be dropped, one in the middle cannot.
fn write_all<W: Write>(inbox: &Receiver<Entry>, out: W, sync: fn(&W) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut outcome = Ok(());
    loop {
        match inbox.try_recv() {
            Ok(first) if outcome.is_ok() => outcome = write_batch(first, inbox, &mut out, sync),
            Ok(_) => {}
            Err(TryRecvError::Empty) => std::thread::park_timeout(GATHER),
            Err(TryRecvError::Disconnected) => break,
        }
    }
    outcome?;
    out.flush()?;
    sync(out.get_ref())
}

/// One event and all that wait behind it.
fn write_batch<W: Write>(
    first: Entry,
    inbox: &Receiver<Entry>,
    out: &mut BufWriter<W>,
    sync: fn(&W) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut ends_phase = false;
    for entry in std::iter::once(first).chain(inbox.try_iter().take(CHANNEL_EVENTS)) {
        ends_phase |= is_end_of_phase(&entry.event);
        serde_json::to_writer(&mut *out, &entry)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    if ends_phase { sync(out.get_ref()) } else { Ok(()) }
}

/// What happens many times within a phase can wait for its end to reach the disk.
fn is_end_of_phase(event: &Event) -> bool {
    !matches!(event, Event::Tick(_) | Event::Work(_) | Event::Energy(_) | Event::Regime { .. } | Event::PowerLimit(_))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A disk that takes its time, breaks after so many bytes, and shows what is on it.
    #[derive(Clone)]
    struct Disk {
        text: Arc<Mutex<Vec<u8>>>,
        each: Duration,
        room: usize,
    }

    impl Disk {
        fn new(each: Duration, room: usize) -> Disk {
            Disk { text: Arc::default(), each, room }
        }

        fn sequences(&self) -> Vec<u64> {
            let text = self.text.lock().expect("no test panics here").clone();
            let lines = text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
            lines.map(|line| serde_json::from_slice::<Entry>(line).expect("a whole entry").sequence).collect()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            std::thread::sleep(self.each);
            let mut text = self.text.lock().expect("no test panics here");
            if text.len() + bytes.len() > self.room {
                return Err(std::io::Error::other("no space is left"));
            }
            text.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn journal(disk: &Disk, events: usize) -> Journal {
        Journal::to(disk.clone(), |_| Ok(()), events).expect("a thread")
    }

    #[test]
    fn a_full_channel_loses_nothing_keeps_the_order_and_is_counted() {
        let disk = Disk::new(Duration::from_millis(20), usize::MAX);
        let mut journal = journal(&disk, 2);
        for _ in 0..40 {
            journal.record(Seconds(0.5), Event::Departed);
        }
        assert!(journal.waits() > 0, "two have room, forty come at once");
        journal.close().expect("all is written");
        assert_eq!(disk.sequences(), (0..40).collect::<Vec<u64>>(), "each once, in order");
    }

    #[test]
    fn what_was_recorded_before_a_panic_is_written() {
        let disk = Disk::new(Duration::from_millis(5), usize::MAX);
        let theirs = disk.clone();
        let panicked = std::thread::spawn(move || {
            let mut journal = journal(&theirs, 64);
            (0..30).for_each(|_| journal.record(Seconds(1.0), Event::Departed));
            panic!("in flight, as this test wants it");
        });
        assert!(panicked.join().is_err(), "it panicked");
        assert_eq!(disk.sequences().len(), 30, "and all was written");
    }

    #[test]
    fn a_failed_write_is_told_at_the_end_and_nothing_is_appended_behind_it() {
        let disk = Disk::new(Duration::ZERO, 200);
        let mut journal = journal(&disk, 4);
        journal.record(Seconds(1.0), Event::Departed);
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while disk.sequences().is_empty() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        for _ in 1..20 {
            journal.record(Seconds(1.0), Event::Departed);
            std::thread::sleep(Duration::from_millis(1));
        }
        let error = journal.close().expect_err("the disk is full").to_string();
        assert!(error.contains("no space"), "what the system said: {error}");
        let sequences = disk.sequences();
        assert!(!sequences.is_empty() && sequences.len() < 20, "what came before stays: {sequences:?}");
        assert_eq!(sequences, (0..sequences.len() as u64).collect::<Vec<u64>>(), "without holes");
    }

    #[test]
    fn what_was_handed_over_a_moment_ago_is_in_the_file_while_the_flight_goes_on() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::create(&path).expect("a journal");
        journal.record(Seconds(1.0), Event::Departed);
        let lines = || std::fs::read_to_string(&path).expect("it is there").lines().count();
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while lines() == 0 && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(lines(), 1, "a kill would lose nothing");
        journal.close().expect("all is written");
    }
}
