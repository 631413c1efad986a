//! Bodies about health.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::job::JobState;
use crate::worker::WorkerState;

/// The process is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Liveness {
    /// Always `ok`.
    pub status: String,
}

/// Whether it can serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// `ready` or `not_ready`.
    pub status: String,
    /// Which parts are not ready, one a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a component does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Ok,
    /// It does not.
    Error,
    /// Something it is made of does not work.
    Degraded,
}

/// How one component does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ComponentState {
    /// `ok` or `error`.
    pub status: Health,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How everything does. At most a few seconds old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HealthStatus {
    /// `ok`, or `degraded` when a component has an error.
    pub status: Health,
    /// The components by name.
    pub components: BTreeMap<String, ComponentState>,
    /// The server's version.
    pub version: String,
    /// How long the server has run, in words.
    pub uptime: String,
    /// How long the server has run.
    pub uptime_seconds: u64,
    /// The broker.
    pub nats: Broker,
    /// Streams.
    pub streams: Vec<Stream>,
    /// Buckets.
    pub kv_buckets: Vec<KvBucket>,
    /// Jobs counted.
    pub jobs: JobCounts,
    /// Workers counted.
    pub workers: WorkerCounts,
}

/// The broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Broker {
    /// Whether it is there just now.
    pub connected: bool,
}

/// A stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Messages in it.
    pub messages: u64,
    /// Their size.
    pub bytes: u64,
    /// Consumers on it.
    pub consumers: u64,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KvBucket {
    /// Its name.
    pub name: String,
    /// Keys in it.
    pub keys: u64,
    /// Their size.
    pub bytes: u64,
}

/// Jobs counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobCounts {
    /// Jobs kept.
    pub total: u64,
    /// By state; every state is there.
    pub by_state: BTreeMap<JobState, u64>,
    /// Messages in the dead-letter stream.
    pub dlq: u64,
}

/// Workers counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkerCounts {
    /// Workers known.
    pub total: u64,
    /// By state; every state is there.
    pub by_state: BTreeMap<WorkerState, u64>,
}

/// Which version serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Version {
    /// The program's version.
    pub version: String,
    /// The version of the API, as in the paths.
    pub api_version: String,
}
