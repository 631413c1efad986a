//! Bodies of the fleet's REST API: what the server answers and its client reads.
//!
//! Only shapes that exist because of HTTP live here; what means the same everywhere lives with its noun.

mod audit;
mod collection;
mod health;
mod jobs;
mod problem;
mod tokens;
mod workers;

pub use audit::{AuditPage, AuditVerification};
pub use collection::{Collection, Row};
pub use health::{
    Broker, ComponentState, Health, HealthStatus, JobCounts, KvBucket, Liveness, Readiness, Stream, Version,
    WorkerCounts,
};
pub use jobs::{CreateJob, DeadLetterList, JobCreated, JobList, RetryJob};
pub use problem::{Problem, ProblemDetails};
pub use tokens::{Revocation, RevocationList, RevokeToken};
pub use workers::WorkerList;
