//! The job engine on JetStream: submit, route, claim, result, progress, registry and index.
//!
//! The API server holds a [`Jobs`]; a worker runs [`work`] with something that can [`Execute`].
//! This crate alone names async-nats, and it carries nothing out itself: it never touches a host.

mod attempts;
mod audit;
mod cancel;
mod claim;
mod connection;
mod dead_letters;
mod detail;
mod engine;
mod error;
mod figures;
mod fleet_orders;
mod index;
mod jobs;
mod monitor;
mod names;
mod progress;
mod records;
mod registry;
mod result;
mod retry;
mod revocations;
mod store;
mod submit;
mod sweep;
mod work;

pub use audit::{AuditExtent, AuditLog, AuditRetention, StoreError};
pub use connection::{Auth, Connection, ConnectionSettings, Namespace, RetentionSettings, TlsSettings};
pub use error::{ConnectError, JobsError};
pub use figures::{Figures, Waiting};
pub use jobs::{ComponentHealth, JobFilter, JobPage, Jobs, PageRequest, Submission, Submitted};
pub use revocations::Revocations;
pub use work::{Control, Execute, WorkerSettings, work};
