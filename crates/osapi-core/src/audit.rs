//! The audit trail's entries and the chain that ties them together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::job::JobId;

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its identity.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub id: Uuid,
    /// When the request came.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
    /// Who asked; empty when that was not proved.
    pub user: String,
    /// The roles in the token.
    pub roles: Vec<String>,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The operation of the API document; absent when no route matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// Where it came from.
    pub source_ip: String,
    /// The HTTP status answered.
    pub response_code: u16,
    /// How long the answer took.
    pub duration_ms: u64,
    /// The job it made or was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// For whom, as asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The request's identity, as answered in `X-Request-Id`.
    pub request_id: String,
    /// What was to be changed, secrets left out, at most 2048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The hash of the entry before this one in its chain; empty for the first.
    #[serde(default)]
    pub previous_hash: String,
    /// SHA-256 in hex over this entry with `hash` empty.
    #[serde(default)]
    pub hash: String,
}

impl AuditEntry {
    /// The entry tied to the one before it: `previous_hash` and `hash` filled in.
    ///
    /// # Errors
    /// Never for these fields; kept because serialisation is fallible by signature.
    pub fn chained(mut self, previous_hash: String) -> Result<Self, serde_json::Error> {
        self.previous_hash = previous_hash;
        self.hash = self.digest()?;
        Ok(self)
    }

    /// The hash the entry ought to carry.
    ///
    /// # Errors
    /// Never for these fields; kept because serialisation is fallible by signature.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let bare = Self { hash: String::new(), ..self.clone() };
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(serde_json::to_vec(&bare)?) {
            hex.push_str(&format!("{byte:02x}"));
        }
        Ok(hex)
    }
}
