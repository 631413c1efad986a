//! The one table of routes: what each is, what it asks of its caller, and whether it is audited.
//!
//! Router, OpenAPI document, permission checks and audit names all come from this table, so they cannot disagree.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use http::Method;
use osapi_core::{OperationKind, Permission};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use crate::access::Access;
use crate::app::App;
use crate::document;
use crate::routes::{
    audit, browse, dead_letters, health, jobs, metrics, network, packages, system, tokens, version, workers,
};

/// One route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) template: String,
    pub(crate) operation_id: String,
    pub(crate) access: Access,
    pub(crate) audited: bool,
}

/// The routes by template and method.
#[derive(Debug, Default)]
pub(crate) struct RouteTable(HashMap<String, Vec<(Method, Arc<Route>)>>);

impl RouteTable {
    /// The route a request has matched.
    pub(crate) fn of(&self, request: &Request) -> Option<Arc<Route>> {
        let template = request.extensions().get::<MatchedPath>()?;
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let routes = self.0.get(template.as_str())?;
        routes.iter().find(|(of, _)| of == method).map(|(_, route)| Arc::clone(route))
    }
}

/// The whole surface.
pub(crate) fn table() -> Table {
    use OperationKind as Kind;
    use Permission::{AuditRead, HealthRead, JobRead, JobWrite, TokenWrite, WorkerWrite};
    Table::default()
        .probe(routes!(health::live))
        .probe(routes!(health::ready))
        .needs(HealthRead, routes!(health::status))
        .probe(routes!(metrics::text))
        .public(routes!(browse::document))
        .public(routes!(browse::page))
        .token(routes!(version::version))
        .operation(Kind::SystemHostnameGet, routes!(system::hostname_get))
        .operation(Kind::SystemHostnameUpdate, routes!(system::hostname_update))
        .operation(Kind::SystemStatusGet, routes!(system::status_get))
        .operation(Kind::SystemUptimeGet, routes!(system::uptime_get))
        .operation(Kind::SystemOsGet, routes!(system::os_get))
        .operation(Kind::SystemDiskGet, routes!(system::disk_get))
        .operation(Kind::SystemMemoryGet, routes!(system::memory_get))
        .operation(Kind::SystemLoadGet, routes!(system::load_get))
        .operation(Kind::SystemServiceGet, routes!(system::service_get))
        .operation(Kind::SystemRebootExecute, routes!(system::reboot_execute))
        .operation(Kind::SystemShutdownExecute, routes!(system::shutdown_execute))
        .operation(Kind::NetworkDnsGet, routes!(network::dns_get))
        .operation(Kind::NetworkDnsGet, routes!(network::dns_get_interface))
        .operation(Kind::NetworkDnsUpdate, routes!(network::dns_update))
        .operation(Kind::NetworkDnsUpdate, routes!(network::dns_update_interface))
        .operation(Kind::NetworkPingDo, routes!(network::ping_do))
        .operation(Kind::PackageListGet, routes!(packages::list_get))
        .needs(JobWrite, routes!(jobs::create))
        .needs(JobRead, routes!(jobs::list))
        .needs(JobRead, routes!(jobs::stats))
        .needs(JobRead, routes!(jobs::get))
        .needs(JobWrite, routes!(jobs::delete))
        .needs(JobWrite, routes!(jobs::retry))
        .needs(JobWrite, routes!(jobs::cancel))
        .needs(JobRead, routes!(jobs::events))
        .needs(JobRead, routes!(workers::list))
        .needs(JobRead, routes!(workers::get))
        .needs(WorkerWrite, routes!(workers::drain))
        .needs(WorkerWrite, routes!(workers::resume))
        .needs(WorkerWrite, routes!(workers::forget))
        .needs(JobRead, routes!(dead_letters::list))
        .needs(JobRead, routes!(dead_letters::get))
        .needs(JobWrite, routes!(dead_letters::requeue))
        .needs(JobWrite, routes!(dead_letters::remove))
        .needs(AuditRead, routes!(audit::list))
        .needs(AuditRead, routes!(audit::export))
        .needs(AuditRead, routes!(audit::verify))
        .needs(AuditRead, routes!(audit::get))
        .needs(TokenWrite, routes!(tokens::list))
        .needs(TokenWrite, routes!(tokens::revoke))
}

/// The table as it grows.
pub(crate) struct Table {
    router: OpenApiRouter<Arc<App>>,
    routes: RouteTable,
}

impl Default for Table {
    fn default() -> Self {
        Self { router: OpenApiRouter::with_openapi(document::skeleton()), routes: RouteTable::default() }
    }
}

impl Table {
    /// The router, the routes and their document.
    pub(crate) fn into_parts(self) -> (axum::Router<Arc<App>>, RouteTable, OpenApi) {
        let (router, document) = self.router.split_for_parts();
        (router, self.routes, document)
    }

    fn probe(self, route: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.add(Access::Public, false, None, route)
    }

    fn public(self, route: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.add(Access::Public, true, None, route)
    }

    fn token(self, route: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.add(Access::Token, true, None, route)
    }

    fn needs(self, permission: Permission, route: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.add(Access::Needs(permission), true, None, route)
    }

    fn operation(self, kind: OperationKind, route: UtoipaMethodRouter<Arc<App>>) -> Self {
        self.add(Access::Needs(kind.permission()), true, Some(kind), route)
    }

    fn add(
        mut self,
        access: Access,
        audited: bool,
        kind: Option<OperationKind>,
        (schemas, mut paths, methods): UtoipaMethodRouter<Arc<App>>,
    ) -> Self {
        for (template, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                document::describe(operation, access, kind);
                let operation_id = operation.operation_id.clone().unwrap_or_default();
                let route = Route { template: template.clone(), operation_id, access, audited };
                self.routes.0.entry(template.clone()).or_default().push((method, Arc::new(route)));
            }
        }
        self.router = self.router.routes((schemas, paths, methods));
        self
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let methods = [
        (Method::GET, item.get.as_mut()),
        (Method::PUT, item.put.as_mut()),
        (Method::POST, item.post.as_mut()),
        (Method::DELETE, item.delete.as_mut()),
        (Method::PATCH, item.patch.as_mut()),
    ];
    methods.into_iter().filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}
