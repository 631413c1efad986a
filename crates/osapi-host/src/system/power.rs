//! `system.reboot.execute` and `system.shutdown.execute`: through logind under systemd, by busybox on Alpine.

mod busybox;
mod logind;

use std::time::Duration;

use jiff::Timestamp;
use osapi_core::outcome::Change;
use osapi_core::system::{PowerRequest, PowerScheduled};
use osapi_core::{ErrorCode, Failure};

use super::Init;
use crate::package::in_progress;
use crate::{Context, System, transaction_lock};

/// The least delay: the answer has to leave the host first.
const SOONEST: u32 = 5;

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Reboot,
    Shutdown,
}

/// When and why, checked.
struct Plan<'a> {
    action: Action,
    at: Timestamp,
    delay_seconds: u32,
    reason: &'a str,
}

pub(crate) async fn execute(
    system: &System,
    action: Action,
    request: &PowerRequest,
    context: &Context,
) -> Result<PowerScheduled, Failure> {
    if request.cancel {
        let change = match Init::of(system) {
            Init::Systemd => logind::cancel(system, action).await?,
            Init::OpenRc | Init::Other => busybox::cancel(system, action)?,
        };
        return Ok(PowerScheduled { scheduled_at: None, change });
    }
    permit(system, request, context)?;
    let delay_seconds = request.delay_seconds.max(SOONEST);
    let at = system
        .now()
        .checked_add(Duration::from_secs(delay_seconds.into()))
        .map_err(|_| Failure::invalid("`delay_seconds` leads beyond the calendar"))?;
    let plan = Plan { action, at, delay_seconds, reason: request.reason.as_deref().unwrap_or_default() };
    let change = match Init::of(system) {
        Init::Systemd => logind::schedule(system, &plan).await?,
        Init::OpenRc | Init::Other => busybox::schedule(system, &plan)?,
    };
    Ok(PowerScheduled { scheduled_at: Some(at), change })
}

/// The three tiers: nothing else runs; `force` over other jobs; `force` and the acknowledgement over a transaction too.
fn permit(system: &System, request: &PowerRequest, context: &Context) -> Result<(), Failure> {
    let conflict = |message: String| Failure::new(ErrorCode::Conflict, message);
    if !(request.force && request.acknowledge_package_database_corruption_risk) {
        let changing = |by: &str| {
            conflict(format!("a package transaction is running on this host{by}"))
                .with_hint("wait for its end; breaking it off may leave packages half installed")
        };
        if transaction_lock::is_held(system)? {
            return Err(changing(""));
        }
        if let Some(foreign) = in_progress::by_whom(system)? {
            return Err(changing(&format!(": {foreign}")));
        }
    }
    match context.others_running {
        count @ 1.. if !request.force => Err(conflict(format!("{count} other jobs are running on this host"))
            .with_hint("wait for their end, or give `force`")),
        _ => Ok(()),
    }
}

impl Action {
    /// logind's word for it.
    const fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Shutdown => "poweroff",
        }
    }
}

/// What scheduling did, seeing that there was a schedule before or not.
const fn scheduled(before: bool) -> Change {
    if before { Change::Updated } else { Change::Created }
}

#[cfg(test)]
mod tests;
