//! `/api/v1/audit`.

mod query;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, TryStreamExt as _};
use http::header;
use osapi_core::ErrorCode;
use osapi_core::api::{AuditPage, AuditVerification, Problem};
use osapi_core::audit::{AuditEntry, ChainCheck};
use osapi_jobs::StoreError;
use uuid::Uuid;

use crate::app::App;
use crate::extract::{Nothing, Params, Part};
use crate::fault::Fault;
use query::{AuditQuery, ExportQuery, VerifyQuery, newest_first, readable};

/// Lists audit entries, newest first.
///
/// A request looks through at most 10000 entries: with a filter a part may be short or empty and still have a
/// `next_cursor`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", operation_id = "audit_list", params(AuditQuery),
    responses((status = 200, description = "A part of them.", body = AuditPage)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<AuditQuery>,
) -> Result<Json<AuditPage>, Fault> {
    Ok(Json(newest_first(app.audit.log(), &query, app.settings.audit.look_through).await?))
}

/// Streams audit entries as JSON Lines, oldest first.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", operation_id = "audit_export", params(ExportQuery),
    responses((status = 200, description = "One entry a line.", content_type = "application/x-ndjson", body = String)))]
pub(crate) async fn export(State(app): State<Arc<App>>, Params(query): Params<ExportQuery>) -> Result<Response, Fault> {
    let extent = app.audit.log().extent().await?;
    let entries = readable(app.audit.log().read_all(extent));
    let lines = entries
        .try_filter(move |entry| std::future::ready(query.matches(entry)))
        .map(|entry| entry.and_then(|entry| line(&entry)))
        .take_until({
            let shutdown = app.shutdown.clone();
            async move { shutdown.cancelled().await }
        });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

/// Checks that no kept entry was altered, removed, added or moved.
///
/// A trail that was cut at an end or made anew as a whole shows only by `known_hash`: the `last_hash` of an earlier
/// check, kept elsewhere.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit", operation_id = "audit_verify", params(VerifyQuery),
    responses((status = 200, description = "What was found.", body = AuditVerification)))]
pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    Params(query): Params<VerifyQuery>,
) -> Result<Json<AuditVerification>, Fault> {
    let mut check = ChainCheck::expecting(query.known_hash()?);
    let extent = app.audit.log().extent().await?;
    let mut entries = app.audit.log().read_all(extent);
    while let Some(entry) = entries.next().await {
        match entry {
            Ok(entry) => check.look_at(&entry),
            Err(StoreError::Unreadable { sequence, reason }) => check.unreadable(sequence, &reason),
            Err(error @ (StoreError::Full | StoreError::Unavailable(_))) => return Err(error.into()),
        }
    }
    Ok(Json(check.finish(Some(extent.last))))
}

/// Shows one audit entry.
#[utoipa::path(get, path = "/api/v1/audit/{id}", tag = "audit", operation_id = "audit_get",
    params(("id" = Uuid, Path, description = "The entry.")),
    responses((status = 200, description = "The entry.", body = AuditEntry),
        (status = 404, description = "No such entry.", body = Problem)))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Part(id): Part<Uuid>,
    _query: Params<Nothing>,
) -> Result<Json<AuditEntry>, Fault> {
    let entry = app.audit.log().get(id).await?;
    entry.map(Json).ok_or_else(|| Fault::new(ErrorCode::NotFound, format!("there is no audit entry `{id}`")))
}

fn line(entry: &AuditEntry) -> Result<String, StoreError> {
    let unreadable =
        |error: serde_json::Error| StoreError::Unreadable { sequence: entry.sequence, reason: error.to_string() };
    serde_json::to_string(entry).map(|line| line + "\n").map_err(unreadable)
}
