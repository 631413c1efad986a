//! The host layer against real processes, recorded machines and, where they are to be had, real init systems.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where and ends")]

mod alpine;
mod booted;
mod child;
mod disk;
mod dns;
mod files;
mod lab_host;
mod package;
mod ping;
mod process;
mod roots;
mod runner;

use std::io::Write as _;
use std::time::Duration;

/// Waits for a condition, a minute at most.
async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("never came: {what}"));
}

/// Whether this program was started with that variable set: how a test runs itself in another place.
fn has_environment(name: &str) -> bool {
    let all = std::fs::read("/proc/self/environ").unwrap_or_default();
    all.split(|byte| *byte == 0)
        .any(|entry| entry.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"=")))
}

/// Says why a test is skipped, past the capture of the test runner.
fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // A standard error that is closed is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{test}: skipped: {reason}");
}
