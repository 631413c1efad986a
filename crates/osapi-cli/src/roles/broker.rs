//! The broker: the bundled nats-server, started and watched over.

use osapi_broker::Broker;
use osapi_host::System;

use crate::failure::Failure;
use crate::settings::Settings;

/// Starts the broker of our own; none when the settings name another.
pub(crate) async fn start(settings: &Settings) -> Result<Option<Broker>, Failure> {
    let Some(broker) = &settings.nats.broker else { return Ok(None) };
    let broker = Broker::start(&System::local(), broker.clone()).await?;
    tracing::info!(address = broker.address(), pid = broker.pid(), "broker runs");
    Ok(Some(broker))
}
