//! All paths of the agent, under `/api/v1` and for health also at the root.

use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::{Router, middleware};
use http::StatusCode;

use crate::agent::Agent;
use crate::request;
use crate::routes::{health, host, packages, system};

/// The largest body that is read.
const BODY_MAX: usize = 1024 * 1024;

pub(crate) fn router(agent: Agent) -> Router {
    let api = Router::new()
        .route("/health", get(health::show))
        .route("/packages", get(packages::list))
        .route("/system/info", get(system::info))
        .route("/system/services/{name}", get(system::service))
        .merge(host::routes());
    Router::new()
        .route("/health", get(health::show))
        .nest("/api/v1", api)
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn_with_state(agent.live.clone(), request::pass))
        .with_state(agent)
}
