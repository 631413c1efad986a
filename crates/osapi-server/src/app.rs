//! What the handlers share.

use std::time::Instant;

use osapi_jobs::{Jobs, Revocations};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::access::Roles;
use crate::audit_trail::AuditTrail;
use crate::limits::PerToken;
use crate::metrics::Metrics;
use crate::router::RouteTable;
use crate::settings::{JobSettings, ServerSettings};
use crate::token::Verifier;

/// What the handlers share, for as long as the server runs.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: ServerSettings,
    pub(crate) jobs: Jobs,
    pub(crate) verifier: Verifier,
    pub(crate) revocations: Revocations,
    pub(crate) roles: Roles,
    pub(crate) audit: AuditTrail,
    pub(crate) metrics: Metrics,
    /// Whether the metrics have a listener of their own and are not to be had here.
    pub(crate) metrics_elsewhere: bool,
    pub(crate) routes: RouteTable,
    pub(crate) per_token: Option<PerToken>,
    /// One permit per request under way.
    pub(crate) concurrency: Semaphore,
    pub(crate) started: Instant,
    /// Cancelled when the server is to stop: what would stream for ever ends then.
    pub(crate) shutdown: CancellationToken,
}

impl App {
    pub(crate) const fn job_settings(&self) -> &JobSettings {
        &self.settings.jobs
    }
}
