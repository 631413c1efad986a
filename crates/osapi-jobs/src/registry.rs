//! A worker's side of the registry: it registers, keeps its entry fresh and leaves. The API server's side is the index.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, PullConsumer, pull};
use jiff::Timestamp;
use osapi_core::worker::Registration;
use osapi_core::{Class, HostName, Target};
use uuid::Uuid;

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
    /// Since when whoever had the place before answered to what.
    known: BTreeMap<String, u64>,
    begin: Begin,
}

/// How a worker does, as its heartbeat tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vitals {
    /// Jobs it has.
    pub(crate) running: u32,
    /// Whether it takes no more.
    pub(crate) draining: bool,
    /// How far it has got in the stream of notifications.
    pub(crate) settled: u64,
    pub(crate) counts: Counts,
}

/// Where a worker begins to read what is meant for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// With what is published from now on: it was never here.
    New,
    /// After that message.
    After(u64),
}

/// Where a worker's consumer really begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beginning {
    /// The message before its first.
    pub(crate) after: u64,
    /// The last that was there.
    pub(crate) last: u64,
}

impl Seat {
    /// Looks up who had the place before; nothing is written yet.
    pub(crate) async fn find(
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
        // A record that does not say how far was written by an older worker: all that is still there is read again.
        let begin = before.as_ref().map_or(Begin::New, |record| Begin::After(record.settled.unwrap_or(0)));
        let known = before.map(|record| record.answers_since).unwrap_or_default();
        let record = record(registration, heartbeat, &targets, &known, revision + 1);
        let told = store.nearly_last(WorkerKey::Draining(record.registration.hostname.clone())).await.map_err(away)?;
        let mut seat = Self { connection: connection.clone(), store, record, since: Since::default(), known, begin };
        seat.record.registration.draining = told.is_some_and(|stored| !stored.deleted);
        Ok(seat)
    }

    /// Where the one who had the place before left off.
    pub(crate) const fn begin(&self) -> Begin {
        self.begin
    }

    /// Registers. The worker's own consumer must be there, after the message `settled`, so that nothing published once
    /// the entry is seen gets past it; what it may hold from before is told apart by [`Seat::since`].
    pub(crate) async fn take(&mut self, settled: u64) -> Result<(), JobsError> {
        self.record.settled = Some(settled);
        let registered = self.write().await.map_err(away)?;
        for (target, since) in &mut self.record.answers_since {
            if !self.known.contains_key(target) {
                *since = registered;
            }
        }
        // The first heartbeat writes it down, so that a restart knows since when.
        self.publish_since();
        Ok(())
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
    pub(crate) async fn refresh(&mut self, vitals: Vitals) -> Result<(), StoreFault> {
        self.record.registration.running = vitals.running;
        self.record.registration.draining = vitals.draining;
        self.record.settled = Some(vitals.settled);
        self.record.counts = vitals.counts;
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
    pub(crate) async fn leave(&mut self, vitals: Vitals) -> Result<(), StoreFault> {
        self.record.stopped = true;
        self.refresh(Vitals { running: 0, ..vitals }).await
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
        settled: None,
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

/// How long the broker keeps a consumer that nobody uses.
const UNUSED: Duration = Duration::from_secs(300);

/// Makes the consumer by which a worker reads what is meant for it. It lives in the broker's memory and goes by itself:
/// how far the worker has got is in the registry.
pub(crate) async fn own_consumer(
    connection: &Connection,
    host: &HostName,
    (targets, ack_wait): (&[Target], Duration),
    begin: Begin,
) -> Result<(PullConsumer, Beginning), ConnectError> {
    let context = connection.patient_context();
    let name = names::own_consumer(host, Uuid::new_v4());
    let failed = |reason: String| ConnectError::Prepare { name: name.clone(), reason };
    let stream = context.get_stream(connection.names().jobs_stream()).await.map_err(|error| failed(chain(&error)))?;
    let last = stream.cached_info().state.last_sequence;
    let config = pull::Config {
        name: Some(name.clone()),
        deliver_policy: match begin {
            Begin::New => DeliverPolicy::New,
            // The stream is another one: the broker lost the one we were in.
            Begin::After(sequence) if sequence > last => DeliverPolicy::All,
            Begin::After(sequence) => DeliverPolicy::ByStartSequence { start_sequence: sequence + 1 },
        },
        memory_storage: true,
        inactive_threshold: UNUSED,
        filter_subjects: targets.iter().map(|target| connection.names().route(target)).collect(),
        ..consumer(ack_wait)
    };
    let made: PullConsumer = stream.create_consumer(config).await.map_err(|error| failed(chain(&error)))?;
    let after = made.cached_info().delivered.stream_sequence;
    Ok((made, Beginning { after, last: last.max(after) }))
}

pub(crate) fn away(fault: StoreFault) -> JobsError {
    match fault {
        StoreFault::Full => JobsError::Full,
        StoreFault::TooLarge => JobsError::Invalid(fault.to_string()),
        StoreFault::Away(reason) => JobsError::Unavailable(reason),
    }
}
