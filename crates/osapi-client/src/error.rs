//! Why a call gave no answer.

use std::path::PathBuf;

use osapi_core::ErrorCode;
use osapi_core::api::Problem;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("`{0}` is not an address: it must begin with `http://` or `https://`")]
    Url(String),
    /// The token has characters no header may have.
    #[error("the bearer token has characters that no token has")]
    Token,
    /// The authority's file cannot be used.
    #[error("the authority in {} cannot be used: {reason}", file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The client could not be made.
    #[error("the HTTP client could not be made")]
    Setup {
        /// Why.
        source: reqwest::Error,
    },
    /// The server could not be reached, or the connection broke.
    #[error("the API server at {url} cannot be reached")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server took too long.
    #[error("the API server at {url} did not answer in time")]
    Timeout {
        /// Its address.
        url: String,
    },
    /// The server said no.
    #[error("{}", problem.error)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why.
        problem: Box<Problem>,
        /// The body as it came.
        text: String,
    },
    /// The answer is not what this client understands.
    #[error("the API server's answer ({status}) is not understood: {reason}")]
    Answer {
        /// The HTTP status.
        status: u16,
        /// Why.
        reason: String,
        /// The body as it came, at most 4096 characters of it.
        text: String,
    },
}

impl ClientError {
    /// What kind of failure it is.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Url(_) | Self::Token | Self::Authority { .. } => ErrorCode::Invalid,
            Self::Unreachable { .. } => ErrorCode::Unavailable,
            Self::Timeout { .. } => ErrorCode::Timeout,
            Self::Refused { problem, .. } => problem.code,
            Self::Setup { .. } | Self::Answer { .. } => ErrorCode::Internal,
        }
    }
}
