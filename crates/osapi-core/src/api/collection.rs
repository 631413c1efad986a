//! The answer of an operation: one row per expected host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Failure;
use crate::host_name::HostName;
use crate::job::{HostStatus, JobId, Report};

/// What became of an operation, one row per expected host, sorted by host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Collection<T> {
    /// The job that carried it out.
    pub job_id: JobId,
    /// The rows.
    pub results: Vec<Row<T>>,
}

/// What one host made of it: a [`Report`] whose data is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Row<T> {
    /// The host, as the fleet knows it.
    pub hostname: HostName,
    /// Where it stands.
    pub status: HostStatus,
    /// For a change that was carried out: whether the host is different now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<bool>,
    /// What the operation gave.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
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

/// `Default` would ask it of `T`.
const fn none<T>() -> Option<T> {
    None
}

impl From<Report> for Row<Value> {
    fn from(report: Report) -> Self {
        let Report { hostname, status, changed, data, error, received_at, started_at, finished_at } = report;
        Self { hostname, status, changed, data, error, received_at, started_at, finished_at }
    }
}
