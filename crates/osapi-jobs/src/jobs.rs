//! The side of the engine that asks: submit, wait, get, list, cancel, and the registry of workers.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use jiff::Timestamp;
use osapi_core::job::{DeadLetter, JobDetail, JobEvent, JobStats, JobSummary};
use osapi_core::worker::Worker;
use osapi_core::{HostName, JobId, JobState, Operation, OperationKind, Target};
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::engine::Engine;
use crate::error::JobsError;
use crate::figures::Figures;

/// What to submit.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What to do.
    pub operation: Operation,
    /// For whom.
    pub target: Target,
    /// Who asks.
    pub submitted_by: Option<String>,
    /// Nobody starts it later than this after submission.
    pub expires_after: Duration,
    /// How long one host may take over it.
    pub timeout: Duration,
    /// Accept a target nobody answers to yet, and wait for one until it expires.
    pub queue: bool,
    /// Submitting twice under one key makes one job.
    pub idempotency_key: Option<String>,
    /// W3C trace context to hand on.
    pub traceparent: Option<String>,
}

/// A job accepted.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// Its identity.
    pub job_id: JobId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The revision of its record in the bucket.
    pub revision: u64,
    /// Whether the idempotency key had been seen: this is the first job then.
    pub existing: bool,
}

/// Which jobs to list. Everything left out matches.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// In this state.
    pub status: Option<JobState>,
    /// Of this operation.
    pub operation: Option<OperationKind>,
    /// With this target.
    pub target: Option<Target>,
    /// With a row for this host.
    pub hostname: Option<HostName>,
    /// Accepted at or after.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
}

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// At most this many, 1 to 1000.
    pub limit: usize,
    /// What the page before gave as `next_cursor`.
    pub cursor: Option<String>,
    /// Skip this many first; for callers that page by number.
    pub offset: usize,
}

/// A part of a list, newest first.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// How many match in all.
    pub total_items: usize,
    /// The part.
    pub items: Vec<JobSummary>,
    /// Give this to get the next part; absent on the last.
    pub next_cursor: Option<String>,
}

/// How one part of the engine does.
#[derive(Clone, Debug)]
pub struct ComponentHealth {
    /// `nats`, `stream:JOBS`, `bucket:job-queue`, `index` and so on.
    pub name: String,
    /// What is wrong; absent when nothing is.
    pub error: Option<String>,
    /// Messages or keys, where that is a thing.
    pub messages: Option<u64>,
    /// Bytes, where that is a thing.
    pub bytes: Option<u64>,
    /// Consumers, where that is a thing.
    pub consumers: Option<usize>,
}

/// The engine as the API server holds it: it submits and keeps an index of all jobs, fed by the broker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jobs {
    engine: Arc<Engine>,
}

impl Jobs {
    /// Starts the index and returns at once; [`Jobs::ready`] tells when it has caught up. It ends with `shutdown`.
    ///
    /// # Errors
    /// The broker is not reachable.
    pub async fn start(connection: Connection, shutdown: CancellationToken) -> Result<Self, JobsError> {
        Ok(Self { engine: Engine::start(connection, shutdown).await? })
    }

