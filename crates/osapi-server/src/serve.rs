//! The server itself: accepts connections, serves each, and drains when told to stop.

mod connection;
mod layers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper_util::server::graceful::GracefulShutdown;
use osapi_jobs::{AuditLog, Jobs, Revocations, StoreError};
use osapi_telemetry::TelemetryError;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Roles;
use crate::app::App;
use crate::audit_trail::AuditTrail;
use crate::limits::PerToken;
use crate::metrics::{self, Metrics};
use crate::router;
use crate::settings::ServerSettings;
use crate::token::{KeyError, Verifier};
use connection::Front;

/// How long to wait after a failed accept: there are no file descriptors, and asking at once again helps nobody.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Tokens cannot be verified.
    #[error("tokens cannot be verified")]
    Keys(#[from] KeyError),
    /// The store of the audit trail or of revoked tokens could not be had.
    #[error("the stores of the API server could not be opened")]
    Stores(#[from] StoreError),
    /// Metrics cannot be recorded or sent.
    #[error("metrics cannot be set up")]
    Metrics(#[from] TelemetryError),
    /// An origin of the configuration is none.
    #[error("`{0}` is not an origin: write it as a browser sends it, such as `https://console.example.com`")]
    Origin(String),
    /// The path of the metrics is none.
    #[error("`{0}` is not a path for the metrics: it must begin with `/` and be no path of the API")]
    MetricsPath(String),
}

/// Serves until `shutdown`, then drains: takes no new connections, lets requests under way end, writes out the audit
/// trail, and returns.
///
/// # Errors
/// The settings cannot be used, or the broker's stores cannot be opened.
pub async fn serve(
    listener: TcpListener,
    mut settings: ServerSettings,
    jobs: Jobs,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let own_metrics = settings.metrics.listener.take();
    let (router, routes, document) = router::table().into_parts();
    drop(document);
    let verifier = Verifier::new(&settings.authentication).await?;
    let background = CancellationToken::new();
    let retention = &settings.audit.retention;
    let log = AuditLog::open(jobs.connection(), retention).await?;
    let revocations = Revocations::open(jobs.connection(), retention.replicas).await?;
    let (audit, entries) = AuditTrail::new(log, settings.audit.buffer);
    let app = Arc::new(App {
        roles: Roles::new(std::mem::take(&mut settings.roles)),
        per_token: settings.limits.per_token.map(PerToken::new),
        concurrency: Semaphore::new(settings.limits.concurrency),
        metrics: Metrics::new(&settings)?,
        metrics_elsewhere: own_metrics.is_some(),
        started: Instant::now(),
        shutdown: shutdown.clone(),
        settings,
        jobs,
        verifier,
        revocations,
        audit,
        routes,
    });
    metrics::observe(&app);
    let router = layers::wrap(router, &app)?;
    let tasks = TaskTracker::new();
    tasks.spawn({
        let (app, background) = (Arc::clone(&app), background.clone());
        async move { app.audit.write(entries, background).await }
    });
    tasks.spawn({
        let (app, background) = (Arc::clone(&app), background.clone());
        async move { app.revocations.follow(background).await }
    });
    let front = Front::new(router, &app);
    let metrics = own_metrics.map(|listener| (listener, Front::new(layers::metrics_only(&app), &app)));
    let main = accept(listener, front, shutdown.clone());
    match metrics {
        Some((listener, front)) => drop(tokio::join!(main, accept(listener, front, shutdown))),
        None => main.await,
    }
    background.cancel();
    tasks.close();
    tasks.wait().await;
    app.metrics.shutdown().await;
    Ok(())
}

/// Accepts until told to stop, then drains. Every wait has a bound, so it ends.
async fn accept(listener: TcpListener, front: Front, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    let graceful = GracefulShutdown::new();
    loop {
        let Some(accepted) = shutdown.run_until_cancelled(front.next(&listener)).await else { break };
        match accepted {
            Ok(accepted) => drop(connections.spawn(front.clone().serve(accepted, graceful.watcher()))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    let drained = async {
        graceful.shutdown().await;
        connections.wait().await;
    };
    if tokio::time::timeout(front.drain(), drained).await.is_err() {
        tracing::warn!(left = connections.len(), "connections are cut: their requests did not end in time");
        front.cut();
        connections.wait().await;
    }
}
