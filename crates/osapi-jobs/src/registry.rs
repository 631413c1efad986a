//! A worker's side of the registry: it registers, keeps its entry fresh and leaves. The API server's side is the index.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer, pull};
use jiff::Timestamp;
use osapi_core::worker::Registration;
use osapi_core::{Class, HostName, Target};

use crate::connection::prepare::consumer;
use crate::connection::{Connection, chain};
use crate::error::{ConnectError, JobsError};
use crate::names::{self, WorkerKey, targets_of};
use crate::records::{Counts, WorkerRecord};
use crate::store::{Store, StoreFault};

/// How many missed heartbeats make a worker lost.
pub(crate) const MISSED: u32 = 3;

/// Since which revision of the registry a worker is meant by messages on each subject of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Since(Arc<Mutex<BTreeMap<String, u64>>>);

impl Since {
    /// Whether a job, whose submitter had read the registry that far, is meant for the worker.
    pub(crate) fn means_us(&self, subject: &str, registry_revision: u64) -> bool {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.get(subject).is_some_and(|since| registry_revision >= *since)
    }

    fn set(&self, since: BTreeMap<String, u64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}

/// A worker's place in the registry.
#[derive(Debug)]
pub(crate) struct Seat {
    connection: Connection,
    store: Store,
    record: WorkerRecord,
    since: Since,
}

impl Seat {
    /// Registers. The worker's own consumer must be there, so that nothing published once the entry is seen gets past
    /// it; what it may hold from before is told apart by [`Seat::since`].
    pub(crate) async fn take(
        connection: &Connection,
        registration: Registration,
        heartbeat: Duration,
    ) -> Result<Self, JobsError> {
        let store = connection.store(&connection.names().worker_bucket()).await.map_err(away)?;
        let key = WorkerKey::Worker(registration.hostname.clone());
        let before = store.nearly_last(&key).await.map_err(away)?.filter(|stored| !stored.deleted);
        let revision = before.as_ref().map_or(0, |stored| stored.revision);
        let before = before.and_then(|stored| serde_json::from_slice::<WorkerRecord>(&stored.body).ok());
        refuse_twin(before.as_ref(), &registration)?;
        let targets = targets_of(&registration.hostname, &registration.labels);
        let known = before.map(|record| record.answers_since).unwrap_or_default();
        let record = record(registration, heartbeat, &targets, &known, revision + 1);
        let told = store.nearly_last(WorkerKey::Draining(record.registration.hostname.clone())).await.map_err(away)?;
        let mut seat = Self { connection: connection.clone(), store, record, since: Since::default() };
        seat.record.registration.draining = told.is_some_and(|stored| !stored.deleted);
        let registered = seat.write().await.map_err(away)?;
        for (target, since) in &mut seat.record.answers_since {
            if !known.contains_key(target) {
                *since = registered;
            }
        }
        // The first heartbeat writes it down, so that a restart knows since when.
        seat.publish_since();
        Ok(seat)
    }

    /// Since when the worker is meant by what; it follows the registry.
    pub(crate) fn since(&self) -> Since {
        self.since.clone()
    }

    fn publish_since(&self) {
        let names = self.connection.names();
        let both = |(target, since): (&String, &u64)| {
            let target: Option<Target> = target.parse().ok();
            let subjects =
                target.map(|target| [Class::Query, Class::Modify].map(|class| names.subject(class, &target)));
            let since = *since;
            subjects.into_iter().flatten().map(move |subject| (subject, since))
        };
        self.since.set(self.record.answers_since.iter().flat_map(both).collect());
    }

    /// Whether an operator had told the worker to take no more jobs.
    pub(crate) const fn draining(&self) -> bool {
        self.record.registration.draining
    }

    /// Says that the worker is there, and how it does.
    pub(crate) async fn refresh(&mut self, running: u32, draining: bool, counts: Counts) -> Result<(), StoreFault> {
        self.record.counts = counts;
        self.record.registration.running = running;
        self.record.registration.draining = draining;
        let revision = self.write().await?;
        if self.record.answers_since.values().any(|since| *since > revision) {
            // Revisions only grow, so this is another registry: the broker lost the one we were in.
            self.record.answers_since.values_mut().for_each(|since| *since = revision);
            self.publish_since();
            tracing::warn!("the registry is a new one: registered again");
        }
        Ok(())
    }

    /// Says that the worker left in good order.
    pub(crate) async fn leave(&mut self, counts: Counts) -> Result<(), StoreFault> {
        self.record.stopped = true;
        self.refresh(0, self.record.registration.draining, counts).await
    }

    async fn write(&mut self) -> Result<u64, StoreFault> {
        self.record.registration.last_seen = Timestamp::now();
        let body = serde_json::to_vec(&self.record).map_err(|error| StoreFault::Away(error.to_string()))?;
        self.store.put(WorkerKey::Worker(self.record.registration.hostname.clone()), body.into()).await
    }
}

fn record(
    mut registration: Registration,
    heartbeat: Duration,
    targets: &[Target],
    known: &BTreeMap<String, u64>,
    at_least: u64,
) -> WorkerRecord {
    registration.registered_at = Timestamp::now();
    let since = |target: &Target| {
        let text = target.to_string();
        let since = known.get(&text).copied().unwrap_or(at_least);
        (text, since)
    };
    WorkerRecord {
        heartbeat_ms: u64::try_from(heartbeat.as_millis()).unwrap_or(u64::MAX),
        stopped: false,
        counts: Counts::default(),
        answers_since: targets.iter().map(since).collect(),
        registration,
    }
}

/// Two machines under one name would take each other's jobs.
fn refuse_twin(before: Option<&WorkerRecord>, registration: &Registration) -> Result<(), JobsError> {
    let Some(before) = before.filter(|before| !before.stopped) else { return Ok(()) };
    let (Some(theirs), Some(ours)) = (&before.registration.machine_id, &registration.machine_id) else {
        return Ok(());
    };
    let silence = Timestamp::now().duration_since(before.registration.last_seen).unsigned_abs();
    if theirs == ours || silence > before.patience() {
        return Ok(());
    }
    Err(JobsError::Conflict(format!(
        "another machine is registered as `{}`: give this one another name in `job.worker.hostname`",
        registration.hostname
    )))
}

/// Makes sure of the worker's own durable consumer: it stays while the worker is off, and begins with what is new.
pub(crate) async fn own_consumer(
    connection: &Connection,
    host: &HostName,
    targets: &[Target],
    ack_wait: Duration,
) -> Result<PullConsumer, ConnectError> {
    let stream = connection.names().jobs_stream();
    let name = names::own_consumer(host);
    let config = pull::Config {
        durable_name: Some(name.clone()),
        deliver_policy: DeliverPolicy::New,
        filter_subjects: targets.iter().map(|target| connection.names().route(target)).collect(),
        ..consumer(ack_wait)
    };
    let made = connection.patient_context().create_consumer_on_stream(config, stream).await;
    made.map_err(|error| ConnectError::Prepare { name, reason: chain(&error) })
}

pub(crate) fn away(fault: StoreFault) -> JobsError {
    match fault {
        StoreFault::Full => JobsError::Full,
        StoreFault::TooLarge => JobsError::Invalid(fault.to_string()),
        StoreFault::Away(reason) => JobsError::Unavailable(reason),
    }
}
