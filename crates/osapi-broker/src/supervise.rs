//! Starts nats-server, watches over it, starts it again when it crashes, and stops it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use osapi_host::System;
use osapi_host::machine::{Child, Command};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::configuration::{BrokerAuth, BrokerSettings, render};
use crate::error::BrokerError;
use crate::greeting::greets;
use crate::program;
use crate::store::Store;

/// How long a start may take; replaying a large store takes time.
const START: Duration = Duration::from_secs(60);
/// How long it has to end in good order, which leaves time before a stop of ours must be over.
const STOP: Duration = Duration::from_secs(4);
/// The wait before the first start after a crash; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After this long without a crash the next one counts as the first.
const STEADY: Duration = Duration::from_secs(60);

/// A nats-server that runs and answers. Dropping it kills the server.
#[derive(Debug)]
pub struct Broker {
    system: System,
    settings: BrokerSettings,
    store: Store,
    child: Child,
}

impl Broker {
    /// Starts a broker and returns when it accepts connections with JetStream on.
    ///
    /// # Errors
    /// No nats-server is to be had, another broker uses the store, the port is taken, or it does not come up.
    pub async fn start(system: &System, settings: BrokerSettings) -> Result<Self, BrokerError> {
        let store = Store::open(system, &settings.store_dir).await?;
        if matches!(settings.auth, BrokerAuth::None) && !is_loopback(&settings.host) {
            tracing::warn!(
                host = settings.host,
                "the broker asks nobody for a proof: whoever reaches it commands every worker; set `nats.server.auth`"
            );
        }
        let child = launch(system, &settings, &store).await?;
        Ok(Self { system: system.clone(), settings, store, child })
    }

    /// `host:port` at which it is to be reached from this machine.
    #[must_use]
    pub fn address(&self) -> String {
        address(&self.settings)
    }

    /// Its process, for tests and messages.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.pid()
    }

    /// Watches over it until `shutdown`: passes its log on, starts it again after a crash, and stops it at the end.
    pub async fn supervise(mut self, shutdown: CancellationToken) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let since = Instant::now();
            let Some(how) = watch(&mut self.child, &shutdown).await else {
                return stop(self.child).await;
            };
            if since.elapsed() >= STEADY {
                pause = SHORTEST_PAUSE;
            }
            tracing::error!(ended = how, again_in = ?pause, "nats-server crashed");
            match self.relaunch(&mut pause, &shutdown).await {
                Some(child) => self.child = child,
                None => return,
            }
        }
    }

    /// Tries until it runs again; `None` when told to stop meanwhile.
    async fn relaunch(&self, pause: &mut Duration, shutdown: &CancellationToken) -> Option<Child> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = tokio::time::sleep(*pause) => {}
            }
            *pause = (*pause * 2).min(LONGEST_PAUSE);
            let launched = tokio::select! {
                () = shutdown.cancelled() => return None,
                launched = launch(&self.system, &self.settings, &self.store) => launched,
            };
            match launched {
                Ok(child) => {
                    tracing::info!(address = self.address(), "nats-server runs again");
                    return Some(child);
                }
                Err(error) => tracing::error!(%error, again_in = ?pause, "nats-server did not start again"),
            }
        }
    }
}

/// Passes the log on until the server ends (how it ended) or we are told to stop (`None`).
async fn watch(child: &mut Child, shutdown: &CancellationToken) -> Option<String> {
    // Its log ends when it does, so lines and end need not be waited for at once.
    while let Some(line) = shutdown.run_until_cancelled(child.next_line()).await? {
        log(&line);
    }
    shutdown.run_until_cancelled(child.wait()).await.map(|ended| described(&ended))
}

async fn stop(child: Child) {
    match child.terminate(STOP).await {
        Ok(status) => tracing::debug!(%status, "nats-server stopped"),
        Err(error) => tracing::warn!(%error, "cannot tell how nats-server ended"),
    }
}

/// Starts it and waits until it greets.
async fn launch(system: &System, settings: &BrokerSettings, store: &Store) -> Result<Child, BrokerError> {
    let program = program::find(system, settings)?;
    let address = address(settings);
    // A taken port is found here, where it can be told in one line.
    let listen = TcpListener::bind((settings.host.as_str(), settings.port)).await;
    drop(listen.map_err(|source| BrokerError::Address { address: address.clone(), source })?);

    let configuration = store.configuration();
    let text = render(settings, &store.path, &store.pid_file())?;
    let path = configuration.to_str().ok_or_else(|| BrokerError::NotPrivate(configuration.clone()))?;
    system
        .write(path, text.as_bytes(), 0o600)
        .map_err(|error| program::file_error("write", &configuration, error.source))?;

    let command = Command::new(&program).option("-c").word(&configuration);
    let mut child = system.spawn(command).await.map_err(|error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        BrokerError::Start(format!("{error}{source}"))
    })?;
    match tokio::time::timeout(START, until_ready(&mut child, &address)).await {
        Ok(ready) => ready.map(|()| child),
        Err(_) => Err(BrokerError::Silent { address, seconds: START.as_secs() }),
    }
}

/// Waits until it greets, or says why it ended.
async fn until_ready(child: &mut Child, address: &str) -> Result<(), BrokerError> {
    let mut said = VecDeque::new();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    loop {
        tokio::select! {
            line = child.next_line() => match line {
                Some(line) => {
                    log(&line);
                    said.push_back(message(&line).to_owned());
                    said.drain(..said.len().saturating_sub(3));
                }
                None => {
                    let words = Vec::from(said).join("; ");
                    return Err(BrokerError::Start(format!("{}: {words}", described(&child.wait().await))));
                }
            },
            _ = ticks.tick() => if greets(address).await {
                return Ok(());
            }
        }
    }
}

/// `host:port`; a server that listens everywhere is reached over loopback.
fn address(settings: &BrokerSettings) -> String {
    let host = match settings.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    if host.contains(':') { format!("[{host}]:{}", settings.port) } else { format!("{host}:{}", settings.port) }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn described(ended: &std::io::Result<std::process::ExitStatus>) -> String {
    match ended {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A line of its log, `[pid] [INF] message`, at the level it has there; what it merely tells is of interest when debugging.
fn log(line: &str) {
    let message = message(line);
    match line.split_whitespace().nth(1) {
        Some("[ERR]" | "[FTL]") => tracing::error!(target: "nats", "{message}"),
        Some("[WRN]") => tracing::warn!(target: "nats", "{message}"),
        _ => tracing::debug!(target: "nats", "{message}"),
    }
}

fn message(line: &str) -> &str {
    line.split_once("] [").and_then(|(_, rest)| rest.split_once("] ")).map_or(line, |(_, message)| message.trim())
}
