//! The handlers, one file per noun: each reads its request, hands an operation in and answers.

pub(crate) mod health;
pub(crate) mod host;
pub(crate) mod packages;
pub(crate) mod system;
