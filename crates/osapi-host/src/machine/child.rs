//! A program that is meant to stay while we do: a broker.

use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::process::{self, Group, Lines};
use super::{Command, CommandError, System};

/// How many log lines wait for their reader; when full the newest are dropped.
const LOG_LINES: usize = 1024;

/// A program that is meant to stay, in its own process group. Dropping it kills the group.
///
/// When we die without a chance to stop it, the kernel sends it SIGTERM, if the machine has the `setpriv` of util-linux
/// to ask for that; elsewhere (Alpine), or when we die in the instant of starting it, it stays and whoever starts it again
/// must mind that.
#[derive(Debug)]
pub struct Child {
    child: tokio::process::Child,
    group: Group,
    lines: mpsc::Receiver<String>,
    _readers: JoinSet<()>,
    /// Held by the thread that is the program's parent in the kernel's eyes; see [`Child::start`].
    _parent: oneshot::Sender<()>,
}

impl Child {
    pub(super) async fn start(system: &System, command: &Command) -> Result<Self, CommandError> {
        let command = bound_to_parent(system, command).await;
        let (mut child, parent) = start_from_own_thread(command).await?;
        let (to, lines) = mpsc::channel(LOG_LINES);
        let mut readers = JoinSet::new();
        if let Some(pipe) = child.stdout.take() {
            readers.spawn(forward(pipe, to.clone()));
        }
        if let Some(pipe) = child.stderr.take() {
            readers.spawn(forward(pipe, to));
        }
        Ok(Self { group: Group::of(&child), child, lines, _readers: readers, _parent: parent })
    }

    /// Its process id; `None` once it has ended and was waited for.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The next line of its stdout or stderr; `None` when both are closed. Safe to drop and call again.
    pub async fn next_line(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    /// Waits until it ends. Safe to drop and call again.
    ///
    /// # Errors
    /// The system could not tell.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // What it left behind goes with it: a broker has no business to leave a process.
        self.group.signal(Signal::KILL);
        self.group.release();
        Ok(status)
    }

    /// Asks it to end (SIGTERM to its group) and kills it when `grace` is over.
    ///
    /// # Errors
    /// The system could not tell how it ended.
    pub async fn terminate(mut self, grace: Duration) -> std::io::Result<ExitStatus> {
        self.group.signal(Signal::TERM);
        if let Ok(ended) = timeout(grace, self.wait()).await {
            return ended;
        }
        self.group.signal(Signal::KILL);
        self.wait().await
    }
}

/// The same command, to be ended by the kernel when its parent dies, where there is a way to ask for that.
async fn bound_to_parent(system: &System, command: &Command) -> Command {
    let Some(setpriv) = system.program("setpriv") else { return command.clone() };
    let help = system.run(Command::new(&setpriv).option("--help").deadline(Duration::from_secs(5))).await;
    // The setpriv of busybox has no such option.
    if !help.is_ok_and(|help| help.stdout.contains("--pdeathsig")) {
        return command.clone();
    }
    command.clone().behind(&setpriv, &["--pdeathsig", "TERM", "--"])
}

/// Starts it from a thread that lives until the returned sender is dropped: the kernel's parent of a process is the
/// thread that made it, and a thread of the runtime may end before the process should.
async fn start_from_own_thread(command: Command) -> Result<(tokio::process::Child, oneshot::Sender<()>), CommandError> {
    let (started, starting) = oneshot::channel();
    let (keep, kept) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let line = command.line();
    let failed = |source| CommandError::Start { program: line.clone(), source };
    std::thread::Builder::new()
        .name("child".to_owned())
        .spawn(move || {
            let _inside = runtime.enter();
            if started.send(process::start(&command)).is_ok() {
                drop(kept.blocking_recv());
            }
        })
        .map_err(failed)?;
    match starting.await {
        Ok(child) => Ok((child?, keep)),
        Err(_) => Err(failed(std::io::ErrorKind::Other.into())),
    }
}

async fn forward(mut pipe: impl AsyncRead + Unpin, to: mpsc::Sender<String>) {
    let mut lines = Lines::new(Some(to));
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        lines.feed(&buffer[..count]);
    }
    lines.end();
}
