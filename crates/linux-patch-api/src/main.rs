//! The program `linux-patch-api`: reads what it is told, binds, serves until SIGTERM or SIGINT.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Parser;
use jiff::Timestamp;
use linux_patch_api::{Prepared, Source, run};
use osapi_host::System;
use osapi_settings::Environment;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long the last spans have to reach their collector.
const FLUSH_BOUND: Duration = Duration::from_secs(2);

/// Packages, patches and state of this host, over mutual TLS.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file
    #[arg(short, long, value_name = "FILE", default_value = "/etc/linux_patch_api/config.yaml")]
    config: PathBuf,
    /// Log at debug level
    #[arg(short, long)]
    verbose: bool,
    /// Check configuration, certificates and whitelist, say all that is wrong, and end
    #[arg(long)]
    check_config: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "linux-patch-api: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { config, verbose, check_config } = arguments;
    let source = Source { path: config, environment: Environment::of_process(), verbose };
    let prepared = Prepared::load(source, Timestamp::now()).map_err(|unfit| anyhow!("cannot start\n{unfit}"))?;
    if check_config {
        return Ok(writeln!(std::io::stdout(), "configuration, certificates and whitelist are fit to use")?);
    }
    let telemetry = osapi_telemetry::start(&prepared.settings.telemetry)?;
    osapi_host::recover(&System::local()).await;
    let address = prepared.settings.listen;
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
        tell_manager(NotifyState::Stopping);
        shutdown.cancel();
    };
    tell_manager(NotifyState::Ready);
    tokio::join!(run(prepared, System::local(), listener, shutdown.clone()), stop);
    tokio::task::spawn_blocking(move || telemetry.shutdown(FLUSH_BOUND)).await?;
    Ok(())
}

/// Tells systemd how it stands, where systemd started us and wants to know.
fn tell_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
