//! `/api/v1/packages`.

use std::sync::Arc;

use axum::extract::State;
use osapi_core::api::Collection;
use osapi_core::package::{PackageFilter, PackageList};
use osapi_core::{Operation, Target};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::carry_out::{Answer, carry_out};
use crate::extract::Params;
use crate::gate::Context;

/// Whose packages, and which.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageQuery {
    /// Whom it is for: `_any` worker, `_all`, a host, or a label such as `group:web.dev`.
    #[serde(default = "any", alias = "target_hostname")]
    #[param(required = false, default = "_any")]
    target: Target,
    /// Only packages whose name contains this, at most 256 characters.
    #[serde(default)]
    #[param(max_length = 256)]
    name: Option<String>,
}

const fn any() -> Target {
    Target::Any
}

/// Lists packages.
#[utoipa::path(get, path = "/api/v1/packages", tag = "packages", operation_id = "package_list_get",
    params(PackageQuery), responses((status = 200, description = "One row per host.", body = Collection<PackageList>)))]
pub(crate) async fn list_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<PackageQuery>,
) -> Answer {
    let filter = PackageFilter { name: query.name };
    carry_out(&app, &context, query.target, Operation::PackageListGet(filter)).await
}
