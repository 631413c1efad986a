//! Why a request is not answered as asked, and how that becomes a status and a body.
//!
//! A handler returns a [`Fault`]; the gate, which knows the request's identity, writes the body.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use osapi_core::api::ProblemDetails;
use osapi_core::{ErrorCode, Failure, JobId, Target};
use osapi_jobs::{JobsError, StoreError};

/// Why a request is not answered as asked.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    pub(crate) details: ProblemDetails,
    /// Seconds after which trying again may help.
    pub(crate) retry_after: Option<u64>,
}

impl Fault {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status: status(code),
            code,
            message: message.into(),
            details: ProblemDetails::default(),
            retry_after: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.details.hint = Some(hint.into());
        self
    }

    pub(crate) const fn about(mut self, job: JobId) -> Self {
        self.details.job_id = Some(job);
        self
    }

    pub(crate) const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A fault of ours: the cause goes to the log, the caller learns only the request's identity.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(cause, "a request failed by a fault of ours");
        Self::new(ErrorCode::Internal, "this is a fault of the server: its log tells more under the request id")
    }

    /// For an answer that the framework made.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::UNAUTHORIZED => ErrorCode::Unauthenticated,
            StatusCode::FORBIDDEN => ErrorCode::Forbidden,
            StatusCode::NOT_FOUND => ErrorCode::NotFound,
            status if status.is_client_error() => ErrorCode::Invalid,
            _ => ErrorCode::Internal,
        };
        let message = status.canonical_reason().unwrap_or("error").to_ascii_lowercase();
        Self::new(code, message).with_status(status)
    }
}

/// The status of a code. `docs/errors.md` has the same table.
pub(crate) const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Invalid => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::Failed => StatusCode::BAD_GATEWAY,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let fault = Self::new(failure.code, failure.message);
        match failure.hint {
            Some(hint) => fault.with_hint(hint),
            None => fault,
        }
    }
}

impl From<JobsError> for Fault {
    fn from(error: JobsError) -> Self {
        let fault = Self::new(error.code(), error.to_string());
        match error {
            // Nobody named is missing: there is just nobody.
            JobsError::NoTarget(Target::Any | Target::All) => {
                Self::new(ErrorCode::Unavailable, "no worker is registered")
                    .with_hint("start one with `osapi job worker start`")
                    .retry_after(5)
            }
            JobsError::NoTarget(Target::Host(_) | Target::Label(_)) => {
                fault.with_hint("`GET /api/v1/workers` lists the workers and their labels")
            }
            JobsError::Timeout(job) => {
                fault.about(job).with_hint(format!("it goes on: look at `GET /api/v1/jobs/{job}`"))
            }
            JobsError::Unavailable(cause) => {
                tracing::warn!(cause, "the broker is not reachable");
                Self::new(ErrorCode::Unavailable, "the broker is not reachable").retry_after(5)
            }
            JobsError::Full => fault.retry_after(60),
            JobsError::NoJob(_)
            | JobsError::NoWorker(_)
            | JobsError::NoDeadLetter(_)
            | JobsError::Conflict(_)
            | JobsError::Invalid(_) => fault,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full | StoreError::Unavailable(_) => {
                tracing::warn!(%error, "a store is not available");
                Self::new(ErrorCode::Unavailable, "the store is not available").retry_after(5)
            }
            StoreError::Unreadable { .. } => Self::internal(&error),
        }
    }
}
