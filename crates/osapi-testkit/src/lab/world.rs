//! The process that holds a lab machine's namespaces (`scripts/lab-world`), followed and ended.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;
use tokio::sync::watch;

const END_BOUND: Duration = Duration::from_secs(60);

/// Where the machine is in its life.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Starting,
    /// Its process 1 is this process of ours.
    Up(u32),
    Ended,
}

pub(super) struct World {
    process: u32,
    /// Closed, it ends the world.
    hold: Option<ChildStdin>,
    phase: watch::Receiver<Phase>,
    ended: mpsc::Receiver<()>,
    folder: TempDir,
}

impl World {
    pub(super) fn start(form: &str, binds: &[String], hook: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("osapi-lab-").tempdir()?;
        let hook_file = folder.path().join("hook");
        std::fs::write(&hook_file, hook)?;
        let mut child = Command::new(crate::workspace().join("scripts/lab-world"))
            .arg(super::tree())
            .arg(form)
            .args(binds)
            .env("HOOK", hook_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("console"))?)
            .spawn()
            .context("starting `scripts/lab-world`")?;
        let process = child.id();
        let hold = child.stdin.take();
        let (phase_sender, phase) = watch::channel(Phase::Starting);
        let (ended_sender, ended) = mpsc::channel();
        std::thread::Builder::new().name("lab".to_owned()).spawn(move || {
            follow(child, &phase_sender);
            // Nobody waits for it where the test has ended already.
            let _ = ended_sender.send(());
        })?;
        Ok(Self { process, hold, phase, ended, folder })
    }

    /// Our number of the machine's process 1.
    pub(super) fn process(&self) -> anyhow::Result<u32> {
        match *self.phase.borrow() {
            Phase::Up(process) => Ok(process),
            Phase::Starting => bail!("the lab machine is not up yet"),
            Phase::Ended => bail!("the lab machine is off: {}", self.console()),
        }
    }

    pub(super) async fn wait_for(
        &mut self,
        bound: Duration,
        reached: impl FnMut(&Phase) -> bool,
    ) -> anyhow::Result<()> {
        let waited = tokio::time::timeout(bound, self.phase.wait_for(reached)).await.map(|phase| phase.is_ok());
        match waited {
            Ok(true) => Ok(()),
            Ok(false) => bail!("the lab machine ended: {}", self.console()),
            Err(_) => bail!("the lab machine did not get there in {bound:?}: {}", self.console()),
        }
    }

    /// The last lines of the machine's console.
    pub(super) fn console(&self) -> String {
        let text = std::fs::read(self.folder.path().join("console")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// Carries something out on a thread that is in the world's network.
    pub(super) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        let network = File::open(format!("/proc/{}/ns/net", self.process)).context("opening the lab's network")?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                    .context("entering the lab's network")
                    .map(|()| work())
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.hold.take());
        // Past the bound it is the kernel that does not let go; the next test must not pay for that.
        let _ = self.ended.recv_timeout(END_BOUND);
    }
}

/// Reads what `lab-world` says until it ends.
fn follow(mut child: Child, phase: &watch::Sender<Phase>) {
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(process) = line.strip_prefix("machine ").and_then(|number| number.parse().ok()) {
                phase.send_replace(Phase::Up(process));
            } else if line.starts_with("exit ") {
                phase.send_replace(Phase::Ended);
            }
        }
    }
    let _ = child.wait();
}
