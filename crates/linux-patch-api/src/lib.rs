//! The agent of one host: REST over mutual TLS, for those on a whitelist, without a broker.
//!
//! `settings` and `whitelist` are what it is told, `live` what of that holds at the moment and `reload` what changes it;
//! `listener` lets peers in, `request` is what every request passes through, `routes` what they reach. It carries nothing
//! out itself: that is the host layer's. It runs no program and knows no package manager.

mod agent;
mod audit_log;
mod envelope;
mod listener;
mod live;
mod operations;
mod prepare;
mod query;
mod reload;
mod request;
mod router;
mod routes;
mod run;
pub mod settings;
mod share;
pub mod whitelist;

pub use prepare::{Prepared, Unfit};
pub use run::run;
pub use settings::{Settings, Source};
