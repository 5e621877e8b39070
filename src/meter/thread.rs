//! A thread between the flight and a source that may hang or is slow.
//!
//! A driver in trouble can hold a read for ever, in a state that no signal ends, and a meter on the network answers in
//! tens of milliseconds. So every source outside this process is read on a thread of its own, which looks by itself once
//! a period: a power is integrated as densely as it changes, and no wrap of a counter goes unseen.
//!
//! | [`Answers`] | a look of the flight | the end |
//! |---|---|---|
//! | `Fresh` | asks, and waits a little; then it takes the last answer. Later looks do not wait for the same answer again | nobody waits |
//! | `Latest` | takes the last answer, with the time at which it was taken | waits for [`PARTING`] at most |
//!
//! No look holds up a tick of the flight: [`LOOK_WAIT`] is a part of the shortest tick, and a source that blocks makes one
//! look wait for it, not two. The wait at the end is for an analyser, whose measurement must not run on. An answer that is
//! older than [`DEADLINE`], or than [`STALE_PERIODS`] periods, is [`NoData::Timeout`]. The thread is not joined: if its read never returns, it is left
//! behind. If it does return, the source is read as before, and a counter has missed nothing.

use super::{Meter, cpu_clock};
use crate::reading::{Coverage, NoData, Reading, Source, Throttling};
use crate::units::Seconds;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The oldest answer that a look takes from a source that should answer at once. Reads take a millisecond; on a machine
/// that is busy on all cores, a thread may have to wait its turn for tens of them.
pub const DEADLINE: Seconds = Seconds(0.5);

/// The longest that a look waits for a new answer: two fifths of the shortest tick, 50 ms, so that a tick that waits for two
/// sources that block at once is still not late.
pub const LOOK_WAIT: Seconds = Seconds(0.02);

/// After so many periods without an answer there is none.
pub const STALE_PERIODS: f64 = 5.0;

/// The end of a slow source is waited for this long: an analyser may take a sampling interval, a second, for its last
/// answer.
pub const PARTING: Duration = Duration::from_millis(1300);

/// No source changes faster, and a thread that never rests would itself be the load.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);

/// Which answer a look gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answers {
    /// A new one, or the last one where none comes in time.
    Fresh {
        /// The longest that a look waits.
        wait: Seconds,
        /// The oldest answer that it takes.
        oldest: Seconds,
    },
    /// The last one that the thread got by itself.
    Latest,
}

/// What the thread leaves for those who look.
struct Answer {
    reading: Reading,
    coverage: Coverage,
    throttling: Option<Throttling>,
    beside: Vec<(Reading, Coverage)>,
    /// Of the thread and of what works for its source so far.
    cpu_time: Option<Seconds>,
}

impl Answer {
    fn of(meter: &dyn Meter, reading: Reading, cpu_time: Option<Seconds>) -> Answer {
        let (coverage, throttling, beside) = (meter.coverage(), meter.throttling(), meter.beside());
        Answer { reading, coverage, throttling, beside, cpu_time }
    }
}

/// Where question and answer lie.
struct Desk {
    asked: u64,
    answered: u64,
    latest: Answer,
    is_closed: bool,
}

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
pub struct Threaded {
    source: Source,
    beside_sources: Vec<Source>,
    shared: Arc<Shared>,
    epoch: Instant,
    answers: Answers,
    stale_after: Seconds,
    /// From the thread's clock to the flight's, at the last look, and whether that look got no answer.
    offset: Seconds,
    is_late: bool,
    timeouts: u64,
    /// Disconnected once the thread has ended and its source is closed.
    ended: Receiver<()>,
}

