//! From a request to the host layer and back: one operation, checked, within its time, at most so many at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use osapi_core::{Assignment, Class, ErrorCode, Failure, HostName, JobId, Operation, Report};
use osapi_host::{Runner, RunnerSettings, System};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, warn};
use uuid::Uuid;

/// How long a change may take. The request may give up earlier; the change goes on.
const CHANGE_BOUND: Duration = Duration::from_secs(300);

/// How long changes that are called off have to put back what they did; service managers kill after 90 seconds.
const UNDO_BOUND: Duration = Duration::from_secs(60);

/// Where requests hand in operations.
pub(crate) struct Operations {
    runner: Arc<Runner>,
    hostname: HostName,
    changes: TaskTracker,
    /// When cancelled, changes put back what they did and end.
    call_off: CancellationToken,
}

impl Operations {
    pub(crate) fn new(system: System, max_jobs: usize) -> Self {
        let settings = RunnerSettings { max_jobs, through_worker: false, labels: std::collections::BTreeMap::new() };
        let hostname = "localhost".parse().expect("`localhost` is a host name");
        let runner = Arc::new(Runner::new(system, settings));
        Self { runner, hostname, changes: TaskTracker::new(), call_off: CancellationToken::new() }
    }

    /// Carries an operation out. A reading that nobody waits for any more is broken off; a change is not.
    pub(crate) async fn carry_out(&self, operation: Operation, bound: Duration) -> Result<Value, Failure> {
        operation.check()?;
        let report = match operation.class() {
            Class::Query => run(self.runner.clone(), self.assignment(operation, bound), CancellationToken::new()).await,
            Class::Modify => {
                let change = run(self.runner.clone(), self.assignment(operation, CHANGE_BOUND), self.call_off.clone());
                self.changes.spawn(change.instrument(Span::current())).await.map_err(|error| broken_off(&error))?
            }
        };
        report.data.ok_or_else(|| report.error.unwrap_or_else(|| broken_off(&"there is neither outcome nor failure")))
    }

    /// Waits until the changes under way are done, for a while; then calls them off and waits until they are undone.
    pub(crate) async fn finish(&self, bound: Duration) {
        self.changes.close();
        if timeout(bound, self.changes.wait()).await.is_ok() {
            return;
        }
        warn!(left = self.changes.len(), "changes are still being carried out: calling them off");
        self.call_off.cancel();
        if timeout(UNDO_BOUND, self.changes.wait()).await.is_err() {
            warn!(left = self.changes.len(), "changes are still being undone; the next start sees to what is left");
        }
    }

    fn assignment(&self, operation: Operation, bound: Duration) -> Assignment {
        let now = Timestamp::now();
        Assignment {
            job_id: JobId::new(Uuid::now_v7()),
            operation,
            hostname: self.hostname.clone(),
            expires_at: now + SignedDuration::try_from(bound).unwrap_or(SignedDuration::from_secs(30)),
            timeout_seconds: bound.as_secs().try_into().unwrap_or(u32::MAX),
            received_at: now,
        }
    }
}

async fn run(runner: Arc<Runner>, assignment: Assignment, cancel: CancellationToken) -> Report {
    runner.run(assignment, cancel, mpsc::channel(1).0).await
}

fn broken_off(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, format!("the operation was broken off: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use osapi_testkit::wait_until;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_change_that_does_not_end_in_time_is_undone_before_we_stop() {
        let root = tempfile::tempdir().unwrap();
        let resolv_conf = root.path().join("etc/resolv.conf");
        for (path, contents) in
            [("etc/resolv.conf", "nameserver 192.0.2.7\n"), ("sys/class/net/eth0/ifindex", "2\n"), ("proc/stat", "")]
        {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        let operations = Operations::new(System::rooted(root.path()), 1);
        // Nobody is at that address, which takes seconds to find out.
        let input = json!({"interface": "eth0", "servers": ["192.0.2.1"], "confirm_reachable": true});
        let change = operations.carry_out(Operation::read("network.dns.update", input).unwrap(), CHANGE_BOUND);
        let written = || fs::read_to_string(&resolv_conf).unwrap().contains("192.0.2.1");
        let stop = async {
            wait_until("the new server to be written", UNDO_BOUND, async || written()).await;
            operations.finish(Duration::ZERO).await;
            assert!(!written(), "stopped with a change half done");
        };
        let (changed, ()) = tokio::join!(change, stop);
        let failure = changed.unwrap_err();
        assert!(failure.message.contains("what was before is in force again"), "{failure}");
    }
}
