//! For tests only: a real nats-server per test on a free port, a collector of traces and metrics, and waiting for
//! conditions instead of sleeping.
//!
//! No crate may depend on it outside `[dev-dependencies]`.
#![expect(clippy::disallowed_methods, reason = "the test kit starts real programs beside the code under test")]
#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

mod broker;
mod collector;
pub mod lab;
mod port;
mod wait;

pub use broker::{Broker, BrokerOptions, Cluster};
pub use collector::{Collector, Point, Span};
pub use port::free_port;
pub use wait::{wait_for, wait_until};

use std::path::PathBuf;

/// The folder of the whole checkout.
#[must_use]
pub fn workspace() -> PathBuf {
    let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    crates.ancestors().nth(2).map_or_else(|| crates.clone(), PathBuf::from)
}

/// The nats-server that `scripts/setup` brought in, or the one `NATS_SERVER` names.
///
/// # Panics
/// There is none: run `make setup`.
#[must_use]
pub fn nats_server() -> PathBuf {
    let path = std::env::var_os("NATS_SERVER").map_or_else(|| workspace().join(".tools/nats-server"), PathBuf::from);
    assert!(path.exists(), "there is no nats-server at {}: run `make setup`", path.display());
    path
}

/// Whether the test runs as root; says so where it does not, so that a test that needs it can return.
#[must_use]
pub fn is_root(test: &str) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let root = std::fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    if !root {
        println!("skipped: {test} needs root");
    }
    root
}
