//! `/api/v1/system`.

use std::sync::Arc;

use axum::extract::State;
use osapi_core::Operation;
use osapi_core::api::Collection;
use osapi_core::operation::NoInput;
use osapi_core::system::{
    DiskUsage, Hostname, HostnameUpdate, HostnameUpdated, LoadAverage, MemoryUsage, OsInfo, PowerRequest,
    PowerScheduled, ServiceName, ServiceQuery, ServiceState, SystemStatus, Uptime,
};

use crate::app::App;
use crate::carry_out::{Answer, carry_out};
use crate::extract::{Body, OptionalBody, Params, Part, TargetQuery};
use crate::gate::Context;

/// Reads the host name.
#[utoipa::path(get, path = "/api/v1/system/hostname", tag = "system", operation_id = "system_hostname_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<Hostname>)))]
pub(crate) async fn hostname_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemHostnameGet(NoInput {})).await
}

/// Sets the host name, now and after the next boot.
#[utoipa::path(put, path = "/api/v1/system/hostname", tag = "system", operation_id = "system_hostname_update",
    params(TargetQuery), request_body = HostnameUpdate,
    responses((status = 200, description = "One row per host.", body = Collection<HostnameUpdated>)))]
pub(crate) async fn hostname_update(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
    Body(update): Body<HostnameUpdate>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemHostnameUpdate(update)).await
}

/// Reads host name, uptime, operating system, load, memory and disks in one.
#[utoipa::path(get, path = "/api/v1/system/status", tag = "system", operation_id = "system_status_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<SystemStatus>)))]
pub(crate) async fn status_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemStatusGet(NoInput {})).await
}

/// Reads how long the host has been up.
#[utoipa::path(get, path = "/api/v1/system/uptime", tag = "system", operation_id = "system_uptime_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<Uptime>)))]
pub(crate) async fn uptime_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemUptimeGet(NoInput {})).await
}

/// Reads what operating system it is.
#[utoipa::path(get, path = "/api/v1/system/os", tag = "system", operation_id = "system_os_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<OsInfo>)))]
pub(crate) async fn os_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemOsGet(NoInput {})).await
}

/// Reads the usage of every real file system.
#[utoipa::path(get, path = "/api/v1/system/disk", tag = "system", operation_id = "system_disk_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<DiskUsage>)))]
pub(crate) async fn disk_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemDiskGet(NoInput {})).await
}

/// Reads memory and swap.
#[utoipa::path(get, path = "/api/v1/system/memory", tag = "system", operation_id = "system_memory_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<MemoryUsage>)))]
pub(crate) async fn memory_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemMemoryGet(NoInput {})).await
}

/// Reads the load averages.
#[utoipa::path(get, path = "/api/v1/system/load", tag = "system", operation_id = "system_load_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<LoadAverage>)))]
pub(crate) async fn load_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemLoadGet(NoInput {})).await
}

/// Reads the state of one service.
#[utoipa::path(get, path = "/api/v1/system/services/{name}", tag = "system", operation_id = "system_service_get",
    params(("name" = ServiceName, Path, description = "The service; `.service` is understood where no suffix is given."), TargetQuery),
    responses((status = 200, description = "One row per host.", body = Collection<ServiceState>)))]
pub(crate) async fn service_get(
    State(app): State<Arc<App>>,
    context: Context,
    Part(name): Part<ServiceName>,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemServiceGet(ServiceQuery { name })).await
}

/// Restarts the host, or takes back a restart not yet begun.
#[utoipa::path(post, path = "/api/v1/system/reboot", tag = "system", operation_id = "system_reboot_execute",
    params(TargetQuery), request_body = Option<PowerRequest>,
    responses((status = 200, description = "One row per host.", body = Collection<PowerScheduled>)))]
pub(crate) async fn reboot_execute(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
    OptionalBody(request): OptionalBody<PowerRequest>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemRebootExecute(request)).await
}

/// Shuts the host down, or takes back a shutdown not yet begun.
#[utoipa::path(post, path = "/api/v1/system/shutdown", tag = "system", operation_id = "system_shutdown_execute",
    params(TargetQuery), request_body = Option<PowerRequest>,
    responses((status = 200, description = "One row per host.", body = Collection<PowerScheduled>)))]
pub(crate) async fn shutdown_execute(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
    OptionalBody(request): OptionalBody<PowerRequest>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::SystemShutdownExecute(request)).await
}
