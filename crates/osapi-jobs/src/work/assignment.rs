//! One message from its arrival to its acknowledgement: is it a job, is it for us, may we, and then do it and report.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use jiff::Timestamp;
use osapi_core::{Class, ErrorCode, Failure, HostName, HostStatus, Job, JobId, Report, Target};
use tokio_util::sync::CancellationToken;

use super::lane::Lane;
use super::{Execute, Worker, execution};
use crate::attempts;
use crate::claim::{self, Claimed};
use crate::dead_letters::{self, Letter};
use crate::names::Key;
use crate::result;
use crate::submit::ABLE;

/// From this age on a query may have been called off or answered, so that is looked up before it runs.
const FRESH: Duration = Duration::from_millis(50);

/// The pause before a message that cannot be dealt with just now comes again.
const PAUSE: Duration = Duration::from_secs(1);

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

/// A message as it came.
pub(super) struct Arrival {
    pub(super) lane: Lane,
    pub(super) message: Message,
    /// How long the broker lets it be unacknowledged.
    pub(super) ack_wait: Duration,
    /// It may have waited for the worker, which then may have missed what was said about it.
    pub(super) waited: bool,
    /// Told when the work begins, or when there is none.
    pub(super) begun: CancellationToken,
}

/// Takes one message through to its end.
pub(super) async fn take<E: Execute>(worker: &Worker<E>, arrival: &Arrival) {
    let message = &arrival.message;
    let answer = match examine(worker, arrival).await {
        Verdict::Acknowledge => {
            settle(worker, arrival);
            message.ack().await
        }
        Verdict::HandBack(pause) => message.ack_with(AckKind::Nak(pause)).await,
        Verdict::Leave => Ok(()),
        Verdict::Bury(letter) => match dead_letters::bury(&worker.connection, message, &letter).await {
            Ok(()) => {
                settle(worker, arrival);
                message.ack_with(AckKind::Term).await
            }
            Err(_) => message.ack_with(AckKind::Nak(Some(PAUSE))).await,
        },
    };
    if let Err(error) = answer {
        tracing::debug!(%error, "an acknowledgement did not get through; the message will come again");
    }
}

/// The message is done with, whether or not the broker hears of it.
fn settle<E>(worker: &Worker<E>, arrival: &Arrival) {
    if arrival.lane == Lane::Own
        && let Ok(info) = arrival.message.info()
    {
        worker.position.settled(info.stream_sequence);
    }
}

async fn examine<E: Execute>(worker: &Worker<E>, arrival: &Arrival) -> Verdict {
    let Arrival { lane, message, ack_wait: _, waited, begun } = arrival;
    let received_at = Timestamp::now();
    let deliveries = message.info().map_or(1, |info| info.delivered);
    if deliveries > 1 {
        worker.count(|counts| counts.redeliveries += 1);
    }
    let letter =
        |reason: String, job_id| Verdict::Bury(Letter { reason, job_id, hostname: Some(worker.hostname.clone()) });
    let job: Job = match serde_json::from_slice(&message.payload) {
        Ok(job) => job,
        Err(error) => return unreadable(worker, arrival, &error).await,
    };
    if worker.connection.names().subject(job.operation.class(), &job.target) != message.subject.as_str() {
        return letter("the job is not one for the subject it came on".to_owned(), Some(job.id));
    }
    // A job published before this worker answered to the subject is history, and nobody expects it here.
    if *lane == Lane::Own && !worker.since.means_us(message.subject.as_str(), job.registry_revision) {
        return Verdict::Acknowledge;
    }
    if received_at >= job.expires_at {
        return Verdict::Acknowledge;
    }
    let Some(cancel) = worker.begin(job.id) else { return Verdict::Leave };
    let again = deliveries > 1 || (*lane == Lane::Own && *waited);
    let slot = if job.target == Target::Any { None } else { Some(worker.hostname.clone()) };
    let at = Slot { job, host: slot, received_at, waited: *waited || deliveries > 1, again, begun };
    let verdict = match at.job.operation.class() {
        Class::Query => query(worker, arrival, &at, &cancel).await,
        Class::Modify => modify(worker, arrival, &at, &cancel).await,
    };
    worker.end(at.job.id);
    verdict
}

/// A job and the slot in it that this worker is about to fill.
pub(super) struct Slot<'a> {
    pub(super) job: Job,
    host: Option<HostName>,
    pub(super) received_at: Timestamp,
    waited: bool,
    /// It may have been begun before, here or elsewhere, by a worker that did not live to answer.
    again: bool,
    pub(super) begun: &'a CancellationToken,
}

impl Slot<'_> {
    fn response(&self) -> Key {
        Key::Response(self.job.id, self.host.clone())
    }

    /// The report of what will not be begun.
    fn unbegun(&self, hostname: HostName, status: HostStatus) -> Report {
        self.begun.cancel();
        let expired = || {
            let text = format!("`{hostname}` did not begin before the job expired at {:.0}", self.job.expires_at);
            Failure::new(ErrorCode::Timeout, text)
        };
        Report {
            error: (status == HostStatus::Expired).then(expired),
            received_at: Some(self.received_at),
            finished_at: Some(Timestamp::now()),
            ..Report::silent(hostname, status)
        }
    }

    fn may_be_over(&self) -> bool {
        self.waited || Timestamp::now().duration_since(self.job.created_at).unsigned_abs() > FRESH
    }
}

