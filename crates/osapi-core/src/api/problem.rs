//! The one shape of an error.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Row;
use crate::error::ErrorCode;
use crate::job::JobId;

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// What went wrong, in words.
    pub error: String,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// What else is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<ProblemDetails>,
    /// Which request it was; the server's log and audit trail know it by this.
    pub request_id: String,
}

/// What else is known of an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProblemDetails {
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The job that was submitted; it can be looked up, and goes on after a timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The job's rows as they stood when this was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<Row<Value>>,
}

impl ProblemDetails {
    /// Whether there is nothing to tell.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hint.is_none() && self.job_id.is_none() && self.results.is_empty()
    }
}
