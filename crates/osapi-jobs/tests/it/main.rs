//! The engine against a real nats-server.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test stops at the first surprise")]

mod broker_loss;
mod credentials;
mod dead_letters;
mod delivery;
mod faults;
mod figures;
mod fleet;
mod lifecycle;
mod listing;
mod progress;
mod revocations;
mod round_trip;
mod routing;
mod rows;
mod servers;
mod winding_up;
