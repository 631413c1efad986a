//! The fleet's REST API: routes, tokens, permissions, audit trail, health, metrics and the OpenAPI document.
//!
//! [`serve`] answers on a listener until it is told to stop. It submits jobs and never touches a host or the broker
//! itself: `osapi_jobs` does the latter. It reads no configuration file and no environment; [`ServerSettings`] is total.

mod access;
mod aliases;
mod app;
mod audit_trail;
mod carry_out;
mod document;
mod extract;
mod fault;
mod gate;
mod limits;
mod metrics;
mod router;
mod routes;
mod serve;
mod settings;
pub mod token;

pub use document::openapi;
pub use serve::{ServeError, serve};
pub use settings::{
    AuditSettings, AuthenticationSettings, IssuerSettings, JobSettings, JwksSource, LimitSettings, MetricsSettings,
    ServerSettings, WhenAuditFails,
};
