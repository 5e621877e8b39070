//! The lines of a program on their way to whoever asks for them: read at once, so that no line waits in the pipe and each
//! is as old as it says.
//!
//! A program may print faster than anybody asks. Then every second of the waiting lines goes, and the newest stays: what is
//! left is spread over the whole time. A line that is too long or has no end is told as such, and the next one is read.

use super::cpu_clock;
use crate::units::Seconds;
use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The longest line. Chosen: a number with its name takes some tens of bytes.
pub(super) const LINE_MAX: usize = 4096;

/// Lines that wait at most. Chosen: more than a look needs, and a few hundred kilobytes at most.
const WAITING_MAX: usize = 1024;

/// A line, and when it came.
pub(super) struct Line {
    pub(super) came: Instant,
    pub(super) text: String,
    /// False where it is longer than [`LINE_MAX`], of which `text` is the beginning, or its end never came.
    pub(super) is_whole: bool,
}

/// Lines between the thread that reads them and the one that takes them.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
    /// CPU time of the thread that reads.
    reader_ns: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Line>,
    /// Nothing more comes, or nobody takes it.
    is_closed: bool,
}

impl Queue {
    /// A queue holds plain values that are valid at every moment, so a panic elsewhere does not spoil it.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody still takes lines.
    fn push(&self, line: Line) -> bool {
        let mut waiting = self.waiting();
        if waiting.lines.len() >= WAITING_MAX {
            let mut is_kept = false;
            waiting.lines.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
        waiting.lines.push_back(line);
        self.news.notify_one();
        !waiting.is_closed
    }

    fn close(&self) {
        self.waiting().is_closed = true;
        self.news.notify_one();
    }
}

/// The end of the queue at which lines are taken.
#[derive(Default)]
pub(super) struct Lines(Arc<Queue>);

impl Lines {
    /// The other end.
    pub(super) fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.0)
    }

    /// CPU time of the thread that reads them.
    pub(super) fn reader_time(&self) -> Seconds {
        Seconds(self.0.reader_ns.load(Ordering::Relaxed) as f64 * 1e-9)
    }

    /// The next line that is there.
    pub(super) fn try_take(&self) -> Result<Line, TryRecvError> {
        let mut waiting = self.0.waiting();
        let none = if waiting.is_closed { TryRecvError::Disconnected } else { TryRecvError::Empty };
        waiting.lines.pop_front().ok_or(none)
    }

    /// The next line that comes before `until`.
    pub(super) fn take_before(&self, until: Instant) -> Result<Line, RecvTimeoutError> {
        let left = until.saturating_duration_since(Instant::now());
        let is_idle = |waiting: &mut Waiting| waiting.lines.is_empty() && !waiting.is_closed;
        let waited = self.0.news.wait_timeout_while(self.0.waiting(), left, is_idle);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let none = if waiting.is_closed { RecvTimeoutError::Disconnected } else { RecvTimeoutError::Timeout };
        waiting.lines.pop_front().ok_or(none)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Reads `output` to its end, or until nobody takes its lines.
pub(super) fn read_lines(mut output: impl BufRead, queue: &Queue) {
    loop {
        let mut bytes = Vec::new();
        let read = output.by_ref().take(LINE_MAX as u64).read_until(b'\n', &mut bytes);
        if !read.is_ok_and(|count| count > 0) {
            break;
        }
        let came = Instant::now();
        let is_whole = bytes.ends_with(b"\n");
        let has_rest = !is_whole && bytes.len() >= LINE_MAX;
        let line = Line { came, text: String::from_utf8_lossy(&bytes).trim().to_owned(), is_whole };
        let time = cpu_clock::of_this_thread().unwrap_or(Seconds::ZERO);
        queue.reader_ns.store((time.0 * 1e9) as u64, Ordering::Relaxed);
        if !queue.push(line) || (has_rest && !pass_over(&mut output)) {
            break;
        }
    }
    queue.close();
}

/// Passes over the rest of a line; false where none follows it.
fn pass_over(output: &mut impl BufRead) -> bool {
    loop {
        let Ok(part) = output.fill_buf() else { return false };
        let end = part.iter().position(|&byte| byte == b'\n');
        let (count, is_over) = (end.map_or(part.len(), |end| end + 1), part.is_empty());
        output.consume(count);
        if is_over || end.is_some() {
            return !is_over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &[u8]) -> Vec<(String, bool)> {
        let lines = Lines::default();
        read_lines(text, &lines.queue());
        std::iter::from_fn(|| lines.try_take().ok()).map(|line| (line.text, line.is_whole)).collect()
    }

    #[test]
    fn a_line_that_is_too_long_or_torn_is_told_and_the_next_one_is_read() {
        let long = [b"1\n" as &[u8], &[b'9'; 3 * LINE_MAX], b"\n2\n3"].concat();
        let (lines, nines) = (taken(&long), "9".repeat(LINE_MAX));
        let expected = [("1", true), (nines.as_str(), false), ("2", true), ("3", false)];
        assert_eq!(lines, expected.map(|(text, is_whole)| (text.to_owned(), is_whole)), "the last has no end");
        assert_eq!(taken(&[b'9'; 3 * LINE_MAX]).len(), 1, "one that never ends is one");
    }

    #[test]
    fn of_more_lines_than_wait_the_newest_stays_and_the_others_are_spread() {
        let text: String = (0..100 * WAITING_MAX).map(|number| format!("{number}\n")).collect();
        let numbers: Vec<usize> =
            taken(text.as_bytes()).iter().map(|(text, _)| text.parse().expect("a number")).collect();
        assert!(numbers.len() <= WAITING_MAX, "no more than {WAITING_MAX}: {}", numbers.len());
        assert_eq!((numbers.first(), numbers.last()), (Some(&0), Some(&(100 * WAITING_MAX - 1))), "from first to last");
        assert!(numbers.is_sorted(), "in their order");
    }
}
