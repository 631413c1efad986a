//! `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use osapi_telemetry::metrics::TEXT_TYPE;

use crate::app::App;
use crate::fault::Fault;

/// Metrics in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, description = "The metrics.", content_type = "text/plain", body = String),
        (status = 404, description = "They have a listener of their own.", body = osapi_core::api::Problem)))]
pub(crate) async fn text(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    if app.metrics_elsewhere { Err(Fault::of_status(StatusCode::NOT_FOUND)) } else { write(&app) }
}

/// The same, on the metrics' own listener.
pub(crate) async fn alone(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    write(&app)
}

fn write(app: &App) -> Result<Response, Fault> {
    let text = app.metrics.text().map_err(|error| Fault::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, TEXT_TYPE)], text).into_response())
}
