//! The thread that runs batches, so that the governor ticks on time while one is under way.
//!
//! It owns the workloads and does one command at a time. A device that hangs must not hang the flight, which ends with
//! an error after [`HANG`]. In the end the thread is joined where it comes back within [`PARTING`], so that the workloads
//! give their memory back while the driver is still there; one that does not is left behind, and [`left_behind`] counts
//! it. After an interrupt nobody waits for an answer that no result would hold.

use super::FlightError;
use super::recorder::Recorder;
use crate::units::Seconds;
use crate::workload::{Compilation, Verification, Work, Workload, WorkloadError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A batch that has not come back after this long never will: the longest, a prompt of 512 tokens, would be slower than
/// 5 tokens/s.
pub(super) const HANG: Seconds = Seconds(100.0);

/// The end of the thread is waited for this long: less than anybody waits for a program that was told to stop.
const PARTING: Duration = Duration::from_secs(1);

/// An interrupt is noticed within this time.
const GLANCE: Duration = Duration::from_millis(20);

/// Threads that did not come back within [`PARTING`].
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// How many threads of workloads were left inside their driver by this process. While there is one, the process must not
/// run the driver's own end, which is not made for that.
pub fn left_behind() -> usize {
    LEFT_BEHIND.load(Ordering::Relaxed)
}

enum Command {
    Batch(usize),
    Verify(usize),
    Compile(usize),
}

enum Answer {
    Batch(Result<Work, WorkloadError>),
    Verify(Result<Option<Verification>, WorkloadError>),
    Compile(Result<Option<Compilation>, WorkloadError>),
}

/// A handle to the thread.
pub(super) struct Worker {
    /// None once the handle goes.
    commands: Option<Sender<Command>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
    names: Vec<String>,
}

impl Worker {
    /// Moves the workloads to their thread.
    pub(super) fn start(mut workloads: Vec<Box<dyn Workload>>) -> std::io::Result<Worker> {
        let names = workloads.iter().map(|workload| workload.description().name.clone()).collect();
        let (commands, inbox) = channel();
        let (outbox, answers) = channel();
        let thread = std::thread::Builder::new().name("workloads".into()).spawn(move || {
            for command in inbox {
                let answer = match command {
                    Command::Batch(index) => Answer::Batch(workloads[index].run_batch()),
                    Command::Verify(index) => Answer::Verify(workloads[index].verify()),
                    Command::Compile(index) => Answer::Compile(workloads[index].compile_again()),
                };
                if outbox.send(answer).is_err() {
                    break;
                }
            }
            // The end of the answers says that the workloads are gone.
            drop(workloads);
            drop(outbox);
        })?;
        Ok(Worker { commands: Some(commands), answers, thread: Some(thread), names })
    }

    fn send(&self, index: usize, command: Command) -> Result<(), WorkloadError> {
        let sent = self.commands.as_ref().map(|commands| commands.send(command));
        if matches!(sent, Some(Ok(()))) { Ok(()) } else { Err(self.gone(index)) }
    }

    /// Starts one batch of workload `index`; its outcome comes from [`Worker::poll`].
    pub(super) fn begin(&self, index: usize) -> Result<(), WorkloadError> {
        self.send(index, Command::Batch(index))
    }

    /// The outcome of the batch under way, if it ends within `patience`.
    pub(super) fn poll(&self, index: usize, patience: Seconds) -> Option<Result<Work, WorkloadError>> {
        match self.answers.recv_timeout(Duration::from_secs_f64(patience.0.max(0.0))) {
            Ok(Answer::Batch(outcome)) => Some(outcome),
            Ok(Answer::Verify(_) | Answer::Compile(_)) | Err(RecvTimeoutError::Disconnected) => {
                Some(Err(self.gone(index)))
            }
            Err(RecvTimeoutError::Timeout) => None,
        }
    }

    /// One batch of workload `index`, waited for.
    pub(super) fn batch(&self, recorder: &Recorder<'_>, index: usize) -> Result<Work, FlightError> {
        match self.ask(recorder, index, Command::Batch(index))? {
            Answer::Batch(outcome) => Ok(outcome?),
            Answer::Verify(_) | Answer::Compile(_) => Err(self.gone(index).into()),
        }
    }

    /// The check of workload `index` against its reference.
    pub(super) fn verify(&self, recorder: &Recorder<'_>, index: usize) -> Result<Option<Verification>, FlightError> {
        match self.ask(recorder, index, Command::Verify(index))? {
            Answer::Verify(outcome) => Ok(outcome?),
            Answer::Batch(_) | Answer::Compile(_) => Err(self.gone(index).into()),
        }
    }

    /// What workload `index` takes to compile.
    pub(super) fn compile_again(
        &self,
        recorder: &Recorder<'_>,
        index: usize,
    ) -> Result<Option<Compilation>, FlightError> {
        match self.ask(recorder, index, Command::Compile(index))? {
            Answer::Compile(outcome) => Ok(outcome?),
            Answer::Batch(_) | Answer::Verify(_) => Err(self.gone(index).into()),
        }
    }

    /// The answer to a command, if it comes before an interrupt and before [`HANG`].
    fn ask(&self, recorder: &Recorder<'_>, index: usize, command: Command) -> Result<Answer, FlightError> {
        self.send(index, command)?;
        let asked = Instant::now();
        loop {
            match self.answers.recv_timeout(GLANCE) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Disconnected) => return Err(self.gone(index).into()),
                Err(RecvTimeoutError::Timeout) if recorder.interrupted() => return Err(FlightError::Interrupted),
                Err(RecvTimeoutError::Timeout) if asked.elapsed().as_secs_f64() > HANG.0 => {
                    return Err(self.hung(index).into());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The error of a batch that never came back.
    pub(super) fn hung(&self, index: usize) -> WorkloadError {
        let reason = format!("no answer from the device for {:.0}; it hangs or was lost", HANG);
        WorkloadError { workload: self.names[index].clone(), reason }
    }

    fn gone(&self, index: usize) -> WorkloadError {
        let reason = "its thread ended unexpectedly; the device or its driver failed".into();
        WorkloadError { workload: self.names[index].clone(), reason }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.commands = None;
        let until = Instant::now() + PARTING;
        let mut outcome = Ok(());
        // An answer that nobody has fetched may come first.
        while outcome.is_ok() {
            outcome = self.answers.recv_timeout(until.saturating_duration_since(Instant::now())).map(drop);
        }
        match (outcome, self.thread.take()) {
            // A panic in there was told as a workload that is gone.
            (Err(RecvTimeoutError::Disconnected), Some(thread)) => drop(thread.join()),
            _ => drop(LEFT_BEHIND.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Event;
    use crate::workload::{Description, Unit};
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    /// A batch of it takes its time; its end is seen.
    struct Slow {
        description: Description,
        batch: Duration,
        gone: Arc<AtomicBool>,
    }

    impl Workload for Slow {
        fn description(&self) -> &Description {
            &self.description
        }

        fn run_batch(&mut self) -> Result<Work, WorkloadError> {
            std::thread::sleep(self.batch);
            Ok(Work { items: 1.0 })
        }
    }

    impl Drop for Slow {
        fn drop(&mut self) {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    fn slow(batch: Duration) -> (Worker, Arc<AtomicBool>) {
        let description = Description {
            name: "slow".into(),
            backend: "none".into(),
            test: String::new(),
            unit: Unit::Flop,
            model: None,
            n_prompt: 0,
            n_gen: 0,
            n_depth: 0,
            batches_per_round: 1,
            items_per_batch: 1.0,
            flop_per_batch: 1.0,
            bytes_per_batch: 0.0,
            result_bits_per_batch: 0.0,
            timing: "host",
        };
        let gone = Arc::new(AtomicBool::new(false));
        let workload = Slow { description, batch, gone: Arc::clone(&gone) };
        (Worker::start(vec![Box::new(workload)]).expect("a thread"), gone)
    }

    /// One test, since the count of threads that were left behind is the whole process's.
    #[test]
    fn an_idle_thread_is_joined_a_busy_one_after_its_batch_and_one_that_hangs_is_left_behind_and_counted() {
        let interrupt = AtomicBool::new(false);
        let mut nobody = |_: &Event| ();
        let recorder = Recorder::new(None, &mut nobody, &interrupt);
        let (worker, gone) = slow(Duration::from_millis(1));
        worker.batch(&recorder, 0).expect("it runs");
        drop(worker);
        assert!(gone.load(Ordering::Relaxed), "idle: its workloads are gone with the handle");

        let (worker, gone) = slow(Duration::from_millis(200));
        interrupt.store(true, Ordering::Relaxed);
        let asked = Instant::now();
        let stopped = worker.batch(&recorder, 0);
        assert!(matches!(stopped, Err(FlightError::Interrupted)), "the wish to stop comes first: {stopped:?}");
        assert!(asked.elapsed() < Duration::from_millis(150), "and at once: {:?}", asked.elapsed());
        drop(worker);
        assert!(gone.load(Ordering::Relaxed), "busy: the batch under way is waited for");
        let before = left_behind();

        let (worker, gone) = slow(PARTING * 3);
        worker.begin(0).expect("it lives");
        let parted = Instant::now();
        drop(worker);
        assert!(parted.elapsed() < PARTING * 2, "no longer than is stated: {:?}", parted.elapsed());
        assert!(
            !gone.load(Ordering::Relaxed) && left_behind() == before + 1,
            "it hangs: it is left behind, and counted"
        );
    }
}
