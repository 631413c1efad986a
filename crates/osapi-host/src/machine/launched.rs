//! A program that outlives us: started, left alone, and known again later by more than its number.

use std::process::Stdio;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::{Command, CommandError, process};

/// A process by its id and its start, so that another one with the same id is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launched {
    /// Its process id.
    pub pid: i32,
    /// Its start in clock ticks since boot, as in `/proc/PID/stat`.
    pub started: u64,
}

pub(super) fn launch(command: &Command) -> Result<Launched, CommandError> {
    let failed = |source: std::io::Error| CommandError::Start { program: command.line(), source };
    let child = process::prepare(command)?.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
    // One that has ended already has no start and is never found again, which is right.
    Ok(Launched { pid, started: start_of(pid).unwrap_or_default() })
}

/// Whether it still runs.
pub(super) fn runs(launched: Launched) -> bool {
    start_of(launched.pid).is_some_and(|started| started == launched.started)
}

/// Sends it SIGTERM if it still runs, and says whether it did. The file descriptor keeps the number from being reused
/// between looking and sending.
pub(super) fn stop(launched: Launched) -> bool {
    let Some(process) = Pid::from_raw(launched.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return false;
    };
    runs(launched) && pidfd_send_signal(process, Signal::TERM).is_ok()
}

/// Field 22 of `/proc/PID/stat`; none for a zombie. The second field may hold anything but ends with the last `)`.
fn start_of(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
