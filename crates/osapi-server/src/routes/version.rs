//! `/api/v1/version`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use osapi_core::api::Version;

use crate::app::App;
use crate::extract::{Nothing, Params};

/// Tells which version serves.
#[utoipa::path(get, path = "/api/v1/version", tag = "health", operation_id = "version",
    responses((status = 200, description = "The version.", body = Version)))]
pub(crate) async fn version(State(app): State<Arc<App>>, _query: Params<Nothing>) -> Json<Version> {
    Json(Version { version: app.settings.version.clone(), api_version: "v1".to_owned() })
}
