//! What a crash or a late worker leaves to be done: notifications never sent, jobs that waited for somebody to register,
//! cancellations half made. Every API server does it; whoever comes second changes nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use osapi_core::{Job, JobId};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::names::Key;
use crate::store::StoreFault;
use crate::submit::expected;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// How long a submitter may take between record and notification.
const PATIENCE: SignedDuration = SignedDuration::from_secs(3);

/// How far apart the clocks of two API servers may be before a job of one escapes the other's sweep.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// The most jobs in one sweep; the others wait for the next.
const MOST: usize = 500;

/// Looks until `shutdown`.
pub(crate) async fn run(engine: Arc<Engine>, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut swept = None;
    loop {
        tokio::select! { () = shutdown.cancelled() => return, _ = every.tick() => {} }
        engine.index().drop_idle_watchers();
        if engine.fit().is_err() {
            continue;
        }
        let sweep = async {
            swept = orphans(&engine, swept).await;
            wake_dormant(&engine).await;
            finish(&engine).await;
        };
        tokio::select! { () = shutdown.cancelled() => return, () = sweep => {} }
    }
}

/// Sends the notifications of jobs that nobody has taken up some seconds after submission; the broker drops those that
/// had been sent. Returns the job up to which nothing more has to be done.
async fn orphans(engine: &Engine, swept: Option<JobId>) -> Option<JobId> {
    let now = Timestamp::now();
    let ripe = now.saturating_sub(PATIENCE).unwrap_or(now);
    let (jobs, all) = engine.index().unclaimed_between(swept, ripe, MOST);
    let mut done = swept;
    let mut stuck = false;
    for job in jobs {
        // One that cannot be handed out keeps nobody else; the next sweep begins with it.
        stuck |= !engine.announced().contains(&job) && !announce(engine, job).await;
        if !stuck {
            done = Some(job);
        }
    }
    if stuck {
        return done;
    }
    // Clocks differ, so the last while is looked at again and again.
    let settled = crate::index::query::first_id(ripe.saturating_sub(SKEW).unwrap_or(ripe));
    let done = if all { Some(settled) } else { done.map(|done| done.min(settled)) };
    engine.announced().retain(|job| done.is_none_or(|done| *job >= done));
    done
}

/// Whether the job needs no further look.
async fn announce(engine: &Engine, id: JobId) -> bool {
    match record(engine, id).await {
        Ok(Some((_, job))) => match engine.notify(&job, &id.to_string()).await {
            Ok(()) => {
                engine.announced().insert(id);
                true
            }
            Err(fault) => {
                tracing::debug!(job = %id, %fault, "not handed out");
                false
            }
        },
        Ok(None) => true,
        Err(_) => false,
    }
}

async fn record(engine: &Engine, id: JobId) -> Result<Option<(u64, Job)>, StoreFault> {
    let stored = engine.jobs.last(Key::Job(id)).await?.filter(|stored| !stored.deleted);
    Ok(stored.and_then(|stored| Some((stored.revision, serde_json::from_slice(&stored.body).ok()?))))
}

/// Hands out the jobs that waited for a worker, now that one is registered.
async fn wake_dormant(engine: &Engine) {
    let ready = engine.index().dormant_with_a_worker(MOST);
    for id in ready {
        let Ok(Some((revision, mut job))) = record(engine, id).await else { continue };
        if job.registry_revision > 0 {
            continue;
        }
        {
            let index = engine.index();
            job.hosts = expected(&job.target, index.fleet.meant_by(&job.target));
            job.registry_revision = index.fleet.revision;
        }
        let Ok(body) = serde_json::to_vec(&job) else { continue };
        let body = bytes::Bytes::from(body);
        if let Ok(Some(revision)) = engine.jobs.replace(Key::Job(id), body.clone(), revision).await {
            engine.index().apply(Key::Job(id), revision, &body, false);
        }
    }
}

/// Finishes what another server may have begun: notifications of woken jobs, and cancellations.
async fn finish(engine: &Engine) {
    let unfinished = engine.index().take_unfinished(MOST);
    for id in unfinished {
        let cancellation = engine.index().entry(id).and_then(|entry| entry.cancellation.clone());
        let done = match cancellation {
            Some((cancellation, _)) => engine.close(id, &cancellation).await.is_ok(),
            None => announce(engine, id).await,
        };
        if !done {
            engine.index().unfinished(id);
        }
    }
}
