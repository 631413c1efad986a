//! Bodies about revoked tokens.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which token is to count no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {
    /// Its `jti` claim, 1 to 128 letters, digits, `-`, `_`, `.` and `:`.
    #[cfg_attr(feature = "schema", schema(pattern = "^[A-Za-z0-9._:-]{1,128}$"))]
    pub token_id: String,
    /// Why, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(max_length = 200))]
    pub reason: Option<String>,
}

/// A token that counts no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Revocation {
    /// Its `jti` claim.
    pub token_id: String,
    /// When it was revoked.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub revoked_at: Timestamp,
    /// Who revoked it.
    pub revoked_by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Tokens that count no more, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RevocationList {
    /// The revocations.
    pub items: Vec<Revocation>,
}
