//! What is stored under the keys, besides the job itself. Shapes only; older ones must still be read, so fields are added, never changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use osapi_core::worker::Registration;
use osapi_core::{HostName, JobId, Report};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who may carry a change out. Created once per slot by compare-and-set, and never altered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "claim", rename_all = "snake_case")]
pub(crate) enum Claim {
    /// This run of a worker.
    Held {
        hostname: HostName,
        instance: Uuid,
        /// Tells two attempts of one run apart, so that a lost answer is not taken for a lost race.
        attempt: Uuid,
        at: Timestamp,
    },
    /// Nobody: the job was called off first.
    Void(Cancellation),
}

/// What came of one slot. Created once by compare-and-set: the first word stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "snake_case")]
pub(crate) enum Response {
    /// A worker's report.
    Reported(Report),
    /// Nobody reports any more: the job was called off first.
    Void(Cancellation),
}

/// How often a query was begun again after its worker died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempts {
    pub(crate) count: u32,
}

/// A job was called off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cancellation {
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
}

/// What a host says while it is at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// It has begun.
    Started { at: Timestamp, instance: Uuid },
    /// Lines that say how it goes.
    Progress { lines: Vec<Line> },
}

/// One line of progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

/// The job first submitted under an idempotency key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FirstJob {
    pub(crate) job_id: JobId,
}

/// A worker's entry in the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkerRecord {
    #[serde(flatten)]
    pub(crate) registration: Registration,
    /// Time between its heartbeats.
    pub(crate) heartbeat_ms: u64,
    /// Whether it left in good order.
    #[serde(default)]
    pub(crate) stopped: bool,
    /// Since which revision of the registry it answers to each target besides `_any`, by the target's text.
    #[serde(default)]
    pub(crate) answers_since: BTreeMap<String, u64>,
    /// Up to which message of the stream of notifications nothing is left to be done; absent in older records.
    #[serde(default)]
    pub(crate) settled: Option<u64>,
    /// What this run has counted so far.
    #[serde(default)]
    pub(crate) counts: Counts,
}

/// What a run of a worker counts; nobody else can see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    /// Changes it was let into.
    pub(crate) claims_granted: u64,
    /// Changes that somebody else had, or that were called off first.
    pub(crate) claims_refused: u64,
    /// Messages that had been given out before, to it or to another.
    pub(crate) redeliveries: u64,
}
