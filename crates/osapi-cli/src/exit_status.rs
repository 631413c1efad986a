//! How a command ended, as scripts see it.

use std::process::ExitCode;

use osapi_core::{ErrorCode, HostStatus};

/// How a command ended. The numbers are a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExitStatus {
    /// Everything went well.
    Ok = 0,
    /// The command line or the configuration is wrong, or something on this machine failed.
    Usage = 1,
    /// Some hosts did it and some did not.
    SomeFailed = 2,
    /// No host did it.
    Failed = 3,
    /// A server or host could not be reached, or did not answer in time.
    Unreachable = 4,
    /// The server knows who asks, or does not, and refuses.
    Refused = 5,
    /// What was named does not exist.
    NotFound = 6,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

impl ExitStatus {
    /// For a request that failed as a whole.
    pub(crate) const fn of_code(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Invalid => Self::Usage,
            ErrorCode::Unauthenticated | ErrorCode::Forbidden => Self::Refused,
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Unavailable | ErrorCode::Timeout => Self::Unreachable,
            ErrorCode::Conflict | ErrorCode::Unsupported | ErrorCode::Failed | ErrorCode::Internal => Self::Failed,
        }
    }

    /// For what became of each host.
    pub(crate) fn of_hosts(hosts: impl IntoIterator<Item = HostStatus>) -> Self {
        let (mut ok, mut failed, mut unreachable) = (0, 0, 0);
        for host in hosts {
            match host {
                HostStatus::Ok => ok += 1,
                HostStatus::Unreachable
                | HostStatus::Expired
                | HostStatus::Pending
                | HostStatus::Acknowledged
                | HostStatus::Running => unreachable += 1,
                HostStatus::Failed | HostStatus::Unsupported | HostStatus::Cancelled | HostStatus::Interrupted => {
                    failed += 1;
                }
            }
        }
        match (ok, failed, unreachable) {
            (_, 0, 0) => Self::Ok,
            (0, 0, _) => Self::Unreachable,
            (0, _, _) => Self::Failed,
            _ => Self::SomeFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HostStatus::{Expired, Failed, Ok, Unreachable};

    #[test]
    fn hosts_make_one_status() {
        for (hosts, status) in [
            (&[][..], ExitStatus::Ok),
            (&[Ok, Ok], ExitStatus::Ok),
            (&[Ok, Failed], ExitStatus::SomeFailed),
            (&[Ok, Unreachable], ExitStatus::SomeFailed),
            (&[Failed, Unreachable], ExitStatus::Failed),
            (&[Unreachable, Expired], ExitStatus::Unreachable),
        ] {
            assert_eq!(ExitStatus::of_hosts(hosts.iter().copied()), status, "{hosts:?}");
        }
    }
}
