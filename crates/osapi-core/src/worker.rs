//! A worker as the fleet knows it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::host_name::HostName;
use crate::operation::OperationKind;
use crate::system::OsInfo;
use crate::target::Label;

/// What a worker says of itself; written when it starts and with every heartbeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The name it is routed by.
    pub hostname: HostName,
    /// `/etc/machine-id`, which stays when the name changes; absent where the host has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<String>,
    /// This run of the worker; another after every start.
    pub instance: Uuid,
    /// The labels it carries.
    pub labels: Vec<Label>,
    /// The program's version.
    pub version: String,
    /// The operations it can carry out, out of those that the reader knows.
    #[serde(default, deserialize_with = "known_operations")]
    pub capabilities: Vec<OperationKind>,
    /// How many jobs it takes at once.
    pub max_jobs: u32,
    /// How many it has now.
    pub running: u32,
    /// Whether it finishes what it has and takes no more.
    pub draining: bool,
    /// When this run began.
    pub registered_at: Timestamp,
    /// When this was written.
    pub last_seen: Timestamp,
    /// What system it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<OsInfo>,
}

/// A newer worker can do more than we know of.
fn known_operations<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<OperationKind>, D::Error> {
    let named: Vec<serde_json::Value> = Vec::deserialize(deserializer)?;
    Ok(named.into_iter().filter_map(|name| serde_json::from_value(name).ok()).collect())
}

/// Whether a worker takes jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    /// It takes jobs.
    Ready,
    /// It finishes what it has and takes no more, until resumed.
    Draining,
    /// It stopped in good order.
    Stopped,
    /// Its heartbeat is overdue.
    Lost,
}

impl WorkerState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Draining, Self::Stopped, Self::Lost];

    /// The word on every wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A worker in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Worker {
    /// The name it is routed by; what one lists is what one can target.
    pub hostname: HostName,
    /// Whether it takes jobs.
    pub state: WorkerState,
    /// Why it is in that state, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The labels it carries.
    pub labels: Vec<Label>,
    /// The program's version.
    pub version: String,
    /// The operations it can carry out.
    pub capabilities: Vec<OperationKind>,
    /// How many jobs it takes at once.
    pub max_jobs: u32,
    /// How many it had at its last heartbeat.
    pub running: u32,
    /// When this run began.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub registered_at: Timestamp,
    /// Its last heartbeat.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
    /// `/etc/machine-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_id: Option<String>,
    /// What system it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<OsInfo>,
}
