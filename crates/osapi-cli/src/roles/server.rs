//! The API server: its listeners and certificates, then the server itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use osapi_core::outcome::Change;
use osapi_jobs::{ConnectionSettings, Jobs, RetentionSettings};
use osapi_pki::{FileError, OwnCertificate};
use osapi_server::{AuthenticationSettings, MetricsSettings, ServerSettings, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Streams, connect};
use crate::failure::{Failure, chain};
use crate::settings::{ApiSettings, Settings};

/// An API server with its port, not yet serving.
pub(crate) struct Bound {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    listener: TcpListener,
    connection: ConnectionSettings,
    retention: RetentionSettings,
    settings: ServerSettings,
    rotation: Option<Rotation>,
}

/// What takes up a new certificate while the server runs.
struct Rotation {
    certificate: OwnCertificate,
    /// Caught from the beginning: unheard it would end the program.
    hangups: Signal,
}

/// How often the files of the certificate are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// How long the engine may take to come to its end.
const LAST: Duration = Duration::from_secs(3);

impl Bound {
    /// Binds the port and reads the certificates.
    pub(crate) async fn bind(settings: &Settings) -> Result<Self, Failure> {
        let api = &settings.api;
        let mut server = server_settings(api).await?;
        let rotation = match &api.tls {
            Some((certificate, key)) => {
                let started = OwnCertificate::start(certificate.clone(), key.clone(), Timestamp::now());
                let (own, receiver) = started.map_err(|errors| Failure::usage(lines(&errors)))?;
                server.tls = Some(receiver);
                let hangups = signal(SignalKind::hangup()).map_err(|error| Failure::of(&error))?;
                Some(Rotation { certificate: own, hangups })
            }
            None => None,
        };
        let listener = listen(&api.host, api.port, "api.server.port").await?;
        let address = listener.local_addr().map_err(|error| Failure::of(&error))?;
        Ok(Self {
            address,
            listener,
            connection: settings.nats.api.clone(),
            retention: settings.nats.retention.clone(),
            settings: server,
            rotation,
        })
    }

    /// Serves until told to stop.
    pub(crate) async fn serve(self, shutdown: CancellationToken) -> Result<(), Failure> {
        let streams = Streams::Prepare(&self.retention);
        let Some(connection) = connect(&self.connection, streams, &shutdown).await? else { return Ok(()) };
        let jobs = Jobs::start(connection, shutdown.clone()).await.map_err(|error| Failure::of(&error))?;
        tracing::info!(address = %self.address, "API server runs");
        let stop = shutdown.child_token();
        let engine = jobs.clone();
        let served = async {
            let _stop = stop.clone().drop_guard();
            serve(self.listener, self.settings, jobs, shutdown).await.map_err(|error| Failure::of(&error))
        };
        let (served, _) = tokio::join!(served, stop.run_until_cancelled(rotate(self.rotation)));
        if served.is_ok() {
            engine.ended(LAST).await;
        }
        served
    }
}

/// Reads the certificate again now and then, and on SIGHUP. A wrong one is told of once and changes nothing.
async fn rotate(rotation: Option<Rotation>) {
    let Some(Rotation { mut certificate, mut hangups }) = rotation else { return };
    let mut told = String::new();
    loop {
        tokio::select! {
            _ = hangups.recv() => told.clear(),
            () = tokio::time::sleep(LOOK) => {}
        }
        match certificate.reload(Timestamp::now()) {
            Ok(Change::Unchanged) => {}
            Ok(Change::Created | Change::Updated | Change::Removed) => {
                tracing::info!(until = %certificate.not_after(), "a new certificate serves from now on");
            }
            Err(errors) => {
                let problems = lines(&errors);
                if problems != told {
                    tracing::error!(problems, "the new certificate is not taken up, the old one stays");
                }
                told = problems;
                continue;
            }
        }
        told.clear();
    }
}

fn lines(errors: &[FileError]) -> String {
    errors.iter().map(|error| chain(error)).collect::<Vec<_>>().join("\n")
}

async fn listen(host: &str, port: u16, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind((host, port)).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {host}:{port}: {error}"))
            .with_hint(format!("stop what uses it, or set `{key}`"))
    })
}

async fn server_settings(api: &ApiSettings) -> Result<ServerSettings, Failure> {
    let metrics = match api.metrics.listen {
        Some(address) => Some(listen(&address.ip().to_string(), address.port(), "telemetry.metrics.listen").await?),
        None => None,
    };
    let keys = [&api.keys.current, &api.keys.previous].into_iter().flatten().cloned().collect();
    let roles = api.roles.iter().map(|(name, permissions)| (name.clone(), permissions.iter().copied().collect()));
    Ok(ServerSettings {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        authentication: AuthenticationSettings {
            signing_keys: keys,
            audiences: api.audiences.clone(),
            issuer: api.issuer.clone(),
        },
        roles: roles.collect::<BTreeMap<_, _>>(),
        jobs: api.jobs.clone(),
        audit: api.audit.clone(),
        limits: api.limits.clone(),
        cors_origins: api.cors_origins.clone(),
        trusted_proxies: api.trusted_proxies.clone(),
        metrics: MetricsSettings {
            path: api.metrics.path.clone(),
            listener: metrics,
            export: api.metrics.export.clone(),
        },
        tls: None,
    })
}
