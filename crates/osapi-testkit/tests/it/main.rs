//! The test kit tested, and the rules of the workspace that no compiler checks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arrows;
mod broker;
mod lab;
