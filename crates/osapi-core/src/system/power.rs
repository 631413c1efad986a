//! `system.reboot.execute` and `system.shutdown.execute`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::outcome::Change;

/// When and why to restart or shut down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PowerRequest {
    /// How long to wait first, at most 604800 (a week).
    #[cfg_attr(feature = "schema", schema(maximum = 604_800))]
    pub delay_seconds: u32,
    /// What to tell the users and the log, at most 200 characters, one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(max_length = 200, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"))]
    pub reason: Option<String>,
    /// Go ahead over jobs that are running, though not over a package transaction.
    pub force: bool,
    /// With `force`: go ahead even over a running package transaction.
    pub acknowledge_package_database_corruption_risk: bool,
    /// Take back what was scheduled and has not begun; nothing else may be given then.
    pub cancel: bool,
}

impl PowerRequest {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// A bound is passed, or something is given beside `cancel`.
    pub fn check(&self) -> Result<(), Failure> {
        if self.delay_seconds > 604_800 {
            return Err(Failure::invalid("`delay_seconds` must be at most 604800, which is a week"));
        }
        if let Some(reason) = &self.reason
            && (reason.chars().count() > 200 || reason.chars().any(char::is_control))
        {
            return Err(Failure::invalid("`reason` must be one line of at most 200 characters"));
        }
        if self.cancel && *self != (Self { cancel: true, ..Self::default() }) {
            return Err(Failure::invalid("nothing else may be given with `cancel`"));
        }
        Ok(())
    }
}

/// What was scheduled or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PowerScheduled {
    /// When it will happen; absent after a cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = DateTime))]
    pub scheduled_at: Option<Timestamp>,
    /// `created` when scheduled, `removed` when taken back, `unchanged` when there was nothing to take back.
    pub change: Change,
}
