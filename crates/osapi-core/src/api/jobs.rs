//! Bodies about jobs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::job::{DeadLetter, JobId, JobSummary};
use crate::operation::Operation;
use crate::target::Target;

/// A job to submit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateJob {
    /// What to do, `{"type", "data"}`.
    pub operation: Operation,
    /// For whom; any one worker when left out.
    #[serde(default = "any", alias = "target_hostname")]
    pub target: Target,
    /// How long one host may take over it, 1 to 86400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 86_400))]
    pub timeout_seconds: Option<u32>,
    /// Nobody starts it later than this after submission, 1 to 518400 (six days; a job is kept for seven by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 518_400))]
    pub expires_after_seconds: Option<u32>,
    /// Accept a target nobody answers to yet, and wait for one until it expires.
    #[serde(default)]
    pub queue: bool,
    /// Submitting twice under one key makes one job, 1 to 128 letters, digits, `-`, `_`, `.` and `:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(pattern = "^[A-Za-z0-9._:-]{1,128}$"))]
    pub idempotency_key: Option<String>,
}

const fn any() -> Target {
    Target::Any
}

impl CreateJob {
    /// The operation for the target, everything else left to the server.
    #[must_use]
    pub const fn new(operation: Operation, target: Target) -> Self {
        Self {
            operation,
            target,
            timeout_seconds: None,
            expires_after_seconds: None,
            queue: false,
            idempotency_key: None,
        }
    }
}

/// A job accepted: it is on the broker's disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobCreated {
    /// Its identity.
    pub job_id: JobId,
    /// `created`, or `existing` when the idempotency key had been seen.
    pub status: String,
    /// The revision of its record.
    pub revision: u64,
    /// When it was accepted.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
}

/// How to repeat a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RetryJob {
    /// For whom; as before when left out.
    #[serde(alias = "target_hostname", skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

/// Jobs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobList {
    /// How many match in all.
    pub total_items: u64,
    /// This part of them.
    pub items: Vec<JobSummary>,
    /// Give this as `cursor` to get the next part; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Dead letters, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadLetterList {
    /// The letters.
    pub items: Vec<DeadLetter>,
}