/// A query may be repeated, so its message stays alive until the result is stored.
async fn query<E: Execute>(
    worker: &Worker<E>,
    arrival: &Arrival,
    slot: &Slot<'_>,
    cancel: &CancellationToken,
) -> Verdict {
    if slot.may_be_over() {
        match worker.jobs.last(slot.response()).await {
            Ok(Some(_)) => return Verdict::Acknowledge,
            Ok(None) => {}
            Err(_) => return Verdict::HandBack(Some(PAUSE)),
        }
    }
    if slot.again && !cancel.is_cancelled() {
        match attempts::count(&worker.jobs, slot.job.id, slot.host.clone()).await {
            Ok(count) if count > attempts::MOST => return give_up(worker, slot, count).await,
            Ok(_) => {}
            Err(_) => return Verdict::HandBack(Some(PAUSE)),
        }
    }
    let done = async {
        let report = if cancel.is_cancelled() {
            slot.unbegun(worker.hostname.clone(), HostStatus::Cancelled)
        } else {
            execution::run(worker, slot, cancel).await
        };
        result::store(&worker.jobs, slot.response(), report, &worker.gone).await
    };
    tokio::select! {
        stored = done => if stored { Verdict::Acknowledge } else { Verdict::Leave },
        () = keep_alive(&arrival.message, arrival.ack_wait) => Verdict::Leave,
    }
}

/// A query that brings down whoever takes it ends as a failure, and its message is kept to be looked at.
async fn give_up<E: Execute>(worker: &Worker<E>, slot: &Slot<'_>, count: u32) -> Verdict {
    let reason = format!("begun {count} times, and no worker lived to answer");
    let failure = Failure::failed(reason.clone()).with_hint("look at the workers' logs before you retry");
    let hostname = worker.hostname.clone();
    let report = Report { error: Some(failure), ..slot.unbegun(hostname.clone(), HostStatus::Failed) };
    if !result::store(&worker.jobs, slot.response(), report, &worker.gone).await {
        return Verdict::Leave;
    }
    Verdict::Bury(Letter { reason, job_id: Some(slot.job.id), hostname: Some(hostname) })
}

/// A change runs at most once: the claim decides, and from then on the message has served its purpose.
async fn modify<E: Execute>(
    worker: &Worker<E>,
    arrival: &Arrival,
    slot: &Slot<'_>,
    cancel: &CancellationToken,
) -> Verdict {
    let message = &arrival.message;
    let key = Key::Claim(slot.job.id, slot.host.clone());
    let claimed = tokio::select! {
        claimed = claim::take(&worker.jobs, key, &worker.hostname, worker.instance, slot.job.expires_at) => claimed,
        () = keep_alive(message, arrival.ack_wait) => Claimed::Unknown,
        () = worker.gone.cancelled() => Claimed::Unknown,
    };
    match claimed {
        Claimed::Ours | Claimed::Late => worker.count(|counts| counts.claims_granted += 1),
        Claimed::Taken => worker.count(|counts| counts.claims_refused += 1),
        Claimed::Unknown => {}
    }
    let unbegun = match claimed {
        Claimed::Ours if cancel.is_cancelled() => Some(HostStatus::Cancelled),
        Claimed::Ours => None,
        Claimed::Late => Some(HostStatus::Expired),
        // The claim is the truth about this slot from now on, whoever holds it.
        Claimed::Taken => return Verdict::Acknowledge,
        Claimed::Unknown => return Verdict::HandBack(None),
    };
    settle(worker, arrival);
    if let Err(error) = message.ack().await {
        tracing::debug!(%error, "an acknowledgement did not get through; the claim will tell");
    }
    let _at_work = worker.changes.token();
    let report = match unbegun {
        None => execution::run(worker, slot, cancel).await,
        Some(status) => slot.unbegun(worker.hostname.clone(), status),
    };
    result::store(&worker.jobs, slot.response(), report, &worker.gone).await;
    Verdict::Leave
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

/// A message we cannot read. When it is a job all the same, made by a newer API server, somebody else may be able to; if
/// nobody is, the host says so.
async fn unreadable<E>(worker: &Worker<E>, arrival: &Arrival, error: &serde_json::Error) -> Verdict {
    #[derive(serde::Deserialize)]
    struct Named {
        id: JobId,
        expires_at: Option<Timestamp>,
    }
    let named: Option<Named> = serde_json::from_slice(&arrival.message.payload).ok();
    if let Some(pause) = named.as_ref().and_then(|named| pause_for_others(arrival, named.expires_at?)) {
        return Verdict::HandBack(Some(pause));
    }
    let job_id = named.map(|named| named.id);
    let reason = format!("not a job this worker can read: {error}");
    if let Some(job) = job_id {
        let host = if arrival.lane == Lane::Own { Some(worker.hostname.clone()) } else { None };
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

/// How long to pause before a job for any one worker goes to another, if the submitter knew of one who can, and until it
/// expires. The pause grows, so that those who cannot do not pass it round and round while those who can are busy.
fn pause_for_others(arrival: &Arrival, expires_at: Timestamp) -> Option<Duration> {
    let able = arrival.message.headers.as_ref()?.get(ABLE)?.as_str().parse::<u64>().ok()?;
    let of_others = matches!(arrival.lane, Lane::Any(_)) && able > 0 && Timestamp::now() < expires_at;
    let deliveries = arrival.message.info().map_or(1, |info| info.delivered);
    of_others.then(|| Duration::from_millis(10 * deliveries.unsigned_abs()).min(PAUSE))
}
