//! Carrying one assignment out: with its strings, within bounds, and with a report at the end whatever happens.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use osapi_core::{Assignment, Class, ErrorCode, Failure, HostStatus, Report};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::assignment::Slot;
use super::{Control, Execute, Worker};
use crate::progress;

/// How long past its timeout work may go on before the engine calls it off.
const GRACE: Duration = Duration::from_secs(15);

/// How long work that was called off may go on before it is abandoned. A change may have to put back what it did, for
/// which the host layer's runner gives it 240 s; the engine comes in only where that bound fails.
const fn last_grace(class: Class) -> Duration {
    match class {
        Class::Query => GRACE,
        Class::Modify => Duration::from_secs(270),
    }
}

/// Carries an assignment out and makes sure of the report.
pub(super) async fn run<E: Execute>(worker: &Worker<E>, slot: &Slot<'_>, cancel: &CancellationToken) -> Report {
    let assignment = Assignment {
        job_id: slot.job.id,
        operation: slot.job.operation.clone(),
        hostname: worker.hostname.clone(),
        expires_at: slot.job.expires_at,
        timeout_seconds: slot.job.timeout_seconds,
        received_at: slot.received_at,
    };
    let (sender, lines) = mpsc::channel(progress::CHANNEL);
    let control = Control { cancel: cancel.clone(), progress: sender, traceparent: slot.job.traceparent.clone() };
    slot.begun.cancel();
    let started_at = Timestamp::now();
    let bounds = Bounds {
        work: Duration::from_secs(u64::from(slot.job.timeout_seconds)) + GRACE,
        end: last_grace(slot.job.operation.class()),
    };
    let done = CancellationToken::new();
    let saying = progress::follow(&worker.jobs, (slot.job.id, &worker.hostname, worker.instance), lines, &done);
    let doing = async {
        let _done = done.clone().drop_guard();
        bounded(worker.execute.execute(assignment, control), cancel, bounds).await
    };
    let (outcome, ()) = tokio::join!(doing, saying);
    let mut report = outcome.unwrap_or_else(|failure| Report {
        error: Some(failure),
        ..Report::silent(worker.hostname.clone(), HostStatus::Failed)
    });
    if !report.status.is_final() {
        report.error = Some(Failure::new(ErrorCode::Internal, format!("the work ended `{}`", report.status)));
        report.status = HostStatus::Failed;
    }
    report.hostname = worker.hostname.clone();
    report.received_at = Some(slot.received_at);
    report.started_at.get_or_insert(started_at);
    report.finished_at.get_or_insert_with(Timestamp::now);
    report
}

/// How long work may take, and how long to end once called off.
struct Bounds {
    work: Duration,
    end: Duration,
}

/// Lets the work go on until it ends, but not for ever; a panic is a failure and takes nothing else down.
async fn bounded(
    work: impl Future<Output = Report> + Send,
    cancel: &CancellationToken,
    bounds: Bounds,
) -> Result<Report, Failure> {
    let mut work = std::pin::pin!(AssertUnwindSafe(work).catch_unwind());
    let panicked = |_| Failure::new(ErrorCode::Internal, "the operation broke off: a fault of the worker");
    if let Ok(ended) = tokio::time::timeout(bounds.work, &mut work).await {
        return ended.map_err(panicked);
    }
    cancel.cancel();
    match tokio::time::timeout(bounds.end, work).await {
        Ok(ended) => ended.map_err(panicked),
        Err(_) => Err(Failure::new(ErrorCode::Timeout, "the operation went on past its timeout and was abandoned")),
    }
}
