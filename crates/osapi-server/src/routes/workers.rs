//! `/api/v1/workers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use osapi_core::api::WorkerList;
use osapi_core::worker::Worker;
use osapi_core::{HostName, Target};

use crate::app::App;
use crate::extract::{Nothing, Params, Part};
use crate::fault::Fault;
use crate::gate::Context;

/// Lists the workers, sorted by name.
#[utoipa::path(get, path = "/api/v1/workers", tag = "workers", operation_id = "worker_list",
    responses((status = 200, description = "The workers.", body = WorkerList)))]
pub(crate) async fn list(State(app): State<Arc<App>>, _query: Params<Nothing>) -> Json<WorkerList> {
    let workers = app.jobs.workers();
    Json(WorkerList { total: workers.len() as u64, workers })
}

/// Shows one worker.
#[utoipa::path(get, path = "/api/v1/workers/{name}", tag = "workers", operation_id = "worker_get",
    params(("name" = HostName, Path, description = "The worker.")),
    responses((status = 200, description = "The worker.", body = Worker),
        (status = 404, description = "No such worker.", body = osapi_core::api::Problem)))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Part(name): Part<HostName>,
    _query: Params<Nothing>,
) -> Result<Json<Worker>, Fault> {
    Ok(Json(app.jobs.worker(&name)?))
}

/// Tells a worker to finish what it has and take no more.
#[utoipa::path(post, path = "/api/v1/workers/{name}/drain", tag = "workers", operation_id = "worker_drain",
    params(("name" = HostName, Path, description = "The worker.")),
    responses((status = 204, description = "It will take no more, also after a restart."),
        (status = 404, description = "No such worker.", body = osapi_core::api::Problem)))]
pub(crate) async fn drain(
    State(app): State<Arc<App>>,
    context: Context,
    Part(name): Part<HostName>,
    _query: Params<Nothing>,
) -> Result<StatusCode, Fault> {
    context.note(Some(&Target::Host(name.clone())), Some("drain".to_owned()));
    app.jobs.set_draining(&name, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells a drained worker to take jobs again.
#[utoipa::path(post, path = "/api/v1/workers/{name}/resume", tag = "workers", operation_id = "worker_resume",
    params(("name" = HostName, Path, description = "The worker.")),
    responses((status = 204, description = "It takes jobs again."),
        (status = 404, description = "No such worker.", body = osapi_core::api::Problem)))]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    context: Context,
    Part(name): Part<HostName>,
    _query: Params<Nothing>,
) -> Result<StatusCode, Fault> {
    context.note(Some(&Target::Host(name.clone())), Some("resume".to_owned()));
    app.jobs.set_draining(&name, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a worker that is stopped or lost.
#[utoipa::path(delete, path = "/api/v1/workers/{name}", tag = "workers", operation_id = "worker_forget",
    params(("name" = HostName, Path, description = "The worker.")),
    responses((status = 204, description = "It is forgotten until it registers again."),
        (status = 404, description = "No such worker.", body = osapi_core::api::Problem),
        (status = 409, description = "It is alive.", body = osapi_core::api::Problem)))]
pub(crate) async fn forget(
    State(app): State<Arc<App>>,
    context: Context,
    Part(name): Part<HostName>,
    _query: Params<Nothing>,
) -> Result<StatusCode, Fault> {
    context.note(Some(&Target::Host(name.clone())), Some("forget".to_owned()));
    app.jobs.forget_worker(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
