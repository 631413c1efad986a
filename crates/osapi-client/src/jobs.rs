//! `/api/v1/jobs` and `/api/v1/dead-letters`.

use jiff::Timestamp;
use osapi_core::api::{CreateJob, DeadLetterList, JobCreated, JobList, RetryJob};
use osapi_core::job::{DeadLetter, JobDetail, JobStats};
use osapi_core::{HostName, JobId, JobState, OperationKind, Target};
use reqwest::Method;

use crate::{Answer, Client, ClientError, Events};

/// Which jobs to list, and which part of them.
#[derive(Clone, Debug, Default)]
pub struct JobListFilter {
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
    /// At most this many; 0 is as many as a part may have.
    pub limit: Option<usize>,
    /// Skip this many first.
    pub offset: Option<usize>,
    /// What the part before gave as `next_cursor`.
    pub cursor: Option<String>,
}

impl Client {
    /// Submits a job and returns at once. One with an idempotency key is tried again as reading calls are.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_create(&self, job: &CreateJob) -> Result<Answer<JobCreated>, ClientError> {
        self.post("/api/v1/jobs").body(job).again_if(job.idempotency_key.is_some()).json(&[]).await
    }

    /// Lists jobs, newest first.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_list(&self, filter: &JobListFilter) -> Result<Answer<JobList>, ClientError> {
        self.get("/api/v1/jobs")
            .query_if("status", filter.status.as_ref())
            .query_if("operation", filter.operation.as_ref())
            .query_if("target", filter.target.as_ref())
            .query_if("hostname", filter.hostname.as_ref())
            .query_if("since", filter.since.as_ref())
            .query_if("until", filter.until.as_ref())
            .query_if("limit", filter.limit.as_ref())
            .query_if("offset", filter.offset.as_ref())
            .query_if("cursor", filter.cursor.as_ref())
            .json(&[])
            .await
    }

    /// Counts jobs.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_stats(&self) -> Result<Answer<JobStats>, ClientError> {
        self.get("/api/v1/jobs/stats").json(&[]).await
    }

    /// One job with its rows and what happened to it.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_get(&self, job: JobId) -> Result<Answer<JobDetail>, ClientError> {
        self.get(format!("/api/v1/jobs/{job}")).json(&[]).await
    }

    /// Removes a job that is final.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_delete(&self, job: JobId) -> Result<(), ClientError> {
        self.call(Method::DELETE, format!("/api/v1/jobs/{job}")).nothing().await
    }

    /// Submits the same operation again.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_retry(&self, job: JobId, retry: &RetryJob) -> Result<Answer<JobCreated>, ClientError> {
        self.post(format!("/api/v1/jobs/{job}/retry")).body(retry).json(&[]).await
    }

    /// Calls a job off.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_cancel(&self, job: JobId) -> Result<(), ClientError> {
        self.post(format!("/api/v1/jobs/{job}/cancel")).nothing().await
    }

    /// What happened to a job after event `after` (0 for all), then live until it is final.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn job_events(&self, job: JobId, after: u64) -> Result<Events, ClientError> {
        let call = self.get(format!("/api/v1/jobs/{job}/events"));
        let call = if after > 0 { call.header("last-event-id", &after) } else { call };
        Ok(Events::new(call.stream().await?))
    }

    /// Lists dead letters, newest first.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn dead_letter_list(&self, limit: Option<usize>) -> Result<Answer<DeadLetterList>, ClientError> {
        self.get("/api/v1/dead-letters").query_if("limit", limit.as_ref()).json(&[]).await
    }

    /// One dead letter.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn dead_letter_get(&self, sequence: u64) -> Result<Answer<DeadLetter>, ClientError> {
        self.get(format!("/api/v1/dead-letters/{sequence}")).json(&[]).await
    }

    /// Sends the message of a dead letter again.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn dead_letter_requeue(&self, sequence: u64) -> Result<(), ClientError> {
        self.post(format!("/api/v1/dead-letters/{sequence}/requeue")).nothing().await
    }

    /// Drops a dead letter.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn dead_letter_delete(&self, sequence: u64) -> Result<(), ClientError> {
        self.call(Method::DELETE, format!("/api/v1/dead-letters/{sequence}")).nothing().await
    }
}
