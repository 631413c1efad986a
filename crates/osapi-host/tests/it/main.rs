//! The host layer against real processes, recorded machines and, where they are to be had, real init systems.

mod child;
mod files;
mod lab_host;
mod package;
mod ping;
mod process;

use std::time::Duration;

/// Waits for a condition, 10 seconds at most.
async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap_or_else(|_| panic!("never came: {what}"));
}
