//! The engine against a real nats-server.

mod fleet;
mod round_trip;
