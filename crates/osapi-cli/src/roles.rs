//! The roles that stay: broker, API server and worker, alone or all in one process tree.

pub(crate) mod broker;
pub(crate) mod server;
pub(crate) mod worker;

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use osapi_host::System;
use osapi_jobs::{ConnectError, Connection, ConnectionSettings, RetentionSettings};
use osapi_telemetry::{Exporter, LogFormat, Telemetry, TelemetrySettings};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, chain};
use crate::settings::{LogSettings, Settings, TracingExporter};

/// Which roles to start. Each is started once and all are stopped together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roles {
    /// The broker alone.
    Broker,
    /// The API server alone.
    Server,
    /// The worker alone.
    Worker,
    /// All three, or the two that are left when the broker is elsewhere.
    All,
}

/// What an end of the roles may take beyond what they were given to drain: the API server then still writes down its audit
/// trail (3 s at most), sends its last metrics (1 s) and lets the engine end.
const MARGIN: Duration = Duration::from_secs(8);

/// The longest pause between two attempts to reach the broker at the start.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Roles that run.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where the API server listens, if it is among them.
    pub(crate) api: Option<SocketAddr>,
    /// Where the broker listens, if it is among them.
    pub(crate) broker: Option<String>,
    tasks: JoinSet<(&'static str, Result<(), Failure>)>,
    /// Stops server and worker.
    work: CancellationToken,
    /// Stops the broker, which goes last.
    store: CancellationToken,
    drain: Duration,
}

impl Running {
    /// Starts roles; returns when everything that can fail at once has not: ports are bound and the broker answers.
    pub(crate) async fn start(settings: &Settings, roles: Roles) -> Result<Self, Failure> {
        let (with_server, with_worker) =
            (matches!(roles, Roles::Server | Roles::All), matches!(roles, Roles::Worker | Roles::All));
        let server = if with_server { Some(server::Bound::bind(settings).await?) } else { None };
        let worker = if with_worker { Some(worker::Prepared::new(settings, System::local()).await?) } else { None };
        let broker = if matches!(roles, Roles::Broker | Roles::All) { broker::start(settings).await? } else { None };

        let (work, store) = (CancellationToken::new(), CancellationToken::new());
        let api = server.as_ref().map(|bound| bound.address);
        let broker_address = broker.as_ref().map(osapi_broker::Broker::address);
        let mut tasks = JoinSet::new();
        if let Some(broker) = broker {
            let store = store.clone();
            tasks.spawn(async move {
                broker.supervise(store).await;
                ("broker", Ok(()))
            });
        }
        if let Some(bound) = server {
            let serve = bound.serve(work.clone());
            tasks.spawn(async { ("API server", serve.await) });
        }
        if let Some(prepared) = worker {
            let work = prepared.work(work.clone());
            tasks.spawn(async { ("worker", work.await) });
        }
        let drain = settings.api.limits.drain.max(settings.worker.drain);
        Ok(Self { api, broker: broker_address, tasks, work, store, drain })
    }

    /// The address of the API server as a URL, if it is among them.
    pub(crate) fn url(&self, settings: &Settings) -> Option<String> {
        let scheme = if settings.api.tls.is_some() { "https" } else { "http" };
        let mut address = self.api?;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        Some(format!("{scheme}://{address}"))
    }

    /// Stays until told to stop by a signal or a role ends by itself, then stops all of them in good order.
    pub(crate) async fn stay(mut self) -> Result<(), Failure> {
        // Without a service manager that wants to know, this does nothing.
        let _ = sd_notify::notify(&[NotifyState::Ready]);
        let ended = tokio::select! {
            () = stop_signal() => Ok(()),
            failure = self.first_end() => Err(failure),
        };
        tokio::select! {
            stopped = self.stop() => ended.and(stopped),
            () = stop_signal() => Err(Failure::usage("stopped at once, without draining")),
        }
    }

    /// Waits until a role ends without being told to, and says why.
    pub(crate) async fn first_end(&mut self) -> Failure {
        match self.tasks.join_next().await.map(outcome) {
            Some(Ok(role)) => Failure::usage(format!("the {role} ended")),
            Some(Err(failure)) => failure,
            None => Failure::usage("no role is left"),
        }
    }

