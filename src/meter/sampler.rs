//! A thread between the flight and a source that may hang.
//!
//! A driver in trouble can hold a read for ever, in a state that no signal ends. So every source outside this process is
//! read on a thread of its own. The flight asks, waits for at most the deadline, and goes on with [`NoData::Timeout`];
//! later looks do not wait for the same answer again. The thread is not joined: if its read never returns, it is left
//! behind. If it does return, the source is read as before, and a counter has missed nothing.
//!
//! Between the flight's looks the thread looks by itself once a period, so that a power is integrated as densely as it
//! changes and no wrap of a counter goes unseen.

use super::{Meter, cpu_clock};
use crate::reading::{Coverage, NoData, Reading, Source, Throttling};
use crate::units::Seconds;
use std::io;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest that a look waits. Reads take a millisecond; on a machine that is busy on all cores, a thread may have
/// to wait its turn for tens of them.
pub const DEADLINE: Seconds = Seconds(0.5);

/// No source changes faster, and a thread that never rests would itself be the load.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// Where question and answer lie.
#[derive(Default)]
struct Desk {
    asked: u64,
    answered: u64,
    latest: Option<(Reading, Coverage)>,
    throttling: Option<Throttling>,
    witnesses: Vec<(Reading, Coverage)>,
    cpu_time: Option<Seconds>,
    is_closed: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    question: Condvar,
    answer: Condvar,
}

impl Shared {
    /// The desk holds plain values that are valid at every moment, so a panic elsewhere does not spoil it.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A source behind a thread.
pub struct Sampler {
    source: Source,
    witness_sources: Vec<Source>,
    shared: Arc<Shared>,
    epoch: Instant,
    /// From the thread's clock to the flight's, at the last look.
    offset: Seconds,
    deadline: Duration,
    timeouts: u64,
}

impl Sampler {
    /// Moves `meter` to a thread that looks every `period` by itself. There the meter has a clock of its own, so that
    /// the caller's need not be the same at every look.
    pub fn start(mut meter: Box<dyn Meter>, period: Seconds, deadline: Seconds) -> io::Result<Sampler> {
        let epoch = Instant::now();
        let (source, witness_sources) = (meter.source().clone(), meter.witness_sources());
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let period = duration(period).max(SHORTEST_PERIOD);
        let name = format!("meter {}", source.name);
        std::thread::Builder::new().name(name).spawn(move || serve(&theirs, meter.as_mut(), epoch, period))?;
        let (deadline, offset) = (duration(deadline), Seconds::ZERO);
        Ok(Sampler { source, witness_sources, shared, epoch, offset, deadline, timeouts: 0 })
    }
}

/// Answers questions until the desk is closed.
fn serve(shared: &Shared, meter: &mut dyn Meter, epoch: Instant, period: Duration) {
    loop {
        let desk = shared.desk();
        let is_idle = |desk: &mut Desk| !desk.is_closed && desk.answered >= desk.asked;
        let (desk, _) =
            shared.question.wait_timeout_while(desk, period, is_idle).unwrap_or_else(PoisonError::into_inner);
        if desk.is_closed {
            return;
        }
        let ticket = desk.asked;
        drop(desk);
        let reading = meter.read(Seconds(epoch.elapsed().as_secs_f64()));
        let (coverage, throttling, witnesses) = (meter.coverage(), meter.throttling(), meter.witnesses());
        let mut desk = shared.desk();
        desk.answered = ticket;
        desk.latest = Some((reading, coverage));
        (desk.throttling, desk.witnesses) = (throttling, witnesses);
        desk.cpu_time = cpu_clock::of_this_thread();
        shared.answer.notify_all();
    }
}

impl Meter for Sampler {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        // From the thread's clock to the flight's.
        let offset = now - Seconds(self.epoch.elapsed().as_secs_f64());
        self.offset = offset;
        let mut desk = self.shared.desk();
        let is_still_waiting = desk.answered < desk.asked;
        if !is_still_waiting {
            desk.asked += 1;
            let ticket = desk.asked;
            self.shared.question.notify_one();
            (desk, _) = self
                .shared
                .answer
                .wait_timeout_while(desk, self.deadline, |desk| desk.answered < ticket)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if desk.answered < desk.asked {
            self.timeouts += 1;
            return Reading::absent(now, NoData::Timeout);
        }
        match desk.latest {
            Some((reading, _)) => Reading { taken_at: reading.taken_at + offset, ..reading },
            None => Reading::absent(now, NoData::NotYet),
        }
    }

    fn coverage(&self) -> Coverage {
        let seen = self.shared.desk().latest.map(|(_, coverage)| coverage).unwrap_or_default();
        Coverage { looks: seen.looks + self.timeouts, missed: seen.missed + self.timeouts, ..seen }
    }

    fn throttling(&self) -> Option<Throttling> {
        self.shared.desk().throttling
    }

    fn witness_sources(&self) -> Vec<Source> {
        self.witness_sources.clone()
    }

    fn witnesses(&self) -> Vec<(Reading, Coverage)> {
        let desk = self.shared.desk();
        // A thread that has not answered has no news from them either.
        let is_late = desk.answered < desk.asked;
        let onto_flight = |&(reading, coverage): &(Reading, Coverage)| {
            let taken_at = reading.taken_at + self.offset;
            let energy = if is_late { Err(NoData::Timeout) } else { reading.energy };
            (Reading { taken_at, energy, ..reading }, coverage)
        };
        desk.witnesses.iter().map(onto_flight).collect()
    }

    fn cpu_time(&self) -> Option<Seconds> {
        self.shared.desk().cpu_time
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.shared.desk().is_closed = true;
        self.shared.question.notify_one();
    }
}

/// Work under way on a thread that may never come back.
pub(super) struct Pending<T> {
    answer: Receiver<T>,
    until: Instant,
}

impl<T: Send + 'static> Pending<T> {
    /// Starts `work`, which has until `deadline` from now.
    pub(super) fn start(deadline: Seconds, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Pending<T>> {
        let (sender, answer) = mpsc::sync_channel(1);
        let until = Instant::now() + duration(deadline);
        std::thread::Builder::new().name("meter probe".to_owned()).spawn(move || {
            // The receiver may have stopped waiting; then nobody wants the answer.
            drop(sender.send(work()));
        })?;
        Ok(Pending { answer, until })
    }

    /// The answer, or none if it did not come in time.
    pub(super) fn wait(self) -> Option<T> {
        self.answer.recv_timeout(self.until.saturating_duration_since(Instant::now())).ok()
    }
}

fn duration(seconds: Seconds) -> Duration {
    Duration::try_from_secs_f64(seconds.0).unwrap_or(Duration::ZERO)
}
