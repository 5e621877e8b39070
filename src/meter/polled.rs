//! A thread that asks a slow source once a period, so that nobody waits for it: a meter on the network answers in tens
//! of milliseconds, and a flight that turns ten times a second must neither wait for it nor ask it each time.
//!
//! A look gives the latest answer with the time at which it was taken. An answer older than [`STALE_PERIODS`] periods is
//! [`NoData::Timeout`]: the thread hangs, and is left behind. In the end the thread is waited for, for at most [`PARTING`],
//! so that a source that has something to end ends it: a measurement on an analyser must not run on.

use super::{Meter, cpu_clock};
use crate::reading::{Coverage, NoData, Reading, Source};
use crate::units::Seconds;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After so many periods without an answer there is none.
pub const STALE_PERIODS: f64 = 5.0;

/// The end of the thread is waited for this long: an analyser may take a sampling interval, a second, for its last answer.
pub const PARTING: Duration = Duration::from_millis(1300);

/// What the thread leaves for those who look.
struct Answer {
    reading: Reading,
    coverage: Coverage,
    /// Of the thread so far.
    cpu_time: Option<Seconds>,
}

type Latest = Mutex<Answer>;

/// A source behind a thread that asks by itself.
pub struct Polled {
    source: Source,
    latest: Arc<Latest>,
    epoch: Instant,
    stale_after: Seconds,
    /// The thread ends once the other end is gone: nothing is ever sent.
    wanted: Option<Sender<()>>,
    /// Disconnected once the thread has ended and its source is closed.
    ended: Receiver<()>,
}

impl Polled {
    /// Moves `meter`, which has been read once at `first` on the clock that began at `epoch`, to a thread.
    pub fn start(mut meter: Box<dyn Meter>, epoch: Instant, first: Reading, period: Seconds) -> io::Result<Polled> {
        let source = meter.source().clone();
        let latest = Arc::new(Mutex::new(Answer { reading: first, coverage: meter.coverage(), cpu_time: None }));
        let theirs = Arc::clone(&latest);
        let (wanted, until) = channel();
        let (end, ended) = channel();
        let pause = Duration::try_from_secs_f64(period.0).unwrap_or(Duration::from_secs(1));
        let name = format!("meter {}", source.name);
        std::thread::Builder::new().name(name).spawn(move || {
            ask(meter.as_mut(), &theirs, epoch, (pause, &until));
            drop(meter);
            drop::<Sender<()>>(end);
        })?;
        Ok(Polled { source, latest, epoch, stale_after: period * STALE_PERIODS, wanted: Some(wanted), ended })
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.wanted = None;
        // A thread that does not come back is left behind.
        let _ = self.ended.recv_timeout(PARTING);
    }
}

/// Asks until nobody wants to know any more. The next question is due a period after the last one was asked, or at once.
fn ask(meter: &mut dyn Meter, latest: &Latest, epoch: Instant, (period, until): (Duration, &Receiver<()>)) {
    let mut due = Instant::now() + period;
    while let Err(RecvTimeoutError::Timeout) = until.recv_timeout(due.saturating_duration_since(Instant::now())) {
        due = Instant::now() + period;
        let reading = meter.read(Seconds(epoch.elapsed().as_secs_f64()));
        let (coverage, cpu_time) = (meter.coverage(), cpu_clock::of_this_thread());
        *hold(latest) = Answer { reading, coverage, cpu_time };
    }
}

/// Plain values, valid at every moment: a panic elsewhere does not spoil them.
fn hold(latest: &Latest) -> MutexGuard<'_, Answer> {
    latest.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter for Polled {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        let here = Seconds(self.epoch.elapsed().as_secs_f64());
        let reading = hold(&self.latest).reading;
        if reading.age(here) > self.stale_after {
            return Reading::absent(now, NoData::Timeout);
        }
        Reading { taken_at: reading.taken_at + (now - here), ..reading }
    }

    fn coverage(&self) -> Coverage {
        hold(&self.latest).coverage
    }

    fn cpu_time(&self) -> Option<Seconds> {
        hold(&self.latest).cpu_time
    }
}
