//! What reaches a worker beside its jobs: that one was called off, that it shall take no more. And its heartbeat.
//!
//! A record that is written is also a message that passes by, so a plain subscription hears of it at once and costs the
//! broker no consumer. What passes while the connection is down is read after it is back.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use futures::StreamExt as _;
use osapi_core::JobId;

use super::Worker;
use crate::names::{Key, WorkerKey};
use crate::registry::{Seat, Vitals};
use crate::store::{StoreFault, is_mark};

/// The pause before a failed subscription or write is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps the entry in the registry fresh until the worker leaves.
pub(super) async fn heartbeats<E>(worker: Arc<Worker<E>>, mut seat: Seat, every: Duration) {
    let mut epoch = worker.connection.epoch();
    let mut draining = worker.draining.subscribe();
    let mut beat = tokio::time::interval(every);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = worker.left.cancelled() => break,
            () = worker.gone.cancelled() => return,
            _ = beat.tick() => {}
            Ok(()) = epoch.changed() => {}
            Ok(()) = draining.changed() => {}
        }
        if let Err(fault) = seat.refresh(worker.vitals()).await {
            tracing::debug!(%fault, "the heartbeat did not get through");
        }
    }
    if let Err(fault) = seat.leave(worker.vitals()).await {
        tracing::warn!(%fault, "the registry was not told of the stop");
    }
}

/// Listens to cancellations; `None` when the worker is gone first.
pub(super) async fn listen<E>(worker: &Worker<E>) -> Option<Subscriber> {
    subscribe(worker, &worker.jobs.subject(Key::CANCELLATIONS)).await
}

/// Calls off what is at work when its job is.
pub(super) async fn cancellations<E>(worker: Arc<Worker<E>>, mut heard: Subscriber) {
    let mut epoch = worker.connection.epoch();
    loop {
        tokio::select! {
            () = worker.left.cancelled() => return,
            () = worker.gone.cancelled() => return,
            Some(message) = heard.next() => {
                let job = message.subject.rsplit('.').next().and_then(|token| token.parse::<JobId>().ok());
                if let Some(job) = job && !is_mark(message.headers.as_ref()) {
                    worker.cancel(job);
                }
            }
            Ok(()) = epoch.changed() => {
                for job in worker.at_work() {
                    if let Ok(Some(stored)) = worker.jobs.last(Key::Cancellation(job)).await && !stored.deleted {
                        worker.cancel(job);
                    }
                }
            }
        }
    }
}

/// Follows the operator's wish that the worker take no more jobs, or take them again.
pub(super) async fn draining<E>(worker: Arc<Worker<E>>) {
    let subject = worker.workers.subject(WorkerKey::Draining(worker.hostname.clone()));
    let mut epoch = worker.connection.epoch();
    let Some(mut heard) = subscribe(&worker, &subject).await else { return };
    // What was said between registration and subscription.
    if let Err(fault) = worker.read_draining().await {
        tracing::debug!(%fault, "whether to drain could not be read");
    }
    loop {
        tokio::select! {
            () = worker.left.cancelled() => return,
            () = worker.gone.cancelled() => return,
            Some(message) = heard.next() => worker.set_draining(!is_mark(message.headers.as_ref())),
            Ok(()) = epoch.changed() => {
                if let Err(fault) = worker.read_draining().await {
                    tracing::debug!(%fault, "whether to drain could not be read");
                }
            }
        }
    }
}

/// Subscribes, however often it takes; `None` when the worker is gone first.
async fn subscribe<E>(worker: &Worker<E>, subject: &str) -> Option<Subscriber> {
    loop {
        match worker.connection.client().subscribe(subject.to_owned()).await {
            Ok(subscriber) => return Some(subscriber),
            Err(error) => tracing::warn!(%error, subject, "no subscription"),
        }
        tokio::select! {
            () = worker.gone.cancelled() => return None,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

impl<E> Worker<E> {
    fn vitals(&self) -> Vitals {
        let running = u32::try_from(self.max_jobs.saturating_sub(self.permits.available_permits()));
        Vitals {
            running: running.unwrap_or(u32::MAX),
            draining: *self.draining.borrow(),
            settled: self.position.get(),
            counts: self.counts(),
        }
    }

    /// Reads whether an operator told it to take no more.
    pub(super) async fn read_draining(&self) -> Result<(), StoreFault> {
        let stored = self.workers.nearly_last(WorkerKey::Draining(self.hostname.clone())).await?;
        self.set_draining(stored.is_some_and(|stored| !stored.deleted));
        Ok(())
    }

    fn set_draining(&self, draining: bool) {
        self.draining.send_if_modified(|was| std::mem::replace(was, draining) != draining);
    }
}
