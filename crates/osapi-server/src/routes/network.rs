//! `/api/v1/network`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use osapi_core::Operation;
use osapi_core::api::Collection;
use osapi_core::network::{
    DnsQuery, DnsSettings, DnsUpdate, DnsUpdated, InterfaceName, Ping, PingStatistics, SearchDomain,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::carry_out::{Answer, carry_out};
use crate::extract::{Body, Params, Part, TargetQuery};
use crate::gate::Context;

/// What to set for the interface in the path; as `DnsUpdate`, which names the interface itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DnsChange {
    /// Name servers, in order of preference, at most 16.
    #[serde(default)]
    #[schema(schema_with = osapi_core::network::ip::optional_servers)]
    servers: Option<Vec<IpAddr>>,
    /// Search domains, in order, at most 32.
    #[serde(default)]
    #[schema(max_items = 32)]
    search_domains: Option<Vec<SearchDomain>>,
    /// Ask the new servers afterwards and revert if none answers.
    #[serde(default)]
    confirm_reachable: Option<bool>,
}

/// Reads name servers and search domains, those of the default route's interface where they belong to one.
#[utoipa::path(get, path = "/api/v1/network/dns", tag = "network", operation_id = "network_dns_get",
    params(TargetQuery), responses((status = 200, description = "One row per host.", body = Collection<DnsSettings>)))]
pub(crate) async fn dns_get(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::NetworkDnsGet(DnsQuery { interface: None })).await
}

/// Reads name servers and search domains of one interface.
#[utoipa::path(get, path = "/api/v1/network/dns/{interface}", tag = "network", operation_id = "network_dns_get_interface",
    params(("interface" = InterfaceName, Path, description = "The interface."), TargetQuery),
    responses((status = 200, description = "One row per host.", body = Collection<DnsSettings>)))]
pub(crate) async fn dns_get_interface(
    State(app): State<Arc<App>>,
    context: Context,
    Part(interface): Part<InterfaceName>,
    Params(query): Params<TargetQuery>,
) -> Answer {
    let operation = Operation::NetworkDnsGet(DnsQuery { interface: Some(interface) });
    carry_out(&app, &context, query.target, operation).await
}

/// Sets name servers or search domains of one interface, for good.
#[utoipa::path(put, path = "/api/v1/network/dns", tag = "network", operation_id = "network_dns_update",
    params(TargetQuery), request_body = DnsUpdate,
    responses((status = 200, description = "One row per host.", body = Collection<DnsUpdated>)))]
pub(crate) async fn dns_update(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
    Body(update): Body<DnsUpdate>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::NetworkDnsUpdate(update)).await
}

/// Sets name servers or search domains of the interface in the path, for good.
#[utoipa::path(put, path = "/api/v1/network/dns/{interface}", tag = "network",
    operation_id = "network_dns_update_interface",
    params(("interface" = InterfaceName, Path, description = "The interface."), TargetQuery), request_body = DnsChange,
    responses((status = 200, description = "One row per host.", body = Collection<DnsUpdated>)))]
pub(crate) async fn dns_update_interface(
    State(app): State<Arc<App>>,
    context: Context,
    Part(interface): Part<InterfaceName>,
    Params(query): Params<TargetQuery>,
    Body(change): Body<DnsChange>,
) -> Answer {
    let DnsChange { servers, search_domains, confirm_reachable } = change;
    let update = DnsUpdate { interface, servers, search_domains, confirm_reachable };
    carry_out(&app, &context, query.target, Operation::NetworkDnsUpdate(update)).await
}

/// Sends ICMP echo requests.
#[utoipa::path(post, path = "/api/v1/network/ping", tag = "network", operation_id = "network_ping_do",
    params(TargetQuery), request_body = Ping,
    responses((status = 200, description = "One row per host.", body = Collection<PingStatistics>)))]
pub(crate) async fn ping_do(
    State(app): State<Arc<App>>,
    context: Context,
    Params(query): Params<TargetQuery>,
    Body(ping): Body<Ping>,
) -> Answer {
    carry_out(&app, &context, query.target, Operation::NetworkPingDo(ping)).await
}
