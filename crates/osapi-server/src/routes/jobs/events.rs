//! `/api/v1/jobs/{id}/events`: what happens to a job, as it happens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt as _};
use http::HeaderMap;
use osapi_core::JobId;
use osapi_core::api::Problem;
use osapi_core::job::{JobEvent, JobEventKind};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{Params, Part};
use crate::fault::Fault;
use crate::gate::Context;

/// A comment is sent when nothing has happened for so long, so that nobody between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The largest number that every JSON reader keeps exactly.
const MOST: u64 = (1 << 53) - 1;

/// Where to begin.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// Begin after this event; the header `Last-Event-ID` goes before it.
    #[param(maximum = 9_007_199_254_740_991i64)]
    after: Option<u64>,
}

/// An event as it is sent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it exists for the document; axum writes events")]
struct ServerSentEvent {
    /// Its place, to resume after; absent where it has none.
    id: Option<String>,
    /// What happened.
    event: JobEventKind,
    /// The `JobEvent` as JSON.
    data: String,
}

/// Streams what happened to a job and what happens until it is final, as server-sent events.
///
/// Each event has its sequence as `id`, its kind as `event` and a `JobEvent` as `data`.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs", operation_id = "job_events",
    params(("id" = JobId, Path, description = "The job."), EventQuery,
        ("Last-Event-ID" = Option<u64>, Header, maximum = 9_007_199_254_740_991i64,
            description = "The last event seen: the stream resumes after it.")),
    responses((status = 200, description = "The events.", content_type = "text/event-stream", body = ServerSentEvent),
        (status = 404, description = "No such job.", body = Problem)))]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    context: Context,
    Part(id): Part<JobId>,
    Params(query): Params<EventQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Fault> {
    context.note_job(id);
    let after = match headers.get("last-event-id") {
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            number.ok_or_else(|| Fault::invalid("the header `Last-Event-ID` must be a number"))?
        }
        None => query.after.unwrap_or(0),
    };
    if after > MOST || query.after.is_some_and(|after| after > MOST) {
        return Err(Fault::invalid(format!("the event to begin after must be at most {MOST}")));
    }
    let events = app.jobs.events(id, after).await?;
    let shutdown = app.shutdown.clone();
    let stream = events.take_until(async move { shutdown.cancelled().await }).map(|event| Ok(server_sent(&event)));
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn server_sent(event: &JobEvent) -> Event {
    let kind = serde_json::to_value(event.event).ok();
    let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or("event");
    let sent = Event::default().event(kind);
    // An event that was derived has no place of its own to resume after.
    let sent = if event.sequence > 0 { sent.id(event.sequence.to_string()) } else { sent };
    match serde_json::to_string(event) {
        Ok(data) => sent.data(data),
        Err(error) => sent.comment(error.to_string()),
    }
}
