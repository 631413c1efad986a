//! The API server as a caller meets it: HTTP over TCP, a real nats-server, the real loop of a worker.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod audit;
mod document;
mod events;
mod fleet;
mod hygiene;
mod issuer;
mod jobs;
mod metrics;
mod operations;
mod readiness;
mod routes;
mod samples;
mod schemathesis;
mod tokens;
