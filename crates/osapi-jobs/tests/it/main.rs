//! The engine against a real nats-server.

mod broker_loss;
mod dead_letters;
mod delivery;
mod faults;
mod fleet;
mod lifecycle;
mod listing;
mod progress;
mod round_trip;
mod routing;
mod rows;
mod servers;
