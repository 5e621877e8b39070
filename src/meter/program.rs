//! A program that runs beside this one and prints lines; it ends with this one, whatever happens.
//!
//! | end of this program | end of the other |
//! |---|---|
//! | the source is closed, also after Ctrl-C | asked to end (SIGTERM), and made to end (SIGKILL) after [`GRACE`] |
//! | at once, by a second Ctrl-C | [`end_all`] makes it end |
//! | killed, or gone in any other way | the watcher makes it end |
//!
//! It runs under the shell in a process group of its own, so that all that it has started ends with it. The watcher is of
//! that group too: it listens at a pipe that nobody writes to and that closes when this program is no more.

use super::program_cost;
use super::program_lines::{Lines, read_lines};
use crate::units::Seconds;
use std::io::{self, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A program that was asked to end has this long. Less than the end of a source is waited for.
const GRACE: Duration = Duration::from_millis(300);

/// So much is kept of what it last said of its troubles.
const TROUBLE_MAX: usize = 400;

/// Starts the watcher, and becomes the command. The command finds nothing on its standard input and no trace of the pipe, and
/// the watcher holds none of its outputs.
#[cfg(unix)]
const WATCHED: &str = r#"exec 3<&0 </dev/null
(exec >/dev/null 2>&1; cat <&3; kill -KILL 0) &
exec 3<&-
exec /bin/sh -c "$1""#;

/// Process groups that are running.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    Signal(i32),
    Somehow,
}

impl End {
    /// True where the shell found no such program, or may not run it.
    pub(super) fn is_missing(self) -> bool {
        matches!(self, End::Code(126 | 127))
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Code(code) => write!(f, "with exit code {code}"),
            End::Signal(signal) => write!(f, "by signal {signal}"),
            End::Somehow => f.write_str("somehow"),
        }
    }
}

/// A program under way.
pub(super) struct Program {
    child: Child,
    /// Closed once it prints no more.
    pub(super) lines: Lines,
    trouble: Arc<Mutex<Vec<u8>>>,
    /// Who reads of its troubles; done once there is no more to read.
    trouble_reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts `command` under the shell, with `variables` in its environment.
    ///
    /// # Errors
    /// There is no shell, or the system has no process or thread left.
    pub(super) fn start(command: &str, variables: &[(String, String)]) -> io::Result<Program> {
        let mut starting = under_the_shell(command);
        starting.envs(variables.iter().cloned()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = starting.spawn()?;
        running().push(child.id());
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let lines = Lines::default();
        let queue = lines.queue();
        let trouble = Arc::default();
        let mut program = Program { child, lines, trouble: Arc::clone(&trouble), trouble_reader: None };
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        if let Some(output) = output {
            thread("meter lines").spawn(move || read_lines(BufReader::new(output), &queue))?;
        }
        if let Some(errors) = errors {
            program.trouble_reader = Some(thread("meter trouble").spawn(move || keep_last(errors, &trouble))?);
        }
        Ok(program)
    }

    /// CPU time that it and all that it started have taken, and who reads its lines; none where the system does not tell.
    pub(super) fn cpu_time(&self) -> Option<Seconds> {
        Some(program_cost::of_family(self.child.id())? + self.lines.reader_time())
    }

    /// What it last said of its troubles, in one line.
    pub(super) fn trouble(&self) -> String {
        let bytes = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The same of a program that has ended, once all of it has been read; what it started may hold that open, so for `patience`
    /// at most.
    pub(super) fn last_trouble(&self, patience: Duration) -> String {
        let asked = Instant::now();
        while self.trouble_reader.as_ref().is_some_and(|reader| !reader.is_finished()) && asked.elapsed() < patience {
            std::thread::sleep(patience / 20);
        }
        self.trouble()
    }

    /// How it ended; none while it runs. It is not taken from the system's table, so that its number stays its own.
    #[cfg(unix)]
    pub(super) fn ended(&mut self) -> Option<End> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(group(self.child.id())?), options).ok()??;
        Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => End::Code(code),
            (_, Some(signal)) => End::Signal(signal),
            _ => End::Somehow,
        })
    }

    #[cfg(not(unix))]
    pub(super) fn ended(&mut self) -> Option<End> {
        self.child.try_wait().ok()?.map(|status| status.code().map_or(End::Somehow, End::Code))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = group(self.child.id()) {
            use rustix::process::{Signal, kill_process_group};
            // A group that is empty has nothing to end.
            let _ = kill_process_group(group, Signal::TERM);
            let asked = Instant::now();
            while self.ended().is_none() && asked.elapsed() < GRACE {
                std::thread::sleep(GRACE / 60);
            }
            let _ = kill_process_group(group, Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = self.child.kill();
        let number = self.child.id();
        running().retain(|running| *running != number);
        let _ = self.child.wait();
    }
}

#[cfg(unix)]
fn under_the_shell(command: &str) -> Command {
    use std::os::unix::process::CommandExt;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", WATCHED, "sh", command]).stdin(Stdio::piped()).process_group(0);
    shell
}

#[cfg(not(unix))]
fn under_the_shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]).stdin(Stdio::null());
    shell
}

/// Ends all programs at once, for a process that does not run the end of its sources.
pub fn end_all() {
    #[cfg(unix)]
    for group in running().drain(..).filter_map(group) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(unix)]
fn group(number: u32) -> Option<rustix::process::Pid> {
    i32::try_from(number).ok().and_then(rustix::process::Pid::from_raw)
}

fn running() -> std::sync::MutexGuard<'static, Vec<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_last(mut errors: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut part = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut part) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&part[..count]);
        let surplus = kept.len().saturating_sub(TROUBLE_MAX);
        kept.drain(..surplus);
    }
}
