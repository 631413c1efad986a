//! What surrounds an operation while it is carried out.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The strings on an operation and what it may want to know of who asked.
#[derive(Clone, Debug)]
pub struct Context {
    /// Cancelled when the operation is called off or its time is up; it must then end soon.
    pub cancel: CancellationToken,
    /// Lines that say how it goes; see [`Context::say`].
    pub progress: mpsc::Sender<String>,
    /// Whether it came over the network through a worker, so that cutting the network cuts off the host.
    pub through_worker: bool,
    /// The labels of this host's worker, key to value.
    pub labels: BTreeMap<String, String>,
    /// How many other operations are being carried out here; `system.reboot.execute` without force minds them.
    pub others_running: usize,
}

impl Context {
    /// A context that nobody cancels and nobody listens to: for tests and for calls outside a job.
    #[must_use]
    pub fn alone() -> Self {
        Self {
            cancel: CancellationToken::new(),
            progress: mpsc::channel(1).0,
            through_worker: false,
            labels: BTreeMap::new(),
            others_running: 0,
        }
    }

    /// Says how it goes. A full or closed channel drops the line; work never waits for listeners.
    pub fn say(&self, line: impl Into<String>) {
        drop(self.progress.try_send(line.into()));
    }
}
