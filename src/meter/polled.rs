//! A thread that asks a slow source once a period, so that nobody waits for it: a meter on the network answers in tens
//! of milliseconds, and a flight that turns ten times a second must neither wait for it nor ask it each time.
//!
//! A look gives the latest answer with the time at which it was taken. An answer older than [`STALE_PERIODS`] periods is
//! [`NoData::Timeout`]: the thread hangs, and is left behind.

use super::{Meter, cpu_clock};
use crate::reading::{Coverage, NoData, Reading, Source};
use crate::units::Seconds;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// After so many periods without an answer there is none.
pub const STALE_PERIODS: f64 = 5.0;

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
}

impl Polled {
    /// Moves `meter`, which has been read once at `first` on the clock that began at `epoch`, to a thread.
    pub fn start(mut meter: Box<dyn Meter>, epoch: Instant, first: Reading, period: Seconds) -> io::Result<Polled> {
        let source = meter.source().clone();
        let latest = Arc::new(Mutex::new(Answer { reading: first, coverage: meter.coverage(), cpu_time: None }));
        let theirs = Arc::downgrade(&latest);
        let pause = Duration::try_from_secs_f64(period.0).unwrap_or(Duration::from_secs(1));
        let name = format!("meter {}", source.name);
        std::thread::Builder::new().name(name).spawn(move || ask(meter.as_mut(), &theirs, epoch, pause))?;
        Ok(Polled { source, latest, epoch, stale_after: period * STALE_PERIODS })
    }
}

/// Asks until nobody wants to know any more. The next question is due a period after the last one was asked, or at once.
fn ask(meter: &mut dyn Meter, latest: &Weak<Latest>, epoch: Instant, period: Duration) {
    let mut due = Instant::now() + period;
    loop {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due = Instant::now() + period;
        if latest.strong_count() == 0 {
            return;
        }
        let reading = meter.read(Seconds(epoch.elapsed().as_secs_f64()));
        let Some(latest) = latest.upgrade() else { return };
        let (coverage, cpu_time) = (meter.coverage(), cpu_clock::of_this_thread());
        *hold(&latest) = Answer { reading, coverage, cpu_time };
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
