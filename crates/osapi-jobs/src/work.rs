//! The side of the engine that works: takes assignments, claims them, has them carried out and reports.
//!
//! It says what is to be done and when; how a host does it is behind [`Execute`].

mod assignment;
mod execution;
mod lane;
mod position;
mod signals;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use osapi_core::worker::Registration;
use osapi_core::{Assignment, Class, HostName, JobId, Report, Target};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::connection::Connection;
use crate::connection::prepare::shared_consumer;
use crate::error::{ConnectError, JobsError};
use crate::names::targets_of;
use crate::records::Counts;
use crate::registry::{Beginning, Seat, Since, away, own_consumer};
use crate::store::Store;
use lane::Lane;
use position::Position;

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
    /// W3C trace context of the submission.
    pub traceparent: Option<String>,
}

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// What it says of itself; `registered_at` and `last_seen` are filled in.
    pub registration: Registration,
    /// Time between heartbeats; three missed and it counts as lost.
    pub heartbeat: Duration,
    /// How long a message meant for this host may stay unacknowledged; work that takes longer is kept alive. What it is
    /// for those that any one worker may take is for whoever prepares the broker to say.
    pub ack_wait: Duration,
    /// How long to wait for what is being carried out when told to stop.
    pub drain: Duration,
}

/// How many cancellations that came before their job are remembered.
const CALLED_OFF: usize = 1024;

/// How long work that was called off at the end of the drain may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The same while a change is at work, which may have to put back what it did: a host is not left half-configured.
const LAST_DEEDS: Duration = Duration::from_secs(60);

/// The longest pause between two attempts to register.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Works until `shutdown`, then drains and returns. It survives the loss of the broker for any length of time, and
/// registers for as long as it takes.
///
/// # Errors
/// Another machine is registered under the name.
pub async fn work(
    connection: Connection,
    settings: WorkerSettings,
    execute: impl Execute,
    shutdown: CancellationToken,
) -> Result<(), JobsError> {
    let Some(place) = register(&connection, &settings, &shutdown).await? else { return Ok(()) };
    let worker = Arc::new(Worker::new(connection, &settings, execute, &place).await?);
    let Place { seat, lanes, beginning: _ } = place;
    // If this future is dropped, nothing of it goes on.
    let _gone = worker.gone.clone().drop_guard();
    let tasks = TaskTracker::new();
    // Before the first message is asked for, so that no cancellation comes between.
    let Some(heard) = signals::listen(&worker).await else { return Ok(()) };
    for (lane, consumer) in lanes {
        tasks.spawn(lane::run(worker.clone(), lane, consumer, tasks.clone(), shutdown.clone()));
    }
    let company = TaskTracker::new();
    company.spawn(signals::heartbeats(worker.clone(), seat, settings.heartbeat));
    company.spawn(signals::cancellations(worker.clone(), heard));
    company.spawn(signals::draining(worker.clone()));
    tracing::info!(hostname = %worker.hostname, "taking jobs");
    shutdown.cancelled().await;
    tasks.close();
    if tokio::time::timeout(settings.drain, tasks.wait()).await.is_err() {
        tracing::warn!("work goes on past the time to drain: calling it off");
        worker.cancel_all();
        let patience = if worker.changes.is_empty() { LAST_WORDS } else { LAST_DEEDS };
        let _ = tokio::time::timeout(patience, tasks.wait()).await;
    }
    worker.left.cancel();
    company.close();
    let _ = tokio::time::timeout(LAST_WORDS, company.wait()).await;
    Ok(())
}

/// What a worker has once it is registered.
struct Place {
    seat: Seat,
    lanes: Vec<(Lane, PullConsumer)>,
    /// Where its own lane begins.
    beginning: Beginning,
}

