//! `/api/v1/dead-letters`: messages that could not be a job or could not be delivered.

use std::num::NonZeroU64;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use osapi_core::api::{DeadLetterList, Problem};
use osapi_core::job::DeadLetter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::extract::{Nothing, Params, Part};
use crate::fault::Fault;
use crate::gate::Context;

/// How many letters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LetterQuery {
    /// At most this many, 1 to 1000.
    #[serde(default = "hundred")]
    #[param(required = false, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
}

const fn hundred() -> usize {
    100
}

/// Lists dead letters, newest first.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "jobs", operation_id = "dead_letter_list", params(LetterQuery),
    responses((status = 200, description = "The letters.", body = DeadLetterList)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<LetterQuery>,
) -> Result<Json<DeadLetterList>, Fault> {
    if !(1..=1000).contains(&query.limit) {
        return Err(Fault::invalid("`limit` must be 1 to 1000"));
    }
    Ok(Json(DeadLetterList { items: app.jobs.dead_letters(query.limit).await? }))
}

/// Shows one dead letter.
#[utoipa::path(get, path = "/api/v1/dead-letters/{sequence}", tag = "jobs", operation_id = "dead_letter_get",
    params(("sequence" = u64, Path, minimum = 1, description = "Its place.")),
    responses((status = 200, description = "The letter.", body = DeadLetter),
        (status = 404, description = "No such letter.", body = Problem)))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Part(sequence): Part<NonZeroU64>,
    _query: Params<Nothing>,
) -> Result<Json<DeadLetter>, Fault> {
    Ok(Json(app.jobs.dead_letter(sequence.get()).await?))
}

/// Sends the message of a dead letter again as the job it names. It also needs the permission of that job's operation.
#[utoipa::path(post, path = "/api/v1/dead-letters/{sequence}/requeue", tag = "jobs", operation_id = "dead_letter_requeue",
    params(("sequence" = u64, Path, minimum = 1, description = "Its place.")),
    responses((status = 204, description = "It is sent again and the letter is gone."),
        (status = 404, description = "No such letter.", body = Problem),
        (status = 409, description = "It names no job that may still run.", body = Problem)))]
pub(crate) async fn requeue(
    State(app): State<Arc<App>>,
    context: Context,
    Part(sequence): Part<NonZeroU64>,
    _query: Params<Nothing>,
) -> Result<StatusCode, Fault> {
    let letter = app.jobs.dead_letter(sequence.get()).await?;
    if let Some(job) = letter.job_id {
        context.note_job(job);
        context.require(app.jobs.get(job).await?.operation.permission())?;
    }
    context.note_job(app.jobs.requeue_dead_letter(sequence.get()).await?);
    Ok(StatusCode::NO_CONTENT)
}

/// Drops a dead letter.
#[utoipa::path(delete, path = "/api/v1/dead-letters/{sequence}", tag = "jobs", operation_id = "dead_letter_delete",
    params(("sequence" = u64, Path, minimum = 1, description = "Its place.")),
    responses((status = 204, description = "It is gone."), (status = 404, description = "No such letter.", body = Problem)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Part(sequence): Part<NonZeroU64>,
    _query: Params<Nothing>,
) -> Result<StatusCode, Fault> {
    app.jobs.drop_dead_letter(sequence.get()).await?;
    Ok(StatusCode::NO_CONTENT)
}
