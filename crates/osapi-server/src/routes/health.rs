//! `/health`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use osapi_core::JobState;
use osapi_core::api::{
    Broker, ComponentState, Health, HealthStatus, JobCounts, KvBucket, Liveness, Readiness, Stream, WorkerCounts,
};
use osapi_core::worker::WorkerState;
use osapi_jobs::ComponentHealth;

use crate::app::App;
use crate::extract::{Nothing, Params};

/// Whether the process is alive: always.
#[utoipa::path(get, path = "/health", tag = "health", operation_id = "health",
    responses((status = 200, description = "It is.", body = Liveness)))]
pub(crate) async fn live() -> Json<Liveness> {
    Json(Liveness { status: "ok".to_owned() })
}

/// Whether it can serve: broker, streams, buckets, index and audit trail.
#[utoipa::path(get, path = "/health/ready", tag = "health", operation_id = "health_ready",
    responses((status = 200, description = "It can.", body = Readiness),
        (status = 503, description = "It cannot.", body = Readiness)))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let mut missing = app.jobs.ready().await.err().unwrap_or_default();
    if !app.audit.works() {
        missing.push("the audit trail cannot be written".to_owned());
    }
    if missing.is_empty() {
        return (StatusCode::OK, Json(Readiness { status: "ready".to_owned(), error: None }));
    }
    let error = Some(missing.join("\n"));
    (StatusCode::SERVICE_UNAVAILABLE, Json(Readiness { status: "not_ready".to_owned(), error }))
}

/// How every component does.
#[utoipa::path(get, path = "/health/status", tag = "health", operation_id = "health_status",
    responses((status = 200, description = "Everything works.", body = HealthStatus),
        (status = 503, description = "Something does not.", body = HealthStatus)))]
pub(crate) async fn status(State(app): State<Arc<App>>, _query: Params<Nothing>) -> (StatusCode, Json<HealthStatus>) {
    let mut parts = app.jobs.components().await;
    parts.push(app.audit.component().await);
    let mut components: BTreeMap<String, ComponentState> =
        parts.iter().map(|part| (part.name.clone(), state(part.error.clone()))).collect();
    components.insert("audit".to_owned(), state(audit(&app)));
    let degraded = components.values().any(|component| component.status != Health::Ok);
    let uptime = app.started.elapsed();
    let body = HealthStatus {
        status: if degraded { Health::Degraded } else { Health::Ok },
        components,
        version: app.settings.version.clone(),
        uptime: words(uptime),
        uptime_seconds: uptime.as_secs(),
        nats: Broker { connected: app.jobs.connection().is_connected() },
        streams: parts.iter().filter_map(stream).collect(),
        kv_buckets: parts.iter().filter_map(bucket).collect(),
        jobs: jobs(&app),
        workers: workers(&app),
    };
    (if degraded { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(body))
}

fn state(error: Option<String>) -> ComponentState {
    ComponentState { status: if error.is_some() { Health::Error } else { Health::Ok }, error }
}

fn audit(app: &App) -> Option<String> {
    if !app.audit.works() {
        return Some(format!("entries cannot be written; {} wait", app.audit.waiting()));
    }
    let lost = app.audit.lost();
    (lost > 0).then(|| format!("{lost} entries were lost since the start because their buffer was full"))
}

fn stream(part: &ComponentHealth) -> Option<Stream> {
    Some(Stream {
        name: part.name.strip_prefix("stream:")?.to_owned(),
        messages: part.messages?,
        bytes: part.bytes?,
        consumers: part.consumers.unwrap_or_default() as u64,
    })
}

fn bucket(part: &ComponentHealth) -> Option<KvBucket> {
    Some(KvBucket { name: part.name.strip_prefix("bucket:")?.to_owned(), keys: part.messages?, bytes: part.bytes? })
}

fn jobs(app: &App) -> JobCounts {
    let stats = app.jobs.stats();
    let of = |state| stats.status_counts.get(&state).copied().unwrap_or_default();
    let by_state = JobState::ALL.into_iter().map(|state| (state, of(state))).collect();
    JobCounts { total: stats.total_jobs, by_state, dlq: stats.dlq_count }
}

fn workers(app: &App) -> WorkerCounts {
    let workers = app.jobs.workers();
    let of = |state| workers.iter().filter(|worker| worker.state == state).count() as u64;
    let by_state = WorkerState::ALL.into_iter().map(|state| (state, of(state))).collect();
    WorkerCounts { total: workers.len() as u64, by_state }
}

fn words(uptime: Duration) -> String {
    let seconds = uptime.as_secs();
    format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