/// Registers, however long the broker is away or overwhelmed; `None` when `shutdown` comes first.
async fn register(
    connection: &Connection,
    settings: &WorkerSettings,
    shutdown: &CancellationToken,
) -> Result<Option<Place>, JobsError> {
    let mut pause = Duration::from_millis(250);
    loop {
        match shutdown.run_until_cancelled(take_seat(connection, settings)).await {
            None => return Ok(None),
            Some(Ok(place)) => return Ok(Some(place)),
            Some(Err(error @ JobsError::Conflict(_))) => return Err(error),
            Some(Err(error)) => tracing::warn!(%error, again_in = ?pause, "not registered yet"),
        }
        tokio::select! { () = shutdown.cancelled() => return Ok(None), () = tokio::time::sleep(pause) => {} }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn take_seat(connection: &Connection, settings: &WorkerSettings) -> Result<Place, JobsError> {
    let unavailable = |error: ConnectError| JobsError::Unavailable(error.to_string());
    let registration = &settings.registration;
    let mut seat = Seat::find(connection, registration.clone(), settings.heartbeat).await?;
    let targets = targets_of(&registration.hostname, &registration.labels);
    let mut lanes = Vec::new();
    for class in [Class::Query, Class::Modify] {
        let consumer = shared_consumer(connection, class).await.map_err(unavailable)?;
        lanes.push((Lane::Any(class), consumer));
    }
    let reading = (targets.as_slice(), settings.ack_wait);
    let (own, beginning) =
        own_consumer(connection, &registration.hostname, reading, seat.begin()).await.map_err(unavailable)?;
    seat.take(beginning.after).await?;
    lanes.push((Lane::Own, own));
    Ok(Place { seat, lanes, beginning })
}

/// What the tasks of one worker share.
struct Worker<E> {
    connection: Connection,
    jobs: Store,
    workers: Store,
    execute: E,
    hostname: HostName,
    /// This run.
    instance: Uuid,
    ack_wait: Duration,
    /// Since when it is meant by messages on each subject of its own.
    since: Since,
    /// What it answers to besides `_any`.
    targets: Vec<Target>,
    /// One permit per job it takes at once.
    permits: Arc<Semaphore>,
    max_jobs: usize,
    running: Mutex<HashMap<JobId, CancellationToken>>,
    counts: Mutex<Counts>,
    /// How far it has got with its own lane.
    position: Position,
    /// One token per change at work.
    changes: TaskTracker,
    /// Jobs called off of late that were not at work here: they may be on their way. The oldest goes first.
    called_off: Mutex<VecDeque<JobId>>,
    /// Whether an operator told it to take no more.
    draining: watch::Sender<bool>,
    /// The work is done and the registry should hear of it.
    left: CancellationToken,
    /// Whoever ran the worker dropped it.
    gone: CancellationToken,
}

impl<E> Worker<E> {
    async fn new(
        connection: Connection,
        settings: &WorkerSettings,
        execute: E,
        place: &Place,
    ) -> Result<Self, JobsError> {
        let registration = &settings.registration;
        let max_jobs = registration.max_jobs.max(1) as usize;
        let names = connection.names();
        Ok(Self {
            jobs: connection.store(&names.job_bucket()).await.map_err(away)?,
            workers: connection.store(&names.worker_bucket()).await.map_err(away)?,
            since: place.seat.since(),
            targets: targets_of(&registration.hostname, &registration.labels),
            execute,
            hostname: registration.hostname.clone(),
            instance: registration.instance,
            ack_wait: settings.ack_wait,
            permits: Arc::new(Semaphore::new(max_jobs)),
            max_jobs,
            running: Mutex::default(),
            counts: Mutex::default(),
            position: Position::begin(place.beginning),
            changes: TaskTracker::new(),
            called_off: Mutex::default(),
            draining: watch::channel(place.seat.draining()).0,
            left: CancellationToken::new(),
            gone: CancellationToken::new(),
            connection,
        })
    }

    /// Remembers that a job is at work; `None` when it already is.
    fn begin(&self, job: JobId) -> Option<CancellationToken> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains_key(&job) {
            return None;
        }
        let token = self.gone.child_token();
        running.insert(job, token.clone());
        if self.called_off.lock().unwrap_or_else(PoisonError::into_inner).contains(&job) {
            token.cancel();
        }
        Some(token)
    }

    fn end(&self, job: JobId) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
    }

    fn cancel(&self, job: JobId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = running.get(&job) {
            token.cancel();
            return;
        }
        let mut called_off = self.called_off.lock().unwrap_or_else(PoisonError::into_inner);
        called_off.truncate(CALLED_OFF - 1);
        called_off.push_front(job);
    }

    fn cancel_all(&self) {
        for token in self.running.lock().unwrap_or_else(PoisonError::into_inner).values() {
            token.cancel();
        }
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_work(&self) -> Vec<JobId> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}
