//! Ctrl-C, a polite kill and a terminal that closes, from the first moment of a command that takes long.
//!
//! | when | what happens |
//! |---|---|
//! | first | the wish to stop is raised: loading ends between tensors, the tuner between trials, a flight between batches |
//! | nothing was measured yet, and a driver or a meter has not come back within [`PATIENCE`] | the process ends |
//! | again, over [`SAME_WISH`] later | the process ends |
//!
//! A process that ends so does what is owed first: power limits are put back, unfinished files go. It does not run the
//! end of the drivers, which are not made for ending under a thread that is inside of them. Exit code: 130.

use super::{Exit, Failure, say, system};
use crate::actuator;
use crate::interrupt::Interrupt;
use crate::meter;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What a person waits for without pressing again, less what the end itself takes.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What comes so soon after the first is the same wish: a terminal that closes tells it twice, by the system and the shell.
const SAME_WISH: Duration = Duration::from_millis(500);

/// Longest time for putting limits back and removing files, where the process ends at once.
const LAST_DUTIES: Duration = Duration::from_secs(1);

type Duty = Box<dyn FnOnce() + Send>;

/// The handler's side and the command's side share this.
#[derive(Default)]
struct Shared {
    interrupt: Interrupt,
    first_wish: OnceLock<Instant>,
    /// Nothing was measured yet, so nothing is lost by an end at once.
    is_preparing: AtomicBool,
    duties: Mutex<Vec<Duty>>,
}

/// The handler, set.
#[derive(Clone)]
pub(super) struct Interrupts(Arc<Shared>);

impl Interrupts {
    /// Sets the handler: the first thing that a command does. Once in a process.
    pub(super) fn handle() -> Result<Interrupts, Failure> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        ctrlc::set_handler(move || wish(&theirs))
            .map_err(|error| Failure::tool(format!("the interrupt handler cannot be set: {error}")))?;
        Ok(Interrupts(shared))
    }

    /// The wish to stop.
    pub(super) fn interrupt(&self) -> &Interrupt {
        &self.0.interrupt
    }

    /// What a process that ends at once does before: it must not wait for anything that the command holds.
    pub(super) fn before_an_end_at_once(&self, duty: impl FnOnce() + Send + 'static) {
        self.0.duties.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(duty));
    }

    /// Does what comes before the first measurement. None where the user stopped it, whatever else went wrong with it.
    pub(super) fn prepare<T>(
        &self,
        prepare: impl FnOnce(&Interrupt) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        self.0.is_preparing.store(true, Ordering::SeqCst);
        let prepared = prepare(&self.0.interrupt);
        if self.0.interrupt.is_requested() {
            // What was prepared goes while an end at once still loses nothing.
            drop(prepared);
            return Ok(None);
        }
        self.0.is_preparing.store(false, Ordering::SeqCst);
        prepared.map(Some)
    }

    /// How a command that came to its end has ended.
    pub(super) fn exit(&self, exit: Exit) -> Exit {
        if self.0.interrupt.is_requested() { Exit::Interrupted } else { exit }
    }
}

/// On the handler's own thread.
fn wish(shared: &Arc<Shared>) {
    shared.interrupt.request();
    if let Some(first) = shared.first_wish.get() {
        return if first.elapsed() > SAME_WISH {
            end_at_once(shared)
        };
    }
    // The handler runs once at a time.
    shared.first_wish.get_or_init(Instant::now);
    say("stopping; once more ends at once");
    let theirs = Arc::clone(shared);
    let patience = std::thread::Builder::new().name("patience".into()).spawn(move || {
        std::thread::sleep(PATIENCE);
        if theirs.is_preparing.load(Ordering::SeqCst) {
            end_at_once(&theirs);
        }
    });
    if patience.is_err() && shared.is_preparing.load(Ordering::SeqCst) {
        end_at_once(shared);
    }
}

fn end_at_once(shared: &Shared) -> ! {
    let duties = std::mem::take(&mut *shared.duties.lock().unwrap_or_else(PoisonError::into_inner));
    let (done, wait) = channel();
    // On a thread, since a driver in trouble may hold up what it is asked for.
    let started = std::thread::Builder::new().name("last duties".into()).spawn(move || {
        actuator::put_back_at_once(&system::meter_roots().sysfs).iter().for_each(|line| say(line));
        duties.into_iter().for_each(|duty| duty());
        // Nobody waits any more where it took too long.
        let _ = done.send(());
    });
    if started.is_ok() {
        let _ = wait.recv_timeout(LAST_DUTIES);
    }
    leave(Exit::Interrupted as u8)
}

/// Ends the process without the end of its drivers.
#[cfg_attr(unix, expect(unsafe_code, reason = "the only call that ends a process without running its end"))]
pub(super) fn leave(code: u8) -> ! {
    meter::program::end_all();
    // Whoever reads it may be gone.
    let _ = std::io::stdout().flush();
    #[cfg(unix)]
    // SAFETY: it takes a plain number and does not come back; nothing of this process is used after it.
    unsafe {
        libc::_exit(i32::from(code))
    }
    #[cfg(not(unix))]
    std::process::exit(i32::from(code))
}
