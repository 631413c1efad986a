//! Runs a command to its end: drains its output, minds its deadline, leaves no process behind.

use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::FutureExt;
use futures::future::FusedFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Command, CommandError, Completed};

/// How long output is awaited after the program has ended, in case a daemon it started still holds the pipe.
const LINGER: Duration = Duration::from_secs(2);
/// How long SIGKILL may take to be seen; longer only for a process stuck in the kernel.
const REAP: Duration = Duration::from_secs(5);
/// The longest line sent on while the program runs; what follows becomes a line of its own.
const LINE: usize = 4096;

/// The process group of a child, killed when dropped unless it ended by itself.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// Sends a signal to all of it; that it is gone already is fine.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            let _ = kill_process_group(pid, signal);
        }
    }

    /// It ended by itself: what it left running, such as a daemon, may stay.
    pub(super) const fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

enum End {
    Exited(ExitStatus),
    Deadline,
    Cancelled,
    TooMuch,
}

pub(super) async fn run(command: &Command) -> Result<Completed, CommandError> {
    let line = command.line();
    let until = Instant::now() + command.deadline;
    let mut child = start(command)?;
    let mut group = Group::of(&child);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let end = {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let reading =
            async { tokio::try_join!(drain(out, &mut stdout, command), drain(err, &mut stderr, command)).map(|_| ()) }
                .fuse();
        tokio::pin!(reading);
        let end = attend(&mut child, reading.as_mut(), command, until).await;
        if let Ok(End::Deadline | End::Cancelled | End::TooMuch) = &end {
            group.signal(Signal::TERM);
            // Its last words are still read, so that it cannot hang in writing them.
            let last_words = async { if reading.is_terminated() { Ok(()) } else { reading.await } };
            drop(timeout(command.grace, async { tokio::join!(child.wait(), last_words).0 }).await);
        }
        end
    };
    let end = end.map_err(|source| CommandError::Output { program: line.clone(), source })?;
    let (program, limit) = (line.clone(), command.output_limit);
    let error = match end {
        End::Exited(status) => {
            group.release();
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            return Ok(Completed { status: status.code(), stdout: text(stdout), stderr: text(stderr), line });
        }
        End::Deadline => CommandError::Deadline { program, deadline: command.deadline },
        End::Cancelled => CommandError::Cancelled { program },
        End::TooMuch => CommandError::TooMuchOutput { program, limit },
    };
    // The group, not the child alone: the child may have gone and left others that ignore SIGTERM.
    group.signal(Signal::KILL);
    drop(timeout(REAP, child.wait()).await);
    Err(error)
}

/// Waits until the program ends or must be stopped.
async fn attend(
    child: &mut Child,
    mut reading: Pin<&mut impl FusedFuture<Output = Result<(), Drained>>>,
    command: &Command,
    until: Instant,
) -> io::Result<End> {
    loop {
        tokio::select! {
            biased;
            () = command.cancel.cancelled() => return Ok(End::Cancelled),
            () = sleep_until(until) => return Ok(End::Deadline),
            result = &mut reading, if !reading.is_terminated() => match result {
                Ok(()) => {}
                Err(Drained::TooMuch) => return Ok(End::TooMuch),
                Err(Drained::Unreadable(error)) => return Err(error),
            },
            status = child.wait() => {
                let status = status?;
                if !reading.is_terminated()
                    && let Ok(Err(Drained::TooMuch)) = timeout(LINGER, reading).await {
                    return Ok(End::TooMuch);
                }
                return Ok(End::Exited(status));
            }
        }
    }
}

pub(super) fn start(command: &Command) -> Result<Child, CommandError> {
    let spawned = prepare(command)?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    spawned.map_err(|source| CommandError::Start { program: command.line(), source })
}

#[expect(clippy::disallowed_methods, reason = "this is the door through which every program is started")]
pub(super) fn prepare(command: &Command) -> Result<tokio::process::Command, CommandError> {
    command.check()?;
    let mut prepared = tokio::process::Command::new(command.program.path());
    prepared
        .args(&command.arguments)
        .env_clear()
        .env("PATH", super::PATH)
        .env("LC_ALL", "C.UTF-8")
        .envs(command.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&command.directory)
        .stdin(Stdio::null())
        .process_group(0);
    Ok(prepared)
}

enum Drained {
    TooMuch,
    Unreadable(io::Error),
}

async fn drain(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, command: &Command) -> Result<(), Drained> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut lines = Lines::new(command.lines.clone());
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = pipe.read(&mut buffer).await.map_err(Drained::Unreadable)?;
        if count == 0 {
            lines.end();
            return Ok(());
        }
        let room = command.output_limit.saturating_sub(into.len());
        into.extend_from_slice(&buffer[..count.min(room)]);
        lines.feed(&buffer[..count]);
        if count > room {
            return Err(Drained::TooMuch);
        }
    }
}

/// Cuts what a program writes into lines and sends them on without ever waiting.
pub(super) struct Lines {
    to: Option<mpsc::Sender<String>>,
    begun: Vec<u8>,
}

impl Lines {
    pub(super) const fn new(to: Option<mpsc::Sender<String>>) -> Self {
        Self { to, begun: Vec::new() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.to.is_none() {
            return;
        }
        for byte in bytes {
            match byte {
                b'\n' => self.end(),
                // Progress bars rewrite their line; each rewriting is a line to us.
                b'\r' => self.end(),
                _ => {
                    self.begun.push(*byte);
                    if self.begun.len() >= LINE {
                        self.end();
                    }
                }
            }
        }
    }

    pub(super) fn end(&mut self) {
        if self.begun.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(&self.begun).into_owned();
        self.begun.clear();
        if let Some(to) = &self.to {
            drop(to.try_send(line));
        }
    }
}
