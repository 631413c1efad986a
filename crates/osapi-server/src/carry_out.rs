//! From an operation to an answer: submit it as a job, wait for its rows, and choose the status.
//!
//! For `_all` and labels: 200 when every row is ok, else 207, rows in the body either way. For one host: 200 when it is
//! ok, else an error whose status follows from the row. 504 when the rows are not final in time; the job goes on.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use osapi_core::api::{Collection, Row};
use osapi_core::job::JobDetail;
use osapi_core::{Class, ErrorCode, Failure, HostStatus, JobId, Operation, Report, Target};
use osapi_jobs::{JobsError, Submission};
use serde_json::Value;

use crate::app::App;
use crate::fault::Fault;
use crate::gate::Context;

/// What a handler of an operation answers.
pub(crate) type Answer = Result<Response, Fault>;

/// Carries an operation out on its target and answers with one row per expected host.
pub(crate) async fn carry_out(app: &App, context: &Context, target: Target, operation: Operation) -> Answer {
    operation.check()?;
    context.note(Some(&target), summary(&operation));
    let submission = submission(app, context, operation, target.clone());
    let job = app.jobs.submit(submission).await?.job_id;
    // From here on it may be carried out, whether or not the client waits for the answer.
    context.note_job(job);
    let detail = match app.jobs.wait(job, app.job_settings().wait).await {
        Ok(detail) => detail,
        Err(JobsError::Timeout(job)) => return Err(late(app, context, job).await),
        Err(other) => return Err(other.into()),
    };
    match target {
        Target::All | Target::Label(_) => Ok(many(detail)),
        Target::Any | Target::Host(_) => one(detail),
    }
}

/// A submission with the server's own bounds.
pub(crate) fn submission(app: &App, context: &Context, operation: Operation, target: Target) -> Submission {
    Submission {
        operation,
        target,
        submitted_by: context.subject(),
        expires_after: app.job_settings().expires_after,
        timeout: app.job_settings().timeout,
        queue: false,
        idempotency_key: None,
        traceparent: context.traceparent(),
    }
}

/// What the audit trail tells of a change, secrets left out.
pub(crate) fn summary(operation: &Operation) -> Option<String> {
    match operation.class() {
        Class::Query => None,
        Class::Modify => {
            let data = operation.data().map(redacted).ok()?;
            Some(format!("{} {data}", operation.name()))
        }
    }
}

fn redacted(value: Value) -> Value {
    const SECRET: [&str; 4] = ["password", "secret", "token", "key"];
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let hide = SECRET.iter().any(|part| name.to_ascii_lowercase().contains(part));
                let value = if hide { Value::from("[redacted]") } else { redacted(value) };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(redacted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn many(detail: JobDetail) -> Response {
    let all_ok = detail.results.iter().all(|row| row.status == HostStatus::Ok);
    let status = if all_ok { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    (status, Json(collection(detail))).into_response()
}

fn one(detail: JobDetail) -> Answer {
    let job = detail.id;
    match detail.results.first() {
        Some(row) if row.status == HostStatus::Ok => Ok(Json(collection(detail)).into_response()),
        Some(row) => {
            let mut fault = Fault::from(failure(row)).about(job);
            fault.details.results = rows(detail.results);
            Err(fault)
        }
        None => Err(Fault::new(ErrorCode::Timeout, "no worker took the job before it expired").about(job)),
    }
}

/// Why a row is not ok, in its own words or, where it has none, in ours.
fn failure(row: &Report) -> Failure {
    if let Some(failure) = &row.error {
        return failure.clone();
    }
    let (code, words) = match row.status {
        HostStatus::Pending | HostStatus::Acknowledged | HostStatus::Running => (ErrorCode::Timeout, "is not done yet"),
        HostStatus::Ok | HostStatus::Failed => (ErrorCode::Failed, "failed"),
        HostStatus::Unsupported => (ErrorCode::Unsupported, "does not support this"),
        HostStatus::Cancelled => (ErrorCode::Conflict, "was told to stop"),
        HostStatus::Expired => (ErrorCode::Timeout, "did not start in time"),
        HostStatus::Interrupted => (ErrorCode::Failed, "was interrupted and may have done part of it"),
        HostStatus::Unreachable => (ErrorCode::Unavailable, "is not reachable"),
    };
    Failure::new(code, format!("`{}` {words}", row.hostname))
}

/// The rows as they stand go with the answer, so that the caller sees who is late.
async fn late(app: &App, context: &Context, job: JobId) -> Fault {
    context.note_job(job);
    let mut fault = Fault::from(JobsError::Timeout(job));
    // The answer is late already: what cannot be had at once is left out.
    if let Ok(Ok(detail)) = tokio::time::timeout(Duration::from_secs(1), app.jobs.get(job)).await {
        fault.details.results = rows(detail.results);
    }
    fault
}

fn collection(detail: JobDetail) -> Collection<Value> {
    Collection { job_id: detail.id, results: rows(detail.results) }
}

fn rows(reports: Vec<Report>) -> Vec<Row<Value>> {
    reports.into_iter().map(Row::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_of_a_summary() {
        let value = serde_json::json!({"hostname": "web", "Password": "x", "nested": [{"api_key": "x", "other": 1}]});
        let expect = serde_json::json!({"hostname": "web", "Password": "[redacted]", "nested": [{"api_key": "[redacted]", "other": 1}]});
        assert_eq!(redacted(value), expect);
    }
}
