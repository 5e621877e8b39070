//! Work under way on a thread, for which nobody waits longer than it may take.

use super::probe::Refusal;
use crate::reading::NoData;
use crate::units::Seconds;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Work under way on a thread that may never come back.
pub(super) struct Pending<T> {
    answer: std::io::Result<Receiver<T>>,
    deadline: Seconds,
    until: Instant,
}

impl<T: Send + 'static> Pending<T> {
    /// Starts `work`, which has until `deadline` from now.
    pub(super) fn start(deadline: Seconds, work: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
        let (sender, answer) = mpsc::sync_channel(1);
        let until = Instant::now() + Duration::try_from_secs_f64(deadline.0).unwrap_or(Duration::ZERO);
        let thread = std::thread::Builder::new().name("meter probe".to_owned()).spawn(move || {
            // The receiver may have stopped waiting; then nobody wants the answer.
            drop(sender.send(work()));
        });
        Pending { answer: thread.map(|_| answer), deadline, until }
    }

    /// The answer, or why there is none.
    pub(super) fn wait(self) -> Result<T, Refusal> {
        let left = self.until.saturating_duration_since(Instant::now());
        self.answer.map_err(|error| no_thread(&error))?.recv_timeout(left).map_err(|_| {
            Refusal::new(NoData::Timeout, format!("no answer within {}", self.deadline)).with_remedy(
                "the driver hangs: look into the kernel's log, and reset the device or restart the machine",
            )
        })
    }
}

/// Why there is no thread.
pub(super) fn no_thread(error: &std::io::Error) -> Refusal {
    Refusal::new(NoData::NotSupported, format!("no thread to read it on: {error}"))
}