impl Threaded {
    /// Moves `meter` to a thread that looks every `period` by itself, on the clock that began at `epoch`; `first` is the
    /// last reading that it gave on that clock. The caller's clock need not be the same at every look.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        mut meter: Box<dyn Meter>,
        (epoch, first): (Instant, Reading),
        period: Seconds,
        answers: Answers,
    ) -> io::Result<Threaded> {
        let (source, beside_sources) = (meter.source().clone(), meter.beside_sources());
        let desk = Desk { asked: 0, answered: 0, latest: Answer::of(meter.as_ref(), first, None), is_closed: false };
        let (question, answer) = (Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { desk: Mutex::new(desk), question, answer });
        let theirs = Arc::clone(&shared);
        let (end, ended) = channel();
        let rests_after = answers != Answers::Latest;
        let pause = duration(period).max(SHORTEST_PERIOD);
        std::thread::Builder::new().name(format!("meter {}", source.name)).spawn(move || {
            serve(&theirs, meter.as_mut(), epoch, (pause, rests_after));
            drop(meter);
            drop::<Sender<()>>(end);
        })?;
        let stale_after = period.max(source.update_period_s) * STALE_PERIODS;
        let (offset, is_late, timeouts) = (Seconds::ZERO, false, 0);
        Ok(Threaded { source, beside_sources, shared, epoch, answers, stale_after, offset, is_late, timeouts, ended })
    }

    /// Asks, unless an earlier question is still open; whether there is an answer.
    fn ask(&self, wait: Seconds) -> bool {
        let mut desk = self.shared.desk();
        if desk.answered == desk.asked {
            desk.asked += 1;
            let ticket = desk.asked;
            self.shared.question.notify_one();
            (desk, _) = self
                .shared
                .answer
                .wait_timeout_while(desk, duration(wait), |desk| desk.answered < ticket)
                .unwrap_or_else(PoisonError::into_inner);
        }
        desk.answered == desk.asked
    }

    /// Whether the last answer is from then or later; what stands there before anything was asked is none.
    fn has_answer_since(&self, then: Seconds) -> bool {
        let answer = self.shared.desk().latest.reading;
        answer.energy != Err(NoData::NotYet) && answer.taken_at >= then
    }
}

/// Looks when it is asked to, and else a `period` after the last look began (or ended, where it `rests_after` it), until the
/// desk is closed.
fn serve(shared: &Shared, meter: &mut dyn Meter, epoch: Instant, (period, rests_after): (Duration, bool)) {
    let mut due = Instant::now() + period;
    loop {
        let is_idle = |desk: &mut Desk| !desk.is_closed && desk.answered >= desk.asked;
        let rest = due.saturating_duration_since(Instant::now());
        let (desk, _) =
            shared.question.wait_timeout_while(shared.desk(), rest, is_idle).unwrap_or_else(PoisonError::into_inner);
        if desk.is_closed {
            return;
        }
        let ticket = desk.asked;
        drop(desk);
        let began = Instant::now();
        let reading = meter.read(Seconds(epoch.elapsed().as_secs_f64()));
        let cpu_time = match (cpu_clock::of_this_thread(), meter.cpu_time()) {
            (Some(thread), Some(program)) => Some(thread + program),
            (thread, program) => thread.or(program),
        };
        let answer = Answer::of(meter, reading, cpu_time);
        due = if rests_after { Instant::now() } else { began } + period;
        let mut desk = shared.desk();
        (desk.answered, desk.latest) = (ticket, answer);
        shared.answer.notify_all();
    }
}

impl Meter for Threaded {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        let here = Seconds(self.epoch.elapsed().as_secs_f64());
        self.offset = now - here;
        let is_answered = match self.answers {
            Answers::Fresh { wait, oldest } => self.ask(wait) || self.has_answer_since(here - oldest),
            Answers::Latest => self.shared.desk().latest.reading.age(here) <= self.stale_after,
        };
        self.is_late = !is_answered;
        if self.is_late {
            self.timeouts += 1;
            return Reading::absent(now, NoData::Timeout);
        }
        let reading = self.shared.desk().latest.reading;
        Reading { taken_at: reading.taken_at + self.offset, ..reading }
    }

    fn coverage(&self) -> Coverage {
        let seen = self.shared.desk().latest.coverage;
        Coverage { looks: seen.looks + self.timeouts, missed: seen.missed + self.timeouts, ..seen }
    }

    fn throttling(&self) -> Option<Throttling> {
        self.shared.desk().latest.throttling
    }

    fn beside_sources(&self) -> Vec<Source> {
        self.beside_sources.clone()
    }

    fn beside(&self) -> Vec<(Reading, Coverage)> {
        let onto_flight = |&(reading, coverage): &(Reading, Coverage)| {
            let taken_at = reading.taken_at + self.offset;
            // A thread that has not answered has no news from them either.
            let energy = if self.is_late { Err(NoData::Timeout) } else { reading.energy };
            (Reading { taken_at, energy, ..reading }, coverage)
        };
        self.shared.desk().latest.beside.iter().map(onto_flight).collect()
    }

    fn cpu_time(&self) -> Option<Seconds> {
        self.shared.desk().latest.cpu_time
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.shared.desk().is_closed = true;
        self.shared.question.notify_one();
        if self.answers == Answers::Latest {
            // A thread that does not come back is left behind.
            let _ = self.ended.recv_timeout(PARTING);
        }
    }
}

fn duration(seconds: Seconds) -> Duration {
    Duration::try_from_secs_f64(seconds.0).unwrap_or(Duration::ZERO)
}
