//! A job: one operation for one target, and what each host made of it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::Failure;
use crate::host_name::HostName;
use crate::operation::{Operation, OperationKind};
use crate::target::Target;

/// The identity of a job: a UUID, version 7 for those we make, so that they sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    /// The identity with this UUID. Whoever has a clock makes the UUID.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A job as submitted. Nothing in it changes afterwards; what happens to it is told by claims, reports and events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its identity.
    pub id: JobId,
    /// What to do.
    pub operation: Operation,
    /// For whom, as asked.
    pub target: Target,
    /// The hosts that must each have a row in the answer, fixed at submission; empty for `_any`, which wants one, whichever.
    pub hosts: Vec<HostName>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// From then on nobody starts it.
    pub expires_at: Timestamp,
    /// How long one host may take over it.
    pub timeout_seconds: u32,
    /// Whether it waits for hosts that are away, until it expires.
    #[serde(default)]
    pub queue: bool,
    /// How far the submitter had read the registry: a worker that registered later is not meant. 0 when nobody was.
    #[serde(default)]
    pub registry_revision: u64,
    /// Who asked: the subject of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<String>,
    /// The job this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<JobId>,
    /// What the submitter calls it, so that submitting twice makes one job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// W3C trace context of the submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// One job as one host gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The job.
    pub job_id: JobId,
    /// What to do.
    pub operation: Operation,
    /// The host it is carried out on, as the fleet knows it.
    pub hostname: HostName,
    /// From then on it is not started.
    pub expires_at: Timestamp,
    /// How long it may take.
    pub timeout_seconds: u32,
    /// When this host received it.
    pub received_at: Timestamp,
}

/// Where one host stands with a job.
///
/// The first three are on the way, the others are final; only `interrupted` and `unreachable` may still be overtaken by
/// the truth when the host comes back and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HostStatus {
    /// Not received yet.
    Pending,
    /// Received or claimed, not known to have started.
    Acknowledged,
    /// Being carried out.
    Running,
    /// Carried out.
    Ok,
    /// Tried, and it failed.
    Failed,
    /// This host lacks the mechanism.
    Unsupported,
    /// Called off before the end.
    Cancelled,
    /// Not started before the job expired.
    Expired,
    /// A change was begun and its worker died; nobody knows how far it got, and it is not repeated.
    Interrupted,
    /// The host's worker is gone and did not take the job.
    Unreachable,
}

impl HostStatus {
    /// Every status, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Acknowledged,
        Self::Running,
        Self::Ok,
        Self::Failed,
        Self::Unsupported,
        Self::Cancelled,
        Self::Expired,
        Self::Interrupted,
        Self::Unreachable,
    ];

    /// Whether nothing more is expected.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Acknowledged | Self::Running => false,
            Self::Ok
            | Self::Failed
            | Self::Unsupported
            | Self::Cancelled
            | Self::Expired
            | Self::Interrupted
            | Self::Unreachable => true,
        }
    }

    /// The word on every wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acknowledged => "acknowledged",
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Unsupported => "unsupported",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Interrupted => "interrupted",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for HostStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What one host made of a job: the result record, with its own timeline in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report {
    /// The host, as the fleet knows it.
    pub hostname: HostName,
    /// Where it stands.
    pub status: HostStatus,
    /// For a change that was carried out: whether the host is different now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// What the operation gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub data: Option<Value>,
    /// Why it was not carried out or not to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// When the host received it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub received_at: Option<Timestamp>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub finished_at: Option<Timestamp>,
}

impl Report {
    /// A row for a host that has reported nothing.
    #[must_use]
    pub const fn silent(hostname: HostName, status: HostStatus) -> Self {
        Self {
            hostname,
            status,
            changed: None,
            data: None,
            error: None,
            received_at: None,
            started_at: None,
            finished_at: None,
        }
    }
}

/// Where a job stands as a whole. `job_state` holds the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Accepted; no host has it.
    Submitted,
    /// Some host has it, none has begun.
    Acknowledged,
    /// Some host is at it.
    Processing,
    /// Every host carried it out.
    Completed,
    /// No host carried it out.
    Failed,
    /// Some hosts carried it out, others did not.
    PartialFailure,
    /// Called off before any host carried it out.
    Cancelled,
    /// Its time ran out before any host began.
    Expired,
    /// A change was begun and its worker died.
    Interrupted,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Submitted,
        Self::Acknowledged,
        Self::Processing,
        Self::Completed,
        Self::Failed,
        Self::PartialFailure,
        Self::Cancelled,
        Self::Expired,
        Self::Interrupted,
    ];

    /// Whether nothing more is expected.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Submitted | Self::Acknowledged | Self::Processing)
    }

    /// The word on every wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Acknowledged => "acknowledged",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::PartialFailure => "partial_failure",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join("`, `");
            Failure::invalid(format!(
                "`{}` is not a job status: use one of `{known}`",
                text.chars().take(40).collect::<String>()
            ))
        })
    }
}

/// A job with everything that became of it, as `GET /api/v1/jobs/{id}` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobDetail {
    /// Its identity.
    pub id: JobId,
    /// Where it stands.
    pub status: JobState,
    /// What to do, `{"type", "data"}`.
    pub operation: Operation,
    /// For whom.
    pub target: Target,
    /// When it was accepted.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// From then on nobody starts it.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// When something last happened to it.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<String>,
    /// The job this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<JobId>,
    /// The jobs that repeat this one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried_as: Vec<JobId>,
    /// One row per expected host, sorted by host. For `_any` the row of the host that took it, if one has.
    pub results: Vec<Report>,
    /// What happened when, oldest first.
    pub timeline: Vec<JobEvent>,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobSummary {
    /// Its identity.
    pub id: JobId,
    /// Where it stands.
    pub status: JobState,
    /// The operation's name.
    pub operation: OperationKind,
    /// For whom.
    pub target: Target,
    /// When it was accepted.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When something last happened to it.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_by: Option<String>,
    /// Hosts by where they stand.
    pub hosts: BTreeMap<HostStatus, u32>,
}

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobEventKind {
    /// It was accepted.
    Submitted,
    /// A host has it.
    Acknowledged,
    /// A host has begun.
    Started,
    /// A host says how it goes; `message` has the line.
    Progress,
    /// A host carried it out.
    Completed,
    /// A host tried and failed, or cannot.
    Failed,
    /// It was called off.
    Cancelled,
    /// Its time ran out.
    Expired,
    /// The worker that had begun it died.
    Interrupted,
    /// A new job repeats it; `message` has the new identity.
    Retried,
}

/// One thing that happened to a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobEvent {
    /// Its place in the stream of events, to resume after; 0 where it was derived from another record.
    #[serde(default)]
    pub sequence: u64,
    /// When.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
    /// What.
    pub event: JobEventKind,
    /// On which host; absent for what concerns the job as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<HostName>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// Jobs counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobStats {
    /// Jobs kept.
    pub total_jobs: u64,
    /// By state; every state is there.
    pub status_counts: BTreeMap<JobState, u64>,
    /// By the operation's name.
    pub operation_counts: BTreeMap<String, u64>,
    /// Messages in the dead-letter stream.
    pub dlq_count: u64,
}

/// A message that could not be a job or could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// Its place in the dead-letter stream, by which it is named.
    pub sequence: u64,
    /// When it was put there.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
    /// The subject it came on.
    pub subject: String,
    /// Why it is here.
    pub reason: String,
    /// The job it was about, where that could be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The worker that gave it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<HostName>,
    /// The message's text, at most 4096 characters of it.
    pub payload: String,
}
