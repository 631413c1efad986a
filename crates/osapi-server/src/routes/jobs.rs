//! `/api/v1/jobs`.

mod events;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use osapi_core::api::{CreateJob, JobCreated, JobList, Problem, RetryJob};
use osapi_core::job::{JobDetail, JobStats};
use osapi_core::{HostName, JobId, JobState, OperationKind, Target};
use osapi_jobs::{JobFilter, PageRequest, Submitted};
use serde::Deserialize;
use utoipa::IntoParams;

pub(crate) use events::{__path_events, events};

use crate::app::App;
use crate::carry_out::{submission, summary};
use crate::extract::{Body, Nothing, OptionalBody, Params, Part};
use crate::fault::Fault;
use crate::gate::Context;

/// The most jobs in one part of a list.
const MOST: usize = 1000;

/// The most jobs to skip; whoever wants more uses a cursor.
const MOST_SKIPPED: usize = 10_000_000;

/// Which jobs, and which part of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// In this state.
    status: Option<JobState>,
    /// Of this operation.
    operation: Option<OperationKind>,
    /// With this target.
    target: Option<Target>,
    /// With a row for this host.
    hostname: Option<HostName>,
    /// Accepted at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Accepted before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// At most this many, up to 1000; 0 is 1000.
    #[serde(default = "ten")]
    #[param(required = false, default = 10, maximum = 1000)]
    limit: usize,
    /// Skip this many first.
    #[serde(default)]
    #[param(required = false, default = 0, maximum = 10_000_000)]
    offset: usize,
    /// What the part before gave as `next_cursor`.
    #[param(value_type = Option<String>, format = Uuid)]
    cursor: Option<String>,
}

const fn ten() -> usize {
    10
}

/// Submits a job. It also needs the permission of the operation inside.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", operation_id = "job_create", request_body = CreateJob,
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[A-Za-z0-9._:-]{1,128}$",
        description = "As `idempotency_key` in the body, which goes before it.")),
    responses((status = 201, description = "It is accepted and on disk.", body = JobCreated,
            headers(("Location" = String, description = "Where to look at it."))),
        (status = 200, description = "The idempotency key had been seen: this is the first job.", body = JobCreated),
        (status = 404, description = "No such worker.", body = Problem),
        (status = 409, description = "The idempotency key belongs to another job.", body = Problem)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    _query: Params<Nothing>,
    Body(body): Body<CreateJob>,
) -> Result<Response, Fault> {
    context.note(Some(&body.target), summary(&body.operation));
    context.require(body.operation.permission())?;
    body.operation.check()?;
    let expires_after = bounded("expires_after_seconds", body.expires_after_seconds, 518_400)?;
    let timeout = bounded("timeout_seconds", body.timeout_seconds, 86_400)?;
    let mut submission = submission(&app, &context, body.operation, body.target);
    submission.expires_after = expires_after.unwrap_or(submission.expires_after);
    submission.timeout = timeout.unwrap_or(submission.timeout);
    submission.queue = body.queue;
    submission.idempotency_key = idempotency_key(body.idempotency_key, &headers)?;
    let submitted = app.jobs.submit(submission).await?;
    Ok(created(&context, &submitted))
}

/// Lists jobs, newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", operation_id = "job_list", params(ListQuery),
    responses((status = 200, description = "A part of them.", body = JobList)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<ListQuery>,
) -> Result<Json<JobList>, Fault> {
    let limit = match query.limit {
        0 => MOST,
        limit if limit <= MOST => limit,
        _ => return Err(Fault::invalid("`limit` must be at most 1000")),
    };
    if query.offset > MOST_SKIPPED {
        return Err(Fault::invalid("`offset` must be at most 10000000").with_hint("use `cursor`"));
    }
    let filter = JobFilter {
        status: query.status,
        operation: query.operation,
        target: query.target,
        hostname: query.hostname,
        since: query.since,
        until: query.until,
    };
    let page = PageRequest { limit, cursor: query.cursor, offset: query.offset };
    let page = app.jobs.list(&filter, &page)?;
    Ok(Json(JobList { total_items: page.total_items as u64, items: page.items, next_cursor: page.next_cursor }))
}

