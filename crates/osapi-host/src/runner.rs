//! The runner: carries one assignment out once, within its time, and always comes back with a report.
//!
//! It knows nothing of where assignments come from or where reports go.

mod remembered;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use osapi_core::{Assignment, Class, ErrorCode, Failure, HostStatus, Outcome, Report};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span};

use crate::{Context, System, carry_out};
use remembered::{Known, Remembered};

/// How long a reading may take to end after it was told to: the grace of a command, its reaping, and some.
const WIND_UP: Duration = Duration::from_secs(15);

/// The same of a change, which first puts back what it did: longer than the commands for that may take.
const UNDO: Duration = Duration::from_secs(240);

/// How the runner runs.
#[derive(Clone, Debug)]
pub struct RunnerSettings {
    /// How many assignments are carried out at once; the others wait. At least 1.
    pub max_jobs: usize,
    /// Whether assignments come over the network, so that an operation which cuts the network off also cuts off the answer.
    pub through_worker: bool,
    /// The labels of this host's worker, key to value.
    pub labels: BTreeMap<String, String>,
}

/// Carries assignments out, at most `max_jobs` at once and each change at most once.
#[derive(Debug)]
pub struct Runner {
    system: System,
    settings: RunnerSettings,
    slots: Semaphore,
    running: AtomicUsize,
    remembered: Remembered,
}

/// What came of it, and why not.
type Ending = (HostStatus, Result<Outcome, Failure>);

impl Runner {
    /// A runner for this machine.
    #[must_use]
    pub fn new(system: System, settings: RunnerSettings) -> Self {
        let slots = Semaphore::new(settings.max_jobs.max(1));
        Self { system, settings, slots, running: AtomicUsize::new(0), remembered: Remembered::default() }
    }

    /// How many assignments are being carried out.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Carries an assignment out. It ends soon after `cancel`, and not long after the assignment's time is up.
    ///
    /// A change that was carried out already is not repeated: the answer is the first one's report.
    pub async fn run(
        &self,
        assignment: Assignment,
        cancel: CancellationToken,
        progress: mpsc::Sender<String>,
    ) -> Report {
        let span = info_span!("operation", name = assignment.operation.name(), job_id = %assignment.job_id);
        self.run_in_span(assignment, cancel, progress).instrument(span).await
    }

    async fn run_in_span(
        &self,
        assignment: Assignment,
        cancel: CancellationToken,
        progress: mpsc::Sender<String>,
    ) -> Report {
        let slot = match self.slot(&assignment, &cancel).await {
            Ok(slot) => slot,
            Err((status, failure)) => return self.report(&assignment, None, (status, Err(failure))),
        };
        let change = assignment.operation.class() == Class::Modify;
        if change {
            match self.remembered.begin(assignment.job_id) {
                Known::Done(report) => return *report,
                Known::Begun => return self.report(&assignment, None, (HostStatus::Failed, Err(begun_already()))),
                Known::New => {}
            }
        }
        let started = self.system.now();
        let ending = self.carry_out_bounded(&assignment, &cancel, progress).await;
        drop(slot);
        let report = self.report(&assignment, Some(started), ending);
        if change {
            self.remembered.finish(assignment.job_id, &report);
        }
        report
    }

