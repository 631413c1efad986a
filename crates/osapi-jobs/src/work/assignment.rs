//! One message from its arrival to its acknowledgement: is it a job, is it for us, may we, and then do it and report.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures::FutureExt as _;
use jiff::Timestamp;
use osapi_core::{Assignment, Class, ErrorCode, Failure, HostName, HostStatus, Job, JobId, Report, Target};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::lane::Lane;
use super::{Control, Execute, Worker};
use crate::claim::{self, Claimed};
use crate::dead_letters::{self, Letter};
use crate::names::Key;
use crate::progress;
use crate::result;

/// How often a message may come without ever leading to a result, before it is given up.
const DELIVERIES: i64 = 20;

/// From this age on a query may have been called off or answered, so that is looked up before it runs.
const FRESH: Duration = Duration::from_secs(1);

/// How long past its timeout work may go on before the engine calls it off, and then before it is abandoned.
const GRACE: Duration = Duration::from_secs(15);

/// What to do with the message in the end.
enum Verdict {
    /// It is done with, or it is not for us.
    Acknowledge,
    /// The broker shall bring it again, here or elsewhere, after the pause if there is one.
    HandBack(Option<Duration>),
    /// Whoever is at it will acknowledge it.
    Leave,
    /// It is no job that anyone could do.
    Bury(Letter),
}

/// Takes one message through to its end.
pub(super) async fn take<E: Execute>(worker: &Worker<E>, lane: Lane, message: &Message) {
    let answer = match examine(worker, lane, message).await {
        Verdict::Acknowledge => message.ack().await,
        Verdict::HandBack(pause) => message.ack_with(AckKind::Nak(pause)).await,
        Verdict::Leave => Ok(()),
        Verdict::Bury(letter) => match dead_letters::bury(&worker.connection, message, &letter).await {
            Ok(()) => message.ack_with(AckKind::Term).await,
            Err(_) => message.ack_with(AckKind::Nak(Some(FRESH))).await,
        },
    };
    if let Err(error) = answer {
        tracing::debug!(%error, "an acknowledgement did not get through; the message will come again");
    }
}

async fn examine<E: Execute>(worker: &Worker<E>, lane: Lane, message: &Message) -> Verdict {
    let received_at = Timestamp::now();
    let letter =
        |reason: String, job_id| Verdict::Bury(Letter { reason, job_id, hostname: Some(worker.hostname.clone()) });
    let job: Job = match serde_json::from_slice(&message.payload) {
        Ok(job) => job,
        Err(error) => return unreadable(worker, lane, message, &error).await,
    };
    if worker.connection.names().subject(job.operation.class(), &job.target) != message.subject.as_str() {
        return letter("the job is not one for the subject it came on".to_owned(), Some(job.id));
    }
    let deliveries = message.info().map_or(1, |info| info.delivered);
    if deliveries > DELIVERIES {
        return letter(format!("delivered {deliveries} times without a result"), Some(job.id));
    }
    // A job published before this worker answered to the subject is history, and nobody expects it here.
    if lane == Lane::Own
        && worker.since.get(message.subject.as_str()).is_none_or(|since| job.registry_revision < *since)
    {
        return Verdict::Acknowledge;
    }
    if received_at >= job.expires_at {
        return Verdict::Acknowledge;
    }
    let Some(cancel) = worker.begin(job.id) else { return Verdict::Leave };
    let slot = if job.target == Target::Any { None } else { Some(worker.hostname.clone()) };
    let at = Slot { job, host: slot, received_at, redelivered: deliveries > 1 };
    let verdict = match at.job.operation.class() {
        Class::Query => query(worker, message, &at, &cancel).await,
        Class::Modify => modify(worker, message, &at, &cancel).await,
    };
    worker.end(at.job.id);
    verdict
}

/// A job and the slot in it that this worker is about to fill.
struct Slot {
    job: Job,
    host: Option<HostName>,
    received_at: Timestamp,
    redelivered: bool,
}

impl Slot {
    fn response(&self) -> Key {
        Key::Response(self.job.id, self.host.clone())
    }

    fn old(&self) -> bool {
        self.redelivered || self.received_at.duration_since(self.job.created_at).unsigned_abs() > FRESH
    }
}

/// A query may be repeated, so its message stays alive until the result is stored.
async fn query<E: Execute>(worker: &Worker<E>, message: &Message, slot: &Slot, cancel: &CancellationToken) -> Verdict {
    if slot.old() {
        match worker.jobs.last(slot.response()).await {
            Ok(Some(_)) => return Verdict::Acknowledge,
            Ok(None) => {}
            Err(_) => return Verdict::HandBack(Some(FRESH)),
        }
    }
    if cancel.is_cancelled() {
        return Verdict::Acknowledge;
    }
    let done = async {
        let report = execute(worker, slot, cancel).await;
        result::store(&worker.jobs, slot.response(), report, &worker.gone).await
    };
    tokio::select! {
        stored = done => if stored { Verdict::Acknowledge } else { Verdict::Leave },
        () = keep_alive(message, worker.ack_wait) => Verdict::Leave,
    }
}