    /// Waits until all that [`Jobs::start`] began has ended, which it does soon after `shutdown`; at most `patience`.
    pub async fn ended(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.engine.ended()).await.is_err() {
            tracing::warn!(?patience, "the engine has not come to its end");
        }
    }

    /// The connection it uses, for the audit trail and the revoked tokens.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.engine.connection
    }

    /// Whether broker, streams, buckets and index are fit to serve; the words say what is not. Cheap, never enumerates.
    ///
    /// # Errors
    /// Something is not ready.
    #[expect(clippy::unused_async, reason = "a later engine may have to ask the broker")]
    pub async fn ready(&self) -> Result<(), Vec<String>> {
        self.engine.fit()?;
        let wrong: Vec<String> = {
            let health = self.engine.health();
            if !health.asked {
                return Err(vec!["the broker's streams have not been looked at yet".to_owned()]);
            }
            let wrong = |part: &ComponentHealth| Some(format!("{}: {}", part.name, part.error.as_ref()?));
            health.components.iter().filter_map(wrong).collect()
        };
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Every part and how it does; answered from a cache at most a few seconds old.
    #[expect(clippy::unused_async, reason = "a later engine may have to ask the broker")]
    pub async fn components(&self) -> Vec<ComponentHealth> {
        let nats = (!self.engine.connection.is_connected()).then(|| "not connected".to_owned());
        let index = self.engine.fit().err().map(|wrong| wrong.join(", "));
        let jobs = self.engine.index().stats().total_jobs;
        let plain = |name: &str, error, messages| ComponentHealth {
            name: name.to_owned(),
            error,
            messages,
            bytes: None,
            consumers: None,
        };
        let mut components = vec![plain("nats", nats, None), plain("index", index, Some(jobs))];
        components.extend(self.engine.health().components.iter().cloned());
        components
    }

    /// Accepts a job: when this returns, it is on the broker's disk.
    ///
    /// # Errors
    /// Nobody answers to the target, the store is full, the broker is away.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, JobsError> {
        self.engine.submit(submission, None).await
    }

    /// Waits until every row of a job is final, by push; `Timeout` after `patience`, the job goes on.
    ///
    /// # Errors
    /// No such job, or no result in time.
    pub async fn wait(&self, job: JobId, patience: Duration) -> Result<JobDetail, JobsError> {
        self.engine.wait(job, patience).await
    }

    /// Submits and waits, without missing a fast answer.
    ///
    /// # Errors
    /// As [`Jobs::submit`] and [`Jobs::wait`].
    pub async fn run(&self, submission: Submission, patience: Duration) -> Result<JobDetail, JobsError> {
        let submitted = self.submit(submission).await?;
        self.wait(submitted.job_id, patience).await
    }

    /// One job with its rows and timeline.
    ///
    /// # Errors
    /// No such job.
    pub async fn get(&self, job: JobId) -> Result<JobDetail, JobsError> {
        self.engine.get(job).await
    }

    /// Jobs that match, newest first, from the index.
    ///
    /// # Errors
    /// The cursor is not one of ours.
    pub fn list(&self, filter: &JobFilter, page: &PageRequest) -> Result<JobPage, JobsError> {
        self.engine.index_is_built()?;
        self.engine.index().list(filter, page)
    }

    /// Jobs counted, from the index.
    pub fn stats(&self) -> JobStats {
        let mut stats = self.engine.index().stats();
        stats.dlq_count = self.engine.health().dead_letters;
        stats
    }

    /// What is counted for whoever watches, from memory.
    pub fn figures(&self) -> Figures {
        let mut figures = self.engine.index().figures(Timestamp::now());
        let health = self.engine.health();
        (figures.dead_letters, figures.dead_letters_ever) = (health.dead_letters, health.dead_letters_ever);
        figures
    }

    /// Submits the same operation again, to the original target unless told otherwise; linked both ways.
    ///
    /// # Errors
    /// No such job, or as [`Jobs::submit`].
    pub async fn retry(&self, job: JobId, target: Option<Target>, by: Option<String>) -> Result<Submitted, JobsError> {
        self.engine.retry(job, target, by).await
    }

    /// Calls a job off: hosts that have not begun never will, hosts at it are told to stop.
    ///
    /// # Errors
    /// No such job; `Conflict` when it is final already and no host that is away could carry it out any more.
    pub async fn cancel(&self, job: JobId, by: Option<String>) -> Result<(), JobsError> {
        self.engine.cancel(job, by).await
    }

    /// Removes a job and everything about it; one not final must be cancelled first.
    ///
    /// # Errors
    /// No such job; `Conflict` when it is not final.
    pub async fn delete(&self, job: JobId) -> Result<(), JobsError> {
        self.engine.delete(job).await
    }

    /// What happened to a job after event `after` (0 for all), then live until it is final.
    ///
    /// # Errors
    /// No such job.
    pub async fn events(&self, job: JobId, after: u64) -> Result<BoxStream<'static, JobEvent>, JobsError> {
        self.engine.clone().events(job, after).await
    }

    /// The workers, sorted by name.
    pub fn workers(&self) -> Vec<Worker> {
        self.engine.index().fleet.workers()
    }

    /// One worker.
    ///
    /// # Errors
    /// No such worker.
    pub fn worker(&self, hostname: &HostName) -> Result<Worker, JobsError> {
        self.engine.known(hostname)
    }

    /// Tells a worker to finish what it has and take no more (`true`), or to take jobs again (`false`). It survives restarts.
    ///
    /// # Errors
    /// No such worker.
    pub async fn set_draining(&self, hostname: &HostName, draining: bool) -> Result<(), JobsError> {
        self.engine.set_draining(hostname, draining).await
    }

    /// Forgets a worker that is stopped or lost.
    ///
    /// # Errors
    /// No such worker; `Conflict` when it is alive.
    pub async fn forget_worker(&self, hostname: &HostName) -> Result<(), JobsError> {
        self.engine.forget_worker(hostname).await
    }

    /// Dead letters, newest first.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, JobsError> {
        self.engine.dead_letters(limit).await
    }

    /// One dead letter.
    ///
    /// # Errors
    /// No such dead letter.
    pub async fn dead_letter(&self, sequence: u64) -> Result<DeadLetter, JobsError> {
        self.engine.dead_letter(sequence).await
    }

    /// Sends the message of a dead letter again as the job it names, and drops the letter.
    ///
    /// # Errors
    /// No such dead letter; `Conflict` when it names no job that may still run.
    pub async fn requeue_dead_letter(&self, sequence: u64) -> Result<JobId, JobsError> {
        self.engine.requeue_dead_letter(sequence).await
    }

    /// Drops a dead letter.
    ///
    /// # Errors
    /// No such dead letter.
    pub async fn drop_dead_letter(&self, sequence: u64) -> Result<(), JobsError> {
        self.engine.drop_dead_letter(sequence).await
    }
}
