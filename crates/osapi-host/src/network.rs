//! The `network.*` operations.

pub(crate) mod dns;
mod link;
pub(crate) mod ping;
