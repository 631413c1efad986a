//! Sets of certificate files as programs load them, and the handshakes they allow.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that something is not as it should be")]

mod credentials;
mod handshake;
mod revocation;
mod rotation;
mod set;
