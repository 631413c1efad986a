//! The program as a process: every command against real servers, with exit status, stdout and stderr in one snapshot.
#![expect(clippy::disallowed_methods, reason = "the program is tested as the process it is")]
#![expect(clippy::unwrap_used, reason = "helpers of tests; what fails here fails the test")]
#![expect(clippy::print_stdout, reason = "a test that cannot run says so")]

mod documents;
mod fleet;
mod hosts;
mod jobs;
mod local;
mod program;
mod refusals;
mod roles;
mod telemetry;
mod terminal;