/// A change runs at most once: the claim decides, and from then on the message has served its purpose.
async fn modify<E: Execute>(worker: &Worker<E>, message: &Message, slot: &Slot, cancel: &CancellationToken) -> Verdict {
    if cancel.is_cancelled() {
        // The claim will say so as soon as whoever calls the job off has made it.
        return Verdict::HandBack(Some(FRESH));
    }
    let key = Key::Claim(slot.job.id, slot.host.clone());
    let claimed = tokio::select! {
        claimed = claim::take(&worker.jobs, key, &worker.hostname, worker.instance, slot.job.expires_at) => claimed,
        () = keep_alive(message, worker.ack_wait) => Claimed::Unknown,
        () = worker.gone.cancelled() => Claimed::Unknown,
    };
    match claimed {
        Claimed::Ours => {}
        // The claim is the truth about this slot from now on, whoever holds it.
        Claimed::Taken => return Verdict::Acknowledge,
        Claimed::Unknown => return Verdict::HandBack(None),
    }
    if let Err(error) = message.ack().await {
        tracing::debug!(%error, "an acknowledgement did not get through; the claim will tell");
    }
    let report = execute(worker, slot, cancel).await;
    result::store(&worker.jobs, slot.response(), report, &worker.gone).await;
    Verdict::Leave
}

async fn execute<E: Execute>(worker: &Worker<E>, slot: &Slot, cancel: &CancellationToken) -> Report {
    let assignment = Assignment {
        job_id: slot.job.id,
        operation: slot.job.operation.clone(),
        hostname: worker.hostname.clone(),
        expires_at: slot.job.expires_at,
        timeout_seconds: slot.job.timeout_seconds,
        received_at: slot.received_at,
    };
    let (sender, lines) = mpsc::channel(progress::CHANNEL);
    let control = Control { cancel: cancel.clone(), progress: sender };
    let started_at = Timestamp::now();
    let limit = Duration::from_secs(u64::from(slot.job.timeout_seconds)) + GRACE;
    let done = CancellationToken::new();
    let saying = progress::follow(&worker.jobs, (slot.job.id, &worker.hostname, worker.instance), lines, &done);
    let doing = async {
        let _done = done.clone().drop_guard();
        bounded(worker.execute.execute(assignment, control), cancel, limit).await
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

/// Lets the work go on until it ends, but not for ever; a panic is a failure and takes nothing else down.
async fn bounded(
    work: impl Future<Output = Report> + Send,
    cancel: &CancellationToken,
    limit: Duration,
) -> Result<Report, Failure> {
    let mut work = std::pin::pin!(AssertUnwindSafe(work).catch_unwind());
    let panicked = |_| Failure::new(ErrorCode::Internal, "the operation broke off: a fault of the worker");
    if let Ok(ended) = tokio::time::timeout(limit, &mut work).await {
        return ended.map_err(panicked);
    }
    cancel.cancel();
    match tokio::time::timeout(GRACE, work).await {
        Ok(ended) => ended.map_err(panicked),
        Err(_) => Err(Failure::new(ErrorCode::Timeout, "the operation went on past its timeout and was abandoned")),
    }
}

/// Keeps a message from being given to another worker. It never ends by itself.
pub(super) async fn keep_alive(message: &Message, ack_wait: Duration) {
    loop {
        tokio::time::sleep(ack_wait / 3).await;
        if let Err(error) = message.ack_with(AckKind::Progress).await {
            tracing::debug!(%error, "the message was not kept alive");
        }
    }
}

/// A message we cannot read. When it is a job all the same, made by a newer API server, the host says so.
async fn unreadable<E>(worker: &Worker<E>, lane: Lane, message: &Message, error: &serde_json::Error) -> Verdict {
    #[derive(serde::Deserialize)]
    struct Named {
        id: JobId,
    }
    let named: Option<Named> = serde_json::from_slice(&message.payload).ok();
    let job_id = named.map(|named| named.id);
    let reason = format!("not a job this worker can read: {error}");
    if let Some(job) = job_id {
        let host = if lane == Lane::Own { Some(worker.hostname.clone()) } else { None };
        let report = Report {
            error: Some(Failure::unsupported(reason.clone()).with_hint("worker and API server differ in version")),
            ..Report::silent(worker.hostname.clone(), HostStatus::Unsupported)
        };
        if let Ok(body) = result::body(&report) {
            let stored: Result<_, _> = worker.jobs.create(Key::Response(job, host), Bytes::from(body)).await;
            tracing::warn!(%job, ?stored, "a job from another version");
        }
    }
    Verdict::Bury(Letter { reason, job_id, hostname: Some(worker.hostname.clone()) })
}
