//! The flight's clock and its journal in one hand: what is recorded is stamped, handed to the journal and shown in one call.
//!
//! The clock is this computer's, or that of a simulated machine, which tells its time.

use crate::journal::{Event, Journal};
use crate::units::Seconds;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the time is told by.
#[derive(Clone, Copy)]
enum Clock {
    /// This computer's clock, since then.
    Started(Instant),
    /// A simulated machine, and this is what it told last.
    Told(Seconds),
}

/// Clock, journal, spectator and the wish to stop.
pub struct Recorder<'a> {
    clock: Clock,
    journal: Option<Journal>,
    spectator: &'a mut dyn FnMut(&Event),
    interrupt: &'a AtomicBool,
}

impl<'a> Recorder<'a> {
    /// Starts the clock. Without a journal the spectator alone hears of events.
    pub fn new(
        journal: Option<Journal>,
        spectator: &'a mut dyn FnMut(&Event),
        interrupt: &'a AtomicBool,
    ) -> Recorder<'a> {
        Recorder { clock: Clock::Started(Instant::now()), journal, spectator, interrupt }
    }

    /// The flight's monotonic clock.
    pub fn now(&self) -> Seconds {
        match self.clock {
            Clock::Started(started) => Seconds(started.elapsed().as_secs_f64()),
            Clock::Told(now) => now,
        }
    }

    /// From now on a simulated machine tells the time; it is zero until it does.
    pub fn simulate(&mut self) {
        self.tell(Seconds::ZERO);
    }

    /// The time of a simulated machine is `now`.
    pub(super) fn tell(&mut self, now: Seconds) {
        self.clock = Clock::Told(now);
    }

    /// True once the user wants to stop.
    pub fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    /// Sleeps for `duration`, in short naps so that an interrupt is noticed.
    pub fn rest(&self, duration: Seconds) {
        let end = self.now() + duration;
        while self.now() < end && !self.interrupted() {
            let nap = (end - self.now()).min(Seconds(0.05)).max(Seconds::ZERO);
            std::thread::sleep(Duration::from_secs_f64(nap.0));
        }
    }

    /// Shows an event and hands it to the journal.
    pub fn record(&mut self, event: Event) {
        (self.spectator)(&event);
        let now = self.now();
        if let Some(journal) = &mut self.journal {
            journal.record(now, event);
        }
    }

    /// Another recorder by the same clock, on a journal of its own, that stops when this one does. A meter that both
    /// look at must not see time run backwards.
    pub(super) fn beside<'b>(&'b self, journal: Journal, spectator: &'b mut dyn FnMut(&Event)) -> Recorder<'b> {
        Recorder { clock: self.clock, ..Recorder::new(Some(journal), spectator, self.interrupt) }
    }

    /// How often the journal's disk made the flight wait.
    pub fn journal_waits(&self) -> u64 {
        self.journal.as_ref().map_or(0, Journal::waits)
    }

    /// Ends the journal; the first write error of its life, if there was one.
    pub fn close(self) -> std::io::Result<()> {
        self.journal.map_or(Ok(()), Journal::close)
    }
}
