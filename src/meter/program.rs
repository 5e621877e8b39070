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

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A program that was asked to end has this long. Less than the end of a source is waited for.
const GRACE: Duration = Duration::from_millis(300);

/// The longest line.
const LINE_MAX: u64 = 4096;

/// Lines that wait to be taken; a program that prints more waits too.
const LINES_MAX: usize = 1024;

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

/// A line, and when it came.
pub(super) struct Line {
    pub(super) came: Instant,
    pub(super) text: String,
}

/// A program under way.
pub(super) struct Program {
    child: Child,
    /// Disconnected once it prints no more.
    pub(super) lines: Receiver<Line>,
    trouble: Arc<Mutex<Vec<u8>>>,
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
        let (sender, lines) = sync_channel(LINES_MAX);
        let trouble = Arc::default();
        let program = Program { child, lines, trouble: Arc::clone(&trouble) };
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        if let Some(output) = output {
            thread("meter lines").spawn(move || read_lines(BufReader::new(output), &sender))?;
        }
        if let Some(errors) = errors {
            thread("meter trouble").spawn(move || keep_last(errors, &trouble))?;
        }
        Ok(program)
    }

    /// What it last said of its troubles, in one line.
    pub(super) fn trouble(&self) -> String {
        let bytes = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// How it ended; none while it runs. It is not taken from the system's table, so that its number stays its own.
    #[cfg(unix)]
    pub(super) fn ended(&mut self) -> Option<String> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(group(self.child.id())?), options).ok()??;
        Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("with exit code {code}"),
            (_, Some(signal)) => format!("by signal {signal}"),
            _ => "somehow".to_owned(),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok()?.map(|status| format!("with {status}"))
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

/// Until the end, a line that has none, or nobody who listens.
fn read_lines(mut output: impl BufRead, lines: &SyncSender<Line>) {
    loop {
        let mut bytes = Vec::new();
        let read = output.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes);
        let is_torn = bytes.len() as u64 == LINE_MAX && !bytes.ends_with(b"\n");
        if !read.is_ok_and(|count| count > 0) || is_torn {
            return;
        }
        let line = Line { came: Instant::now(), text: String::from_utf8_lossy(&bytes).trim().to_owned() };
        if lines.send(line).is_err() {
            return;
        }
    }
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
