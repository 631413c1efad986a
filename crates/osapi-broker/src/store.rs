//! The store directory: one broker at a time, and none left over from a crash of ours.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use osapi_host::System;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::error::BrokerError;
use crate::program::{file_error, private_dir};

/// How long a nats-server left over from a crash has to end when told to.
const LEFT_OVER: Duration = Duration::from_secs(15);

/// The store directory, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct Store {
    /// Its absolute path.
    pub(crate) path: PathBuf,
    _lock: File,
}

impl Store {
    /// Makes the directory if it is missing, locks it, and ends a nats-server that a crash of ours left running on it.
    pub(crate) async fn open(system: &System, path: &Path) -> Result<Self, BrokerError> {
        let path = private_dir(system, path)?;
        let lock_path = path.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(|source| file_error("open", &lock_path, source))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            rustix::io::Errno::WOULDBLOCK => BrokerError::StoreInUse(path.clone()),
            other => file_error("lock", &lock_path, other.into()),
        })?;
        let store = Self { path, _lock: lock };
        store.end_left_over().await?;
        Ok(store)
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.path.join("nats-server.conf")
    }

    pub(crate) fn pid_file(&self) -> PathBuf {
        self.path.join("nats-server.pid")
    }

    /// We hold the lock, so whatever runs with our configuration has lost its supervisor.
    async fn end_left_over(&self) -> Result<(), BrokerError> {
        let Some(pid) = self.left_over() else { return Ok(()) };
        tracing::warn!(pid = pid.as_raw_nonzero().get(), "ending a nats-server that was left over from a crash");
        let _ = kill_process(pid, Signal::TERM);
        let ended = async {
            while self.left_over().is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LEFT_OVER, ended).await.map_err(|_| BrokerError::StoreInUse(self.path.clone()))
    }

    /// The process of the pid file, if it is there and was started with our configuration.
    fn left_over(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(self.pid_file()).ok()?;
        let pid = Pid::from_raw(text.trim().parse().ok()?)?;
        let line = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
        let configuration = self.configuration();
        line.split(|byte| *byte == 0)
            .any(|argument| argument == configuration.as_os_str().as_encoded_bytes())
            .then_some(pid)
    }
}
