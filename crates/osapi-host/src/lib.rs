//! The host layer: carries one operation out on this machine, once, safely, and says what happened.
//!
//! [`System`] is the only door to programs and files, [`carry_out`] the only way to an operation, [`Runner`] what both
//! programs put in front of it. It knows no transport, no job store and no settings file.

pub mod context;
pub mod dispatch;
pub mod machine;
mod network;
mod package;
pub mod runner;
mod system;
pub mod transaction_lock;

pub use context::Context;
pub use dispatch::carry_out;
pub use machine::System;
pub use runner::{Runner, RunnerSettings};

/// Puts back what a killed process of ours left half-done on this machine. Programs call it as they start, before they
/// need the network; where nothing was left it does nothing.
pub async fn recover(system: &System) {
    network::dns::recover(system).await;
}
