//! The form of every answer: the seed's envelope around data or an error. Nothing leaves without it.

use axum::body::Body;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use osapi_core::{ErrorCode, Failure, OperationKind};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

/// Carries the request's id beside the envelope.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Data to answer with.
pub(crate) struct Data<T>(pub(crate) T);

/// Why there is no data.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) retryable: bool,
}

/// What a handler leaves in its response for [`seal`].
#[derive(Clone)]
enum Content {
    Data(Box<RawValue>),
    Problem(Problem),
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    request_id: Uuid,
    timestamp: Timestamp,
    data: Option<&'a RawValue>,
    error: Option<ErrorBody<'a>>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'static str,
    message: &'a str,
    details: Option<Details<'a>>,
    retryable: bool,
}

#[derive(Serialize)]
struct Details<'a> {
    hint: &'a str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, retryable: false }
    }

    pub(crate) fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The request is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// An operation that failed.
    pub(crate) fn of(kind: OperationKind, failure: Failure) -> Self {
        let Failure { code, message, hint } = failure;
        let (status, retryable) = match code {
            ErrorCode::Invalid => (StatusCode::BAD_REQUEST, false),
            ErrorCode::Unauthenticated => (StatusCode::UNAUTHORIZED, false),
            ErrorCode::Forbidden => (StatusCode::FORBIDDEN, false),
            ErrorCode::NotFound => (StatusCode::NOT_FOUND, false),
            ErrorCode::Conflict => (StatusCode::CONFLICT, false),
            ErrorCode::Unsupported => (StatusCode::NOT_IMPLEMENTED, false),
            ErrorCode::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, true),
            ErrorCode::Timeout => (StatusCode::GATEWAY_TIMEOUT, true),
            ErrorCode::Failed => (StatusCode::INTERNAL_SERVER_ERROR, true),
            ErrorCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, false),
        };
        Self { status, code: word(kind, code), message, hint, retryable }
    }

    /// A body that was not read.
    pub(crate) fn unread(rejection: &JsonRejection) -> Self {
        match rejection.status() {
            status @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE) => Self::of_status(status),
            _ => Self::invalid(format!("the body is wrong: {}", rejection.body_text())),
        }
    }

    /// What the framework answered by itself, in our words.
    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::new(status, "NOT_FOUND", "there is nothing at this path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "METHOD_NOT_ALLOWED", "this path has other methods; see the `Allow` header")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "PAYLOAD_TOO_LARGE", "the body is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(status, "UNSUPPORTED_MEDIA_TYPE", "the body must be `application/json`")
            }
            status if status.is_client_error() => Self::new(status, "INVALID_REQUEST", "the request is malformed"),
            _ => Self::internal(),
        }
    }

    pub(crate) fn internal() -> Self {
        let message = "a fault of ours; the log has it under this request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
    }
}

/// The seed's word for a failure of an operation: a few have their own, the others the code in upper case.
const fn word(kind: OperationKind, code: ErrorCode) -> &'static str {
    match (kind, code) {
        (OperationKind::SystemServiceGet, ErrorCode::Invalid) => "INVALID_SERVICE_NAME",
        (OperationKind::SystemServiceGet, ErrorCode::NotFound) => "SERVICE_NOT_FOUND",
        (OperationKind::SystemServiceGet, ErrorCode::Failed) => "SERVICE_STATUS_ERROR",
        (OperationKind::PackageListGet, ErrorCode::Failed) => "PKG_MANAGER_ERROR",
        (_, ErrorCode::Invalid) => "VALIDATION_ERROR",
        (_, ErrorCode::Unauthenticated) => "UNAUTHENTICATED",
        (_, ErrorCode::Forbidden) => "PERMISSION_DENIED",
        (_, ErrorCode::NotFound) => "NOT_FOUND",
        (_, ErrorCode::Conflict) => "CONFLICT",
        (_, ErrorCode::Unsupported) => "UNSUPPORTED",
        (_, ErrorCode::Unavailable) => "UNAVAILABLE",
        (_, ErrorCode::Timeout) => "TIMEOUT",
        (_, ErrorCode::Failed) => "OPERATION_FAILED",
        (_, ErrorCode::Internal) => "INTERNAL_ERROR",
    }
}

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        match to_raw_value(&self.0) {
            Ok(data) => left(StatusCode::OK, Content::Data(data)),
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        left(self.status, Content::Problem(self))
    }
}

fn left(status: StatusCode, content: Content) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(content);
    response
}

/// Puts the answer into the envelope, whoever made it, and tells the code of its error. Headers stay.
pub(crate) fn seal(mut response: Response, request_id: Uuid) -> (Response, Option<&'static str>) {
    let status = response.status();
    let content = response.extensions_mut().remove().unwrap_or_else(|| Content::Problem(Problem::of_status(status)));
    let (data, error) = match &content {
        Content::Data(data) => (Some(data.as_ref()), None),
        Content::Problem(problem) => (None, Some(problem)),
    };
    let envelope = Envelope {
        success: error.is_none(),
        request_id,
        timestamp: Timestamp::now(),
        data,
        error: error.map(|problem| ErrorBody {
            code: problem.code,
            message: &problem.message,
            details: problem.hint.as_deref().map(|hint| Details { hint }),
            retryable: problem.retryable,
        }),
    };
    let body = serde_json::to_vec(&envelope).expect("an envelope holds nothing that JSON cannot");
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    let code = error.map(|problem| problem.code);
    *response.status_mut() = error.map_or(status, |problem| problem.status);
    *response.body_mut() = Body::from(body);
    (response, code)
}
