//! The client against servers that do not do their best.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod retries;
