//! The thread that runs batches, so that the governor ticks on time while one is under way.
//!
//! It owns the workloads and does one command at a time. It is not joined: a device that hangs must not hang the
//! flight, which ends with an error after [`HANG`] and leaves the thread behind.

use crate::units::Seconds;
use crate::workload::{Compilation, Verification, Work, Workload, WorkloadError};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A batch that has not come back after this long never will: the longest, a prompt of 512 tokens, would be slower than
/// 5 tokens/s.
pub(super) const HANG: Seconds = Seconds(100.0);

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
    commands: Sender<Command>,
    answers: Receiver<Answer>,
    names: Vec<String>,
}

impl Worker {
    /// Moves the workloads to their thread.
    pub(super) fn start(mut workloads: Vec<Box<dyn Workload>>) -> std::io::Result<Worker> {
        let names = workloads.iter().map(|workload| workload.description().name.clone()).collect();
        let (commands, inbox) = channel();
        let (outbox, answers) = channel();
        std::thread::Builder::new().name("workloads".into()).spawn(move || {
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
        })?;
        Ok(Worker { commands, answers, names })
    }

    /// Starts one batch of workload `index`; its outcome comes from [`Worker::poll`].
    pub(super) fn begin(&self, index: usize) -> Result<(), WorkloadError> {
        self.commands.send(Command::Batch(index)).map_err(|_| self.gone(index))
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
    pub(super) fn batch(&self, index: usize) -> Result<Work, WorkloadError> {
        self.begin(index)?;
        self.poll(index, HANG).unwrap_or_else(|| Err(self.hung(index)))
    }

    /// The check of workload `index` against its reference.
    pub(super) fn verify(&self, index: usize) -> Result<Option<Verification>, WorkloadError> {
        self.commands.send(Command::Verify(index)).map_err(|_| self.gone(index))?;
        match self.answers.recv_timeout(Duration::from_secs_f64(HANG.0)) {
            Ok(Answer::Verify(outcome)) => outcome,
            Ok(Answer::Batch(_) | Answer::Compile(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.gone(index)),
            Err(RecvTimeoutError::Timeout) => Err(self.hung(index)),
        }
    }

    /// What workload `index` takes to compile.
    pub(super) fn compile_again(&self, index: usize) -> Result<Option<Compilation>, WorkloadError> {
        self.commands.send(Command::Compile(index)).map_err(|_| self.gone(index))?;
        match self.answers.recv_timeout(Duration::from_secs_f64(HANG.0)) {
            Ok(Answer::Compile(outcome)) => outcome,
            Ok(Answer::Batch(_) | Answer::Verify(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.gone(index)),
            Err(RecvTimeoutError::Timeout) => Err(self.hung(index)),
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
