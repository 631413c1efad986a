//! The agent over real TLS on real sockets, in this process and as the program it is.
#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is not as it should be")]
#![expect(clippy::disallowed_methods, reason = "tests start tasks and the program itself")]

mod agent;
mod door;
mod envelope;
mod host;
mod place;
mod program;
mod reload;
mod revocation;
