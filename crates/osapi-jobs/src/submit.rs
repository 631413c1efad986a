//! Submission: the record, then the notification. When it returns, the job is on the broker's disk.

use async_nats::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use osapi_core::{HostName, Job, JobId, Target};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

use crate::engine::Engine;
use crate::error::JobsError;
use crate::jobs::{Submission, Submitted};
use crate::names::Key;
use crate::records::FirstJob;
use crate::registry::away;
use crate::store::{Created, PublishFault, StoreFault, publish};

/// How long a notification is kept past the expiry of its job.
const LINGER: Duration = Duration::from_secs(60);

/// The header of a job for any one worker that says how many workers can carry it out, as far as the submitter knows.
pub(crate) const ABLE: &str = "Osapi-Able";

/// How often a notification is sent before it is left to the sweep.
const ATTEMPTS: u32 = 3;

impl Engine {
    /// Accepts a job.
    pub(crate) async fn submit(&self, submission: Submission, retry_of: Option<JobId>) -> Result<Submitted, JobsError> {
        self.ready_to_serve()?;
        if self.is_full() {
            return Err(JobsError::Full);
        }
        let mut job = self.job(submission, retry_of)?;
        if let Some(key) = &job.idempotency_key {
            let first = self.first_under(key, job.submitted_by.as_deref(), job.id).await?;
            if let Some(submitted) = self.already(first).await? {
                return Ok(submitted);
            }
            // The first submission under this key did not get as far as a record, so this one takes its place.
            job.id = first;
            job.created_at = time_of(first.uuid());
        }
        let body = Bytes::from(serde_json::to_vec(&job).map_err(|error| JobsError::Invalid(error.to_string()))?);
        let revision = match self.jobs.create(Key::Job(job.id), body.clone()).await {
            Ok(Created::New(revision)) => revision,
            Ok(Created::Exists) => {
                let submitted = self.already(job.id).await?;
                return submitted.ok_or_else(|| JobsError::Conflict(format!("job `{}` was deleted", job.id)));
            }
            Err(fault) => return Err(away(fault)),
        };
        self.index().apply(Key::Job(job.id), revision, &body, false);
        if job.target == Target::Any || job.registry_revision > 0 {
            self.announce(&job).await?;
        }
        Ok(Submitted { job_id: job.id, created_at: job.created_at, revision, existing: false })
    }

    fn job(&self, submission: Submission, retry_of: Option<JobId>) -> Result<Job, JobsError> {
        let (meant, registry_revision) = {
            let index = self.index();
            (index.fleet.meant_by(&submission.target), index.fleet.revision)
        };
        if meant.is_empty() && !submission.queue {
            return Err(JobsError::NoTarget(submission.target));
        }
        self.outlives(submission.expires_after)?;
        let id = Uuid::now_v7();
        let created_at = time_of(id);
        let expires_after = SignedDuration::try_from(submission.expires_after).unwrap_or(SignedDuration::MAX);
        let expires_at = created_at.saturating_add(expires_after).unwrap_or(Timestamp::MAX);
        let timeout = submission.timeout.as_secs().max(1);
        Ok(Job {
            id: JobId::new(id),
            operation: submission.operation,
            registry_revision: if meant.is_empty() { 0 } else { registry_revision },
            hosts: expected(&submission.target, meant),
            target: submission.target,
            created_at,
            expires_at,
            timeout_seconds: u32::try_from(timeout).unwrap_or(u32::MAX),
            queue: submission.queue,
            submitted_by: submission.submitted_by,
            retry_of,
            idempotency_key: submission.idempotency_key,
            traceparent: submission.traceparent,
        })
    }

    /// A job that could be forgotten before it expires would end without a state.
    fn outlives(&self, expires_after: Duration) -> Result<(), JobsError> {
        let kept = self.kept_seconds.load(Ordering::Relaxed);
        if kept == 0 || expires_after.as_secs() < kept {
            return Ok(());
        }
        Err(JobsError::Invalid(format!(
            "the job may wait {} s and is kept for {kept} s: let it expire sooner, or raise `nats.kv.ttl`",
            expires_after.as_secs()
        )))
    }

