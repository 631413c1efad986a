//! The `network.*` operations.

pub(crate) mod dns;
pub(crate) mod ping;
