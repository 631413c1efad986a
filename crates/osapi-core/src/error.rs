//! How a failure is named: one short list of codes that crosses NATS, mutual TLS and REST unchanged.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of failure it is, for programs.
///
/// Each door turns the code into its own status, each command into an exit code, with one `match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is wrong; repeating it unchanged will fail again.
    Invalid,
    /// Nobody proved who is asking.
    Unauthenticated,
    /// Who asks is known and may not; or the host's own privileges do not reach.
    Forbidden,
    /// The thing named does not exist.
    NotFound,
    /// It contradicts the present state, such as a second package transaction.
    Conflict,
    /// This host or platform has no such mechanism.
    Unsupported,
    /// Something needed is not reachable just now; trying again may help.
    Unavailable,
    /// It did not finish in the time allowed.
    Timeout,
    /// It was tried and failed.
    Failed,
    /// A fault of ours; the log has the details under the request id.
    Internal,
}

impl ErrorCode {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Unsupported,
        Self::Unavailable,
        Self::Timeout,
        Self::Failed,
        Self::Internal,
    ];

    /// The word used on every wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A failure as the caller sees it: a code for programs, a sentence for people and, where there is one, the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure it is.
    pub code: ErrorCode,
    /// What was being done, to what, and what went wrong. Lower case, no full stop.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a remedy.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// The same failure with a remedy.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The request is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    /// This host lacks the mechanism.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unsupported, message)
    }

    /// The privileges do not reach.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Forbidden, message)
    }

    /// The thing named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Failed, message)
    }
}
