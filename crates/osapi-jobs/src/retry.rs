//! Repeating a job: a new one with the same operation, linked both ways, in the place of the old one.

use std::time::Duration;

use osapi_core::{Job, JobId, Target};

use crate::engine::Engine;
use crate::error::JobsError;
use crate::jobs::{Submission, Submitted};
use crate::names::Key;
use crate::registry::away;

impl Engine {
    /// Submits the operation of a job again, to the original target unless told otherwise. A host that is away then no
    /// longer carries the first one out: it would do the work twice.
    pub(crate) async fn retry(
        &self,
        id: JobId,
        target: Option<Target>,
        by: Option<String>,
    ) -> Result<Submitted, JobsError> {
        self.ready_to_serve()?;
        let stored = self.jobs.last(Key::Job(id)).await.map_err(away)?.filter(|stored| !stored.deleted);
        let stored = stored.ok_or(JobsError::NoJob(id))?;
        let job: Job = serde_json::from_slice(&stored.body)
            .map_err(|error| JobsError::Conflict(format!("the record of job `{id}` cannot be read: {error}")))?;
        if self.is_over_for_now(id) {
            self.cancel(id, by.clone()).await?;
        }
        let expires_after = Duration::try_from(job.expires_at.duration_since(job.created_at)).unwrap_or_default();
        let submission = Submission {
            operation: job.operation,
            target: target.unwrap_or(job.target),
            submitted_by: by,
            expires_after,
            timeout: Duration::from_secs(u64::from(job.timeout_seconds)),
            queue: job.queue,
            idempotency_key: None,
            traceparent: None,
        };
        self.submit(submission, Some(id)).await
    }
}
