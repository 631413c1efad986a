//! The handlers, one file per noun. A handler reads its input, calls the engine and answers; who may call it is decided
//! by the table of routes.

#![expect(unused_qualifications, reason = "utoipa's macro names the parameters with their full path")]

pub(crate) mod audit;
pub(crate) mod browse;
pub(crate) mod dead_letters;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod network;
pub(crate) mod packages;
pub(crate) mod system;
pub(crate) mod tokens;
pub(crate) mod version;
pub(crate) mod workers;
