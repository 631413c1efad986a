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
use crate::error::JobsError;

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
    _inner: Arc<()>,
}

impl Jobs {
    /// Starts the index and returns at once; [`Jobs::ready`] tells when it has caught up. It ends with `shutdown`.
    ///
    /// # Errors
    /// The broker is not reachable.
    pub async fn start(_connection: Connection, _shutdown: CancellationToken) -> Result<Self, JobsError> {
        Err(unbuilt())
    }

    /// The connection it uses, for the audit trail and the revoked tokens.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        const NONE: &Connection = &Connection {};
        NONE
    }

    /// Whether broker, streams, buckets and index are fit to serve; the words say what is not. Cheap, never enumerates.
    ///
    /// # Errors
    /// Something is not ready.
    pub async fn ready(&self) -> Result<(), Vec<String>> {
        Err(vec![])
    }

    /// Every part and how it does; answered from a cache at most a few seconds old.
    pub async fn components(&self) -> Vec<ComponentHealth> {
        vec![]
    }

    /// Accepts a job: when this returns, it is on the broker's disk.
    ///
    /// # Errors
    /// Nobody answers to the target, the store is full, the broker is away.
    pub async fn submit(&self, _submission: Submission) -> Result<Submitted, JobsError> {
        Err(unbuilt())
    }

    /// Waits until every row of a job is final, by push; `Timeout` after `patience`, the job goes on.
    ///
    /// # Errors
    /// No such job, or no result in time.
    pub async fn wait(&self, _job: JobId, _patience: Duration) -> Result<JobDetail, JobsError> {
        Err(unbuilt())
    }

    /// Submits and waits, without missing a fast answer.
    ///
    /// # Errors
    /// As [`Jobs::submit`] and [`Jobs::wait`].
    pub async fn run(&self, _submission: Submission, _patience: Duration) -> Result<JobDetail, JobsError> {
        Err(unbuilt())
    }

    /// One job with its rows and timeline.
    ///
    /// # Errors
    /// No such job.
    pub async fn get(&self, _job: JobId) -> Result<JobDetail, JobsError> {
        Err(unbuilt())
    }

    /// Jobs that match, newest first, from the index.
    ///
    /// # Errors
    /// The cursor is not one of ours.
    pub fn list(&self, _filter: &JobFilter, _page: &PageRequest) -> Result<JobPage, JobsError> {
        Err(unbuilt())
    }

    /// Jobs counted, from the index.
    pub fn stats(&self) -> JobStats {
        JobStats::default()
    }

    /// Submits the same operation again, to the original target unless told otherwise; linked both ways.
    ///
    /// # Errors
    /// No such job, or as [`Jobs::submit`].
    pub async fn retry(
        &self,
        _job: JobId,
        _target: Option<Target>,
        _by: Option<String>,
    ) -> Result<Submitted, JobsError> {
        Err(unbuilt())
    }

    /// Calls a job off: hosts that have not begun never will, hosts at it are told to stop.
    ///
    /// # Errors
    /// No such job; `Conflict` when it is final already.
    pub async fn cancel(&self, _job: JobId, _by: Option<String>) -> Result<(), JobsError> {
        Err(unbuilt())
    }

    /// Removes a job and everything about it; one not final must be cancelled first.
    ///
    /// # Errors
    /// No such job; `Conflict` when it is not final.
    pub async fn delete(&self, _job: JobId) -> Result<(), JobsError> {
        Err(unbuilt())
    }

    /// What happened to a job after event `after` (0 for all), then live until it is final.
    ///
    /// # Errors
    /// No such job.
    pub async fn events(&self, _job: JobId, _after: u64) -> Result<BoxStream<'static, JobEvent>, JobsError> {
        Err(unbuilt())
    }

    /// The workers, sorted by name.
    pub fn workers(&self) -> Vec<Worker> {
        vec![]
    }

    /// One worker.
    ///
    /// # Errors
    /// No such worker.
    pub fn worker(&self, hostname: &HostName) -> Result<Worker, JobsError> {
        Err(JobsError::NoWorker(hostname.to_string()))
    }

    /// Tells a worker to finish what it has and take no more (`true`), or to take jobs again (`false`). It survives restarts.
    ///
    /// # Errors
    /// No such worker.
    pub async fn set_draining(&self, hostname: &HostName, _draining: bool) -> Result<(), JobsError> {
        Err(JobsError::NoWorker(hostname.to_string()))
    }

    /// Forgets a worker that is stopped or lost.
    ///
    /// # Errors
    /// No such worker; `Conflict` when it is alive.
    pub async fn forget_worker(&self, hostname: &HostName) -> Result<(), JobsError> {
        Err(JobsError::NoWorker(hostname.to_string()))
    }

    /// Dead letters, newest first.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn dead_letters(&self, _limit: usize) -> Result<Vec<DeadLetter>, JobsError> {
        Err(unbuilt())
    }

    /// One dead letter.
    ///
    /// # Errors
    /// No such dead letter.
    pub async fn dead_letter(&self, sequence: u64) -> Result<DeadLetter, JobsError> {
        Err(JobsError::NoDeadLetter(sequence))
    }

    /// Sends the message of a dead letter again as the job it names, and drops the letter.
    ///
    /// # Errors
    /// No such dead letter; `Conflict` when it names no job that may still run.
    pub async fn requeue_dead_letter(&self, sequence: u64) -> Result<JobId, JobsError> {
        Err(JobsError::NoDeadLetter(sequence))
    }

    /// Drops a dead letter.
    ///
    /// # Errors
    /// No such dead letter.
    pub async fn drop_dead_letter(&self, sequence: u64) -> Result<(), JobsError> {
        Err(JobsError::NoDeadLetter(sequence))
    }
}

fn unbuilt() -> JobsError {
    JobsError::Unavailable("the engine is not built yet".to_owned())
}
