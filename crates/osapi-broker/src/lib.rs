//! The bundled nats-server: found or unpacked, configured, started, watched and stopped.
//!
//! The broker is the real nats-server in a process of its own, which never outlives us.
//! This crate speaks no NATS beyond reading the greeting, and knows nothing of streams and jobs.

mod configuration;
mod error;
mod greeting;
mod program;
mod store;
mod supervise;

pub use configuration::{BrokerAuth, BrokerSettings, BrokerTls, BrokerUser};
pub use error::BrokerError;
pub use supervise::Broker;
