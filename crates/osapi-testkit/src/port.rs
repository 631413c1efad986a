//! Ports nobody uses.

use std::net::TcpListener;

/// A port of the loopback address that was free a moment ago.
///
/// # Panics
/// The system has none left.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("the port just bound").port()
}