    /// Waits for its turn, or for a reason not to begin.
    async fn slot(
        &self,
        assignment: &Assignment,
        cancel: &CancellationToken,
    ) -> Result<SemaphorePermit<'_>, (HostStatus, Failure)> {
        let slot = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                return Err((HostStatus::Cancelled, Failure::failed("it was called off before it began")));
            }
            slot = timeout(until(assignment.expires_at, self.system.now()), self.slots.acquire()) => slot,
        };
        match slot {
            Ok(Ok(slot)) if self.system.now() < assignment.expires_at => Ok(slot),
            Ok(Err(_)) => Err((HostStatus::Failed, Failure::new(ErrorCode::Unavailable, "the runner has been closed"))),
            Ok(Ok(_)) | Err(_) => {
                let message = format!("it expired at {} before it began", assignment.expires_at);
                Err((HostStatus::Expired, Failure::new(ErrorCode::Timeout, message)))
            }
        }
    }

    /// Carries it out until it ends, its time is up or it is called off; then it has [`WIND_UP`] or [`UNDO`] to end by
    /// itself. What it says then still counts: a change that was made is reported as made, and why it was not or could
    /// not be put back is told.
    async fn carry_out_bounded(
        &self,
        assignment: &Assignment,
        cancel: &CancellationToken,
        progress: mpsc::Sender<String>,
    ) -> Ending {
        let others_running = self.running.fetch_add(1, Ordering::Relaxed);
        let _counted = Counted(&self.running);
        let context = Context {
            cancel: cancel.child_token(),
            progress,
            through_worker: self.settings.through_worker,
            labels: self.settings.labels.clone(),
            others_running,
        };
        let carried_out = AssertUnwindSafe(carry_out(&self.system, &assignment.operation, &context)).catch_unwind();
        tokio::pin!(carried_out);
        let time = Duration::from_secs(assignment.timeout_seconds.into());
        let stopped = tokio::select! {
            result = &mut carried_out => return ended(assignment, result),
            () = tokio::time::sleep(time) => {
                let message = format!("it was not done in {} seconds and was stopped", assignment.timeout_seconds);
                (HostStatus::Failed, Failure::new(ErrorCode::Timeout, message))
            }
            () = cancel.cancelled() => (HostStatus::Cancelled, Failure::failed("it was called off and stopped")),
        };
        context.cancel.cancel();
        let bound = match assignment.operation.class() {
            Class::Query => WIND_UP,
            Class::Modify => UNDO,
        };
        let (status, failure) = stopped;
        match timeout(bound, carried_out).await {
            Ok(Ok(Ok(outcome))) => (HostStatus::Ok, Ok(outcome)),
            Ok(Err(panic)) => ended(assignment, Err(panic)),
            Ok(Ok(Err(last))) => {
                let message = format!("{}: {}", failure.message, last.message);
                (status, Err(Failure { message, hint: last.hint, ..failure }))
            }
            Err(_) => {
                let message = format!("{}; it did not end in {} seconds more", failure.message, bound.as_secs());
                (status, Err(Failure { message, ..failure }))
            }
        }
    }

    fn report(&self, assignment: &Assignment, started_at: Option<Timestamp>, ending: Ending) -> Report {
        let (mut status, result) = ending;
        let changed = result.as_ref().ok().and_then(Outcome::changed);
        let data = result.and_then(|outcome| {
            serde_json::to_value(outcome).map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))
        });
        let (data, error) = match data {
            Ok(data) => (Some(data), None),
            Err(failure) => {
                if status == HostStatus::Ok {
                    status = HostStatus::Failed;
                }
                (None, Some(failure))
            }
        };
        Report {
            hostname: assignment.hostname.clone(),
            status,
            changed,
            data,
            error,
            received_at: Some(assignment.received_at),
            started_at,
            finished_at: Some(self.system.now()),
        }
    }
}

/// One that runs, counted until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The ending of an operation that ended by itself, be it by a panic.
fn ended(assignment: &Assignment, result: Result<Result<Outcome, Failure>, Box<dyn Any + Send>>) -> Ending {
    match result {
        Ok(Ok(outcome)) => (HostStatus::Ok, Ok(outcome)),
        Ok(Err(failure)) if failure.code == ErrorCode::Unsupported => (HostStatus::Unsupported, Err(failure)),
        Ok(Err(failure)) => (HostStatus::Failed, Err(failure)),
        Err(panic) => {
            let said =
                panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            error!(panic = said.unwrap_or("no message"), "the operation panicked");
            let message =
                format!("a fault of ours ended `{}`; the log of this host has it", assignment.operation.name());
            (HostStatus::Failed, Err(Failure::new(ErrorCode::Internal, message)))
        }
    }
}

fn begun_already() -> Failure {
    Failure::new(ErrorCode::Conflict, "this change is being carried out already").with_hint("wait for its report")
}

/// The time from now until then; none when it has passed.
fn until(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
