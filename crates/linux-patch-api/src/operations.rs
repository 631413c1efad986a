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

/// Where requests hand in operations.
pub(crate) struct Operations {
    runner: Arc<Runner>,
    hostname: HostName,
    changes: TaskTracker,
}

impl Operations {
    pub(crate) fn new(system: System, max_jobs: usize) -> Self {
        let settings = RunnerSettings { max_jobs, through_worker: false, labels: std::collections::BTreeMap::new() };
        let hostname = "localhost".parse().expect("`localhost` is a host name");
        Self { runner: Arc::new(Runner::new(system, settings)), hostname, changes: TaskTracker::new() }
    }

    /// Carries an operation out. A reading that nobody waits for any more is broken off; a change is not.
    pub(crate) async fn carry_out(&self, operation: Operation, bound: Duration) -> Result<Value, Failure> {
        operation.check()?;
        let report = match operation.class() {
            Class::Query => run(self.runner.clone(), self.assignment(operation, bound)).await,
            Class::Modify => {
                let change = run(self.runner.clone(), self.assignment(operation, CHANGE_BOUND));
                self.changes.spawn(change.instrument(Span::current())).await.map_err(|error| broken_off(&error))?
            }
        };
        report.data.ok_or_else(|| report.error.unwrap_or_else(|| broken_off(&"there is neither outcome nor failure")))
    }

    /// Waits until the changes under way are done, for a while.
    pub(crate) async fn finish(&self, bound: Duration) {
        self.changes.close();
        if timeout(bound, self.changes.wait()).await.is_err() {
            warn!(left = self.changes.len(), "changes are still being carried out and are left to themselves");
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

async fn run(runner: Arc<Runner>, assignment: Assignment) -> Report {
    runner.run(assignment, CancellationToken::new(), mpsc::channel(1).0).await
}

fn broken_off(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorCode::Internal, format!("the operation was broken off: {error}"))
}
