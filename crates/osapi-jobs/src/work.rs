//! The side of the engine that works: takes assignments, claims them, has them carried out and reports.

use std::time::Duration;

use osapi_core::worker::Registration;
use osapi_core::{Assignment, Report};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::error::JobsError;

/// Something that can carry out assignments: the host's runner, or what a test puts in its place.
pub trait Execute: Send + Sync + 'static {
    /// Carries one out and says what came of it. It must end soon after `control.cancel` and never panic outwards.
    fn execute(&self, assignment: Assignment, control: Control) -> impl Future<Output = Report> + Send;
}

/// The strings on an assignment while it is carried out.
#[derive(Clone, Debug)]
pub struct Control {
    /// Cancelled when the job is called off.
    pub cancel: CancellationToken,
    /// Lines that say how it goes; a full channel drops lines and never holds the work up.
    pub progress: mpsc::Sender<String>,
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// What it says of itself; `registered_at` and `last_seen` are filled in.
    pub registration: Registration,
    /// Time between heartbeats; three missed and it counts as lost.
    pub heartbeat: Duration,
    /// How long a message may stay unacknowledged; work that takes longer is kept alive.
    pub ack_wait: Duration,
    /// How long to wait for what is being carried out when told to stop.
    pub drain: Duration,
}

/// Works until `shutdown`, then drains and returns. It survives the loss of the broker for any length of time.
///
/// # Errors
/// Registration or the consumers could not be made at the start.
pub async fn work(
    _connection: Connection,
    _settings: WorkerSettings,
    _execute: impl Execute,
    _shutdown: CancellationToken,
) -> Result<(), JobsError> {
    Err(JobsError::Unavailable("the engine is not built yet".to_owned()))
}
