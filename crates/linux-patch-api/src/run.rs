//! Serves until told to stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use osapi_host::System;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::agent::Agent;
use crate::listener;
use crate::operations::Operations;
use crate::prepare::Prepared;
use crate::reload::{Reloader, follow};
use crate::router::router;

/// How long changes have to end when the agent stops, after the connections.
const CHANGES_BOUND: Duration = Duration::from_secs(5);

/// Serves `system` on a listener that is bound already, until `shutdown`; then requests and changes have a while to end.
pub async fn run(prepared: Prepared, system: System, listener: TcpListener, shutdown: CancellationToken) {
    let operations = Arc::new(Operations::new(system, prepared.settings.max_concurrent));
    let (reloader, live) = Reloader::new(prepared);
    let entries = live.whitelist.borrow().len();
    {
        let tls = live.tls.borrow();
        info!(
            address = ?listener.local_addr().ok(),
            whitelist_entries = entries,
            certificate_expires_at = %tls.certificate.not_after,
            revocation_list_expires_at = tls.revocations_until.map(tracing::field::display),
            "serving"
        );
    }
    if live.whitelist.borrow().is_empty() {
        warn!("the whitelist is empty: nobody can connect");
    }
    let agent = Agent { live: live.clone(), operations: operations.clone(), started: Instant::now() };
    tokio::join!(listener::serve(listener, live, router(agent), shutdown.clone()), follow(reloader, shutdown),);
    operations.finish(CHANGES_BOUND).await;
    info!("stopped");
}
