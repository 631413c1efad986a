//! Bodies about the audit trail.

use serde::{Deserialize, Serialize};

use crate::audit::AuditEntry;

/// Entries, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// How many entries are kept in all; absent with a filter, since nobody has counted what it lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_items: Option<u64>,
    /// This part of them.
    pub items: Vec<AuditEntry>,
    /// Give this as `cursor` to go on; absent when there is nothing older. A filtered page may be short or empty and
    /// still have one, because a request looks through a bounded number of entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Whether the chain of the kept entries is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditVerification {
    /// Whether no entry was altered, removed, added or moved, and the known hash was found where one was given.
    pub intact: bool,
    /// Entries looked at.
    pub entries: u64,
    /// The oldest kept; older ones have expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sequence: Option<u64>,
    /// The newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sequence: Option<u64>,
    /// The hash of the newest: keep it elsewhere, and a later check proves that the trail up to it is still the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_hash: Option<String>,
    /// The first place where the chain does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
    /// What is wrong there, or with the trail as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
