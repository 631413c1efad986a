//! The host layer: carries one operation out on this machine, once, safely, and says what happened.
//!
//! [`System`] is the only door to programs and files, [`carry_out`] the only way to an operation, the runner what both
//! programs put in front of it. It knows no transport, no job store and no settings file.

pub mod context;
pub mod dispatch;
pub mod machine;
mod network;
mod package;

pub use context::Context;
pub use dispatch::carry_out;
pub use machine::System;
