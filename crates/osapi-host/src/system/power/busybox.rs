//! Power where there is no logind: busybox's `reboot` and `poweroff`, which wait by themselves and outlive us.

use osapi_core::outcome::Change;
use osapi_core::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};

use super::{Action, Plan, scheduled};
use crate::System;
use crate::machine::{Command, Launched};

/// What waits, so that it can be taken back. It is below `/run`, so a boot forgets it.
const PENDING: &str = "/run/osapi/power.json";

#[derive(Serialize, Deserialize)]
struct Pending {
    action: String,
    process: Launched,
}

pub(super) fn schedule(system: &System, plan: &Plan<'_>) -> Result<Change, Failure> {
    let name = plan.action.word();
    let program = system.program(name).filter(|program| is_busybox(system, &program.path().to_string_lossy()));
    let program = program.ok_or_else(|| {
        Failure::unsupported(format!("this host has neither systemd nor busybox's `{name}` to wait and act"))
    })?;
    let before = take_back(system, None)?;
    let process = system.launch(&Command::new(&program).option("-d").word(plan.delay_seconds.to_string()))?;
    let pending = Pending { action: name.to_owned(), process };
    let record = serde_json::to_vec(&pending).map_err(|error| Failure::failed(error.to_string()))?;
    let recorded = system.create_dir("/run/osapi", 0o755).and_then(|_| system.write(PENDING, &record, 0o600));
    if let Err(error) = recorded {
        // What could not be taken back must not be left waiting.
        let _ = system.stop_launched(process);
        return Err(error.into());
    }
    Ok(scheduled(before))
}

pub(super) fn cancel(system: &System, action: Action) -> Result<Change, Failure> {
    Ok(if take_back(system, Some(action))? { Change::Removed } else { Change::Unchanged })
}

/// Stops what waits, if it is this action or none is named, and says whether something waited.
fn take_back(system: &System, action: Option<Action>) -> Result<bool, Failure> {
    let record = match system.read(PENDING) {
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(false),
        read => read?,
    };
    let pending: Pending = serde_json::from_str(&record)
        .map_err(|error| Failure::failed(format!("cannot read `{PENDING}`, which says what waits: {error}")))?;
    if action.is_some_and(|action| action.word() != pending.action) {
        return Ok(false);
    }
    let stopped = system.stop_launched(pending.process);
    system.remove(PENDING)?;
    Ok(stopped)
}

fn is_busybox(system: &System, path: &str) -> bool {
    system.read_link(path).is_ok_and(|target| target.ends_with("busybox"))
}