    /// Stops server and worker, then the broker, within bounds.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        self.work.cancel();
        let with_broker = usize::from(self.broker.is_some());
        let mut failed = Ok(());
        let work_ends = async {
            while self.tasks.len() > with_broker {
                let Some(ended) = self.tasks.join_next().await else { break };
                failed = std::mem::replace(&mut failed, Ok(())).and(outcome(ended).map(drop));
            }
        };
        if tokio::time::timeout(self.drain + MARGIN, work_ends).await.is_err() {
            tracing::warn!("a role did not end in time and is abandoned");
        }
        self.store.cancel();
        let broker_ends = async {
            while let Some(ended) = self.tasks.join_next().await {
                drop(outcome(ended));
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), broker_ends).await;
        failed
    }
}

/// How a role ended.
fn outcome(
    ended: Result<(&'static str, Result<(), Failure>), tokio::task::JoinError>,
) -> Result<&'static str, Failure> {
    match ended {
        Ok((role, Ok(()))) => Ok(role),
        Ok((role, Err(failure))) => {
            Err(Failure { message: format!("the {role} stopped: {}", failure.message), ..failure })
        }
        Err(error) => Err(Failure::usage(format!("a role broke down: {error}"))),
    }
}

/// Returns at the next SIGINT or SIGTERM.
pub(crate) async fn stop_signal() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What a role makes sure of at the broker.
#[derive(Clone, Copy)]
enum Streams<'a> {
    /// Everything, with these limits.
    Prepare(&'a RetentionSettings),
    /// What is missing: the limits of what is there are the API server's.
    Join(&'a RetentionSettings),
}

/// Connects to the broker, however long it takes, and makes sure of what is needed there.
async fn connect(
    connection: &ConnectionSettings,
    streams: Streams<'_>,
    shutdown: &CancellationToken,
) -> Result<Option<Connection>, Failure> {
    let mut pause = Duration::from_millis(250);
    loop {
        let attempt = async {
            let open = Connection::open(connection.clone()).await?;
            match streams {
                Streams::Prepare(retention) => open.prepare(retention).await?,
                Streams::Join(retention) => open.join(retention).await?,
            }
            Ok(open)
        };
        let error = match shutdown.run_until_cancelled(attempt).await {
            None => return Ok(None),
            Some(Ok(open)) => return Ok(Some(open)),
            Some(Err(error @ ConnectError::Namespace(_))) => return Err(Failure::of(&error)),
            Some(Err(error)) => error,
        };
        tracing::warn!(error = chain(&error), again_in = ?pause, "the broker is not to be had yet");
        if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return Ok(None);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Runs a role or a command that needs a runtime with several threads, with logs and traces.
pub(crate) fn block_on<T>(
    log: &LogSettings,
    default_filter: &str,
    environment: &osapi_settings::Environment,
    body: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::of(&error))?;
    let result = runtime.block_on(async {
        let telemetry = telemetry(log, default_filter, environment)?;
        let result = body.await;
        tokio::task::block_in_place(|| telemetry.shutdown(Duration::from_secs(1)));
        result
    });
    // Whatever was to end in good order has ended by now.
    runtime.shutdown_background();
    result
}

fn telemetry(
    log: &LogSettings,
    default_filter: &str,
    environment: &osapi_settings::Environment,
) -> Result<Telemetry, Failure> {
    let fallback =
        if log.debug { "debug,async_nats=info,h2=info,hyper=info,hyper_util=info,rustls=info" } else { default_filter };
    let filter = log.filter.as_deref().or_else(|| environment.get("RUST_LOG")).unwrap_or(fallback);
    let settings = TelemetrySettings {
        service: "osapi",
        version: env!("CARGO_PKG_VERSION"),
        filter: filter.to_owned(),
        format: if log.json { LogFormat::Json } else { LogFormat::Human },
        exporter: match &log.exporter {
            TracingExporter::None => Exporter::None,
            TracingExporter::Stdout => Exporter::Stdout,
            TracingExporter::Otlp(endpoint) => Exporter::Otlp { endpoint: endpoint.clone() },
        },
    };
    osapi_telemetry::start(&settings).map_err(|error| Failure::of(&error))
}