/// Counts jobs.
#[utoipa::path(get, path = "/api/v1/jobs/stats", tag = "jobs", operation_id = "job_stats",
    responses((status = 200, description = "Jobs counted.", body = JobStats)))]
pub(crate) async fn stats(State(app): State<Arc<App>>, _query: Params<Nothing>) -> Json<JobStats> {
    Json(app.jobs.stats())
}

/// Shows one job with its rows and what happened to it.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "job_get",
    params(("id" = JobId, Path, description = "The job.")),
    responses((status = 200, description = "The job.", body = JobDetail),
        (status = 404, description = "No such job.", body = Problem)))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    context: Context,
    Part(id): Part<JobId>,
    _query: Params<Nothing>,
) -> Result<Json<JobDetail>, Fault> {
    context.note_job(id);
    Ok(Json(app.jobs.get(id).await?))
}

/// Removes a job and everything about it. One that is not final must be cancelled first.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "job_delete",
    params(("id" = JobId, Path, description = "The job.")),
    responses((status = 204, description = "It is gone."),
        (status = 404, description = "No such job.", body = Problem),
        (status = 409, description = "It is not final.", body = Problem)))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    context: Context,
    Part(id): Part<JobId>,
    _query: Params<Nothing>,
) -> Result<StatusCode, Fault> {
    context.note_job(id);
    app.jobs.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Submits the same operation again, to the same target unless told otherwise. It also needs the operation's permission.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", operation_id = "job_retry",
    params(("id" = JobId, Path, description = "The job.")), request_body = Option<RetryJob>,
    responses((status = 201, description = "The new job.", body = JobCreated,
            headers(("Location" = String, description = "Where to look at it."))),
        (status = 404, description = "No such job, or no such worker.", body = Problem),
        (status = 409, description = "It is not final.", body = Problem)))]
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    context: Context,
    Part(id): Part<JobId>,
    _query: Params<Nothing>,
    OptionalBody(body): OptionalBody<RetryJob>,
) -> Result<Response, Fault> {
    let job = app.jobs.get(id).await?;
    context.note(Some(body.target.as_ref().unwrap_or(&job.target)), summary(&job.operation));
    context.require(job.operation.permission())?;
    let submitted = app.jobs.retry(id, body.target, context.subject()).await?;
    Ok(created(&context, &submitted))
}

/// Calls a job off: hosts that have not begun never will, hosts at it are told to stop.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "job_cancel",
    params(("id" = JobId, Path, description = "The job.")),
    responses((status = 202, description = "The hosts are told; the job shows what becomes of it."),
        (status = 404, description = "No such job.", body = Problem),
        (status = 409, description = "It is final already.", body = Problem)))]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    context: Context,
    Part(id): Part<JobId>,
    _query: Params<Nothing>,
) -> Result<StatusCode, Fault> {
    context.note_job(id);
    app.jobs.cancel(id, context.subject()).await?;
    Ok(StatusCode::ACCEPTED)
}

fn created(context: &Context, submitted: &Submitted) -> Response {
    context.note_job(submitted.job_id);
    let (status, word) =
        if submitted.existing { (StatusCode::OK, "existing") } else { (StatusCode::CREATED, "created") };
    let location = format!("/api/v1/jobs/{}", submitted.job_id);
    let body = JobCreated {
        job_id: submitted.job_id,
        status: word.to_owned(),
        revision: submitted.revision,
        timestamp: submitted.created_at,
    };
    (status, [(header::LOCATION, location)], Json(body)).into_response()
}

fn bounded(name: &str, seconds: Option<u32>, most: u32) -> Result<Option<Duration>, Fault> {
    match seconds {
        Some(seconds) if !(1..=most).contains(&seconds) => Err(Fault::invalid(format!("`{name}` must be 1 to {most}"))),
        seconds => Ok(seconds.map(|seconds| Duration::from_secs(seconds.into()))),
    }
}

fn idempotency_key(of_body: Option<String>, headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let of_header = headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default().to_owned());
    let fine = |key: &&String| {
        (1..=128).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
    };
    if of_body.iter().chain(&of_header).all(|key| fine(&key)) {
        return Ok(of_body.or(of_header));
    }
    Err(Fault::invalid("an idempotency key must be 1 to 128 letters, digits, `.`, `_`, `:` or `-`"))
}
