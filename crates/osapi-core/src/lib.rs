//! What may be asked of a host and what came of it.
//!
//! Values and pure functions that every other crate shares: operations and their outcomes, targets, permissions, jobs
//! and the rules of their states.
//! It does no I/O, reads no clock, starts no task and knows no transport; `tests/it/arrows.rs` of the test kit holds it to that.

pub mod api;
pub mod audit;
pub mod error;
pub mod host_name;
pub mod job;
pub mod job_state;
pub mod network;
pub mod operation;
pub mod outcome;
pub mod package;
pub mod permission;
pub mod system;
pub mod target;
mod text;
pub mod worker;

pub use error::{ErrorCode, Failure};
pub use host_name::HostName;
pub use job::{Assignment, HostStatus, Job, JobId, JobState, Report};
pub use operation::{Class, Operation, OperationKind};
pub use outcome::{Change, Outcome};
pub use permission::Permission;
pub use target::Target;
