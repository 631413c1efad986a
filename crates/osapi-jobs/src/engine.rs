//! The API server's side: what it holds, and the tasks that keep it true. `jobs` is the door to it.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use osapi_core::{HostName, JobId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connection;
use crate::error::JobsError;
use crate::index::Index;
use crate::index::feed::{self, Feed};
use crate::jobs::ComponentHealth;
use crate::registry::away;
use crate::store::Store;
use crate::{monitor, sweep};

/// What the API server holds.
pub(crate) struct Engine {
    pub(crate) connection: Connection,
    pub(crate) jobs: Store,
    pub(crate) workers: Store,
    index: Mutex<Index>,
    /// Whether the index has seen all jobs that were stored when it was opened.
    pub(crate) jobs_read: AtomicBool,
    /// Whether it has seen all workers.
    pub(crate) workers_read: AtomicBool,
    /// Whether the registry's stream answered when it was last asked: without it no heartbeat can be heard.
    pub(crate) hearing: AtomicBool,
    restart_jobs: Notify,
    restart_workers: Notify,
    /// Jobs whose notification this server knows to be on the broker's disk, or has sent again.
    pub(crate) announced: Mutex<HashSet<JobId>>,
    /// Bytes stored in the bucket of jobs, as last told plus what was seen since.
    pub(crate) bytes: AtomicU64,
    /// From how many bytes on new jobs are refused; negative for never.
    pub(crate) refuse_from: AtomicI64,
    /// How long the broker keeps a job, in seconds; 0 for ever, or not asked yet.
    pub(crate) kept_seconds: AtomicU64,
    pub(crate) health: Mutex<Health>,
    tasks: TaskTracker,
}

/// How the parts do, as last asked.
#[derive(Debug, Default)]
pub(crate) struct Health {
    pub(crate) components: Vec<ComponentHealth>,
    pub(crate) dead_letters: u64,
    pub(crate) dead_letters_ever: u64,
    /// When it was asked; never at first.
    pub(crate) asked: bool,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// How often time passes for the index.
const TICK: Duration = Duration::from_millis(200);

impl Engine {
    /// Opens the buckets and starts what keeps the index true, until `shutdown`.
    pub(crate) async fn start(connection: Connection, shutdown: CancellationToken) -> Result<Arc<Self>, JobsError> {
        let names = connection.names();
        let engine = Arc::new(Self {
            jobs: connection.store(&names.job_bucket()).await.map_err(away)?,
            workers: connection.store(&names.worker_bucket()).await.map_err(away)?,
            index: Mutex::default(),
            jobs_read: AtomicBool::new(false),
            workers_read: AtomicBool::new(false),
            hearing: AtomicBool::new(true),
            restart_jobs: Notify::new(),
            restart_workers: Notify::new(),
            announced: Mutex::default(),
            bytes: AtomicU64::new(0),
            refuse_from: AtomicI64::new(-1),
            kept_seconds: AtomicU64::new(0),
            health: Mutex::default(),
            tasks: TaskTracker::new(),
            connection,
        });
        let tasks = engine.tasks.clone();
        for feed in [Feed::Workers, Feed::Jobs] {
            tasks.spawn(feed::follow(engine.clone(), feed, shutdown.clone()));
        }
        tasks.spawn(Self::tick(engine.clone(), shutdown.clone()));
        tasks.spawn(sweep::run(engine.clone(), shutdown.clone()));
        tasks.spawn(monitor::run(engine.clone(), shutdown));
        tasks.close();
        Ok(engine)
    }

    /// Waits until what was started has ended.
    pub(crate) async fn ended(&self) {
        self.tasks.wait().await;
    }

    /// The index. Never held across a wait.
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tick(engine: Arc<Self>, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! { () = shutdown.cancelled() => return, now = tick.tick() => {
                let hearing = engine.connection.is_connected() && engine.hearing.load(Ordering::Acquire);
                engine.index().tick(jiff::Timestamp::now(), now, hearing);
            } }
        }
    }

    pub(crate) fn restart(&self, feed: Feed) -> &Notify {
        match feed {
            Feed::Jobs => &self.restart_jobs,
            Feed::Workers => &self.restart_workers,
        }
    }

    /// What is stored is not what was read: it is read anew.
    pub(crate) fn start_afresh(&self, feed: Feed) {
        match feed {
            Feed::Jobs => {
                self.jobs_read.store(false, Ordering::Release);
                self.index().clear();
            }
            Feed::Workers => {
                self.workers_read.store(false, Ordering::Release);
                self.index().fleet.clear();
            }
        }
        self.restart(feed).notify_waiters();
    }

    /// That many bytes more are stored.
    pub(crate) fn filled(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Whether new jobs are to be refused.
    pub(crate) fn is_full(&self) -> bool {
        let limit = self.refuse_from.load(Ordering::Relaxed);
        u64::try_from(limit).is_ok_and(|limit| self.bytes.load(Ordering::Relaxed) >= limit)
    }

    /// The broker is there and the index can be relied on.
    pub(crate) fn fit(&self) -> Result<(), Vec<String>> {
        let mut wrong = Vec::new();
        if !self.connection.is_connected() {
            wrong.push("the broker is not reachable".to_owned());
        }
        if !self.jobs_read.load(Ordering::Acquire) {
            wrong.push("the index of jobs is still being built".to_owned());
        }
        if !self.workers_read.load(Ordering::Acquire) {
            wrong.push("the registry of workers is still being read".to_owned());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    pub(crate) fn ready_to_serve(&self) -> Result<(), JobsError> {
        self.fit().map_err(|wrong| JobsError::Unavailable(wrong.join(", ")))
    }

    /// The index holds what was stored when it was opened, even if the broker is away now. Where a job stands follows
    /// from all that is stored about it and from the workers, so half of it would tell wrong.
    pub(crate) fn index_is_built(&self) -> Result<(), JobsError> {
        let read = |part: &AtomicBool| part.load(Ordering::Acquire);
        if read(&self.jobs_read) && read(&self.workers_read) {
            return Ok(());
        }
        Err(JobsError::Unavailable("the index of jobs is still being built".to_owned()))
    }

    pub(crate) fn announced(&self) -> MutexGuard<'_, HashSet<JobId>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker of that name is registered.
    pub(crate) fn known(&self, hostname: &HostName) -> Result<osapi_core::worker::Worker, JobsError> {
        let worker = self.index().fleet.worker(hostname);
        worker.ok_or_else(|| JobsError::NoWorker(hostname.to_string()))
    }
}
