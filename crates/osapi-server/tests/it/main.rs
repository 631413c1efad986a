//! The API server as a caller meets it: HTTP over TCP, a real nats-server, the real loop of a worker.

mod fleet;
mod routes;
mod samples;
mod tokens;
