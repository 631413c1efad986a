//! What can go wrong with the broker and with jobs.

use osapi_core::{ErrorCode, JobId, Target};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The namespace has other characters than it may.
    #[error("`{0}` is not a namespace: at most 32 lower-case letters, digits and `_`")]
    Namespace(String),
    /// Nobody answered, or nobody let us in.
    #[error("the broker at {servers} is not reachable: {reason}")]
    Unreachable {
        /// Who was tried.
        servers: String,
        /// Why.
        reason: String,
    },
    /// The broker is there and a stream or bucket could not be had.
    #[error("the broker would not give `{name}`: {reason}")]
    Prepare {
        /// The stream, bucket or consumer.
        name: String,
        /// Why.
        reason: String,
    },
}

/// Why something about jobs was not done.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// No such job.
    #[error("there is no job `{0}`")]
    NoJob(JobId),
    /// No such worker.
    #[error("there is no worker `{0}`")]
    NoWorker(String),
    /// No such dead letter.
    #[error("there is no dead letter `{0}`")]
    NoDeadLetter(u64),
    /// Nobody registered is meant by the target.
    #[error("no worker answers to `{0}`")]
    NoTarget(Target),
    /// It contradicts the state of the job.
    #[error("{0}")]
    Conflict(String),
    /// The request is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The store of jobs is full; what was accepted is kept.
    #[error("the store of jobs is full: delete jobs or raise `nats.kv.max_bytes`")]
    Full,
    /// The broker is not there or did not answer in time.
    #[error("the broker is not reachable: {0}")]
    Unavailable(String),
    /// No result in time; the job goes on.
    #[error("job `{0}` has no result yet")]
    Timeout(JobId),
}

impl JobsError {
    /// What kind of failure it is.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NoJob(_) | Self::NoWorker(_) | Self::NoDeadLetter(_) | Self::NoTarget(_) => ErrorCode::NotFound,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Invalid(_) => ErrorCode::Invalid,
            Self::Full | Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Timeout(_) => ErrorCode::Timeout,
        }
    }
}