    /// The job that was first submitted under the key, which is this one if none was.
    async fn first_under(&self, key: &str, by: Option<&str>, job: JobId) -> Result<JobId, JobsError> {
        let key = Key::Idempotency(digest(key, by));
        let body =
            serde_json::to_vec(&FirstJob { job_id: job }).map_err(|error| JobsError::Invalid(error.to_string()))?;
        match self.jobs.create(&key, body.into()).await.map_err(away)? {
            Created::New(_) => Ok(job),
            Created::Exists => {
                let stored = self.jobs.last(&key).await.map_err(away)?;
                let first = stored.and_then(|stored| serde_json::from_slice::<FirstJob>(&stored.body).ok());
                first.map(|first| first.job_id).ok_or_else(|| {
                    JobsError::Conflict("the job submitted under this idempotency key was deleted".to_owned())
                })
            }
        }
    }

    async fn already(&self, id: JobId) -> Result<Option<Submitted>, JobsError> {
        let Some(stored) = self.jobs.last(Key::Job(id)).await.map_err(away)? else { return Ok(None) };
        if stored.deleted {
            return Err(JobsError::Conflict("the job submitted under this idempotency key was deleted".to_owned()));
        }
        self.index().apply(Key::Job(id), stored.revision, &stored.body, false);
        let created_at = time_of(id.uuid());
        Ok(Some(Submitted { job_id: id, created_at, revision: stored.revision, existing: true }))
    }

    /// Hands a job out. If the broker does not answer, the sweep does it later: the record is there.
    async fn announce(&self, job: &Job) -> Result<(), JobsError> {
        for attempt in 0..ATTEMPTS {
            match self.notify(job, &job.id.to_string()).await {
                Ok(()) => {
                    self.announced().insert(job.id);
                    return Ok(());
                }
                Err(StoreFault::Away(reason)) => {
                    tracing::debug!(job = %job.id, attempt, reason, "not handed out yet");
                }
                Err(fault @ (StoreFault::Full | StoreFault::TooLarge)) => {
                    // Nobody will ever get it, so it was not accepted.
                    let revision = self.jobs.delete(Key::Job(job.id)).await.map_err(away)?;
                    self.index().apply(Key::Job(job.id), revision, &Bytes::new(), true);
                    if let Some(key) = idempotency_key(job) {
                        self.jobs.erase(key).await.map_err(away)?;
                    }
                    return Err(away(fault));
                }
            }
        }
        Ok(())
    }

    /// Sends the message that hands a job out. The same `message` is stored once.
    pub(crate) async fn notify(&self, job: &Job, message: &str) -> Result<(), StoreFault> {
        let subject = self.connection.names().subject(job.operation.class(), &job.target);
        // Who is meant a worker can tell from the registry's revision, and a thousand names would reach a thousand workers.
        let lean = Job { hosts: Vec::new(), ..job.clone() };
        let body = serde_json::to_vec(&lean).map_err(|error| StoreFault::Away(error.to_string()))?;
        let left = job.expires_at.duration_since(Timestamp::now());
        let ttl = Duration::try_from(left).unwrap_or_default() + LINGER;
        let mut headers = HeaderMap::new();
        if let Some(trace) = &job.traceparent {
            headers.insert("traceparent", trace.as_str());
        }
        if job.target == Target::Any {
            let able = self.index().fleet.able_to(job.operation.kind());
            headers.insert(ABLE, able.to_string().as_str());
        }
        let copy = PublishMessage::build().payload(body.into()).headers(headers).message_id(message).ttl(ttl);
        match publish(self.connection.context(), &subject, copy).await {
            Ok(_) => Ok(()),
            Err(PublishFault::Store(fault)) => Err(fault),
            Err(PublishFault::Raced) => {
                Err(StoreFault::Away("the broker compared what was not to be compared".to_owned()))
            }
        }
    }
}

/// The hosts that must each have a row.
pub(crate) fn expected(target: &Target, meant: Vec<HostName>) -> Vec<HostName> {
    match target {
        Target::Any => Vec::new(),
        // A host that nobody has heard of yet still gets its row.
        Target::Host(host) => vec![host.clone()],
        Target::All | Target::Label(_) => meant,
    }
}

/// When a job was accepted: its identity says so, to the millisecond.
pub(crate) fn time_of(id: Uuid) -> Timestamp {
    let milliseconds = i64::try_from(id.as_u128() >> 80).unwrap_or_default();
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A key is the submitter's own: two submitters may use the same.
fn digest(key: &str, by: Option<&str>) -> String {
    let mut hash = Sha256::new();
    hash.update(by.unwrap_or_default().as_bytes());
    hash.update([0]);
    hash.update(key.as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key under which a job's idempotency key is kept.
pub(crate) fn idempotency_key(job: &Job) -> Option<Key> {
    job.idempotency_key.as_ref().map(|key| Key::Idempotency(digest(key, job.submitted_by.as_deref())))
}
