//! Calling jobs off and deleting them. Both close every slot by the same compare-and-set that lets a worker in, so that
//! whoever comes later finds the door shut.

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use osapi_core::{Class, HostName, JobId, Target};

use crate::engine::Engine;
use crate::error::JobsError;
use crate::names::Key;
use crate::records::{Cancellation, Claim, Response};
use crate::registry::away;
use crate::store::{Created, StoreFault};
use crate::submit::idempotency_key;

/// How many slots are closed at once.
const AT_ONCE: usize = 64;

impl Engine {
    /// Calls a job off. One that is over for now may be, too, while a host that is away could still carry it out.
    pub(crate) async fn cancel(&self, id: JobId, by: Option<String>) -> Result<(), JobsError> {
        let detail = self.get(id).await?;
        if detail.status.is_final() && !self.is_over_for_now(id) {
            return Err(JobsError::Conflict(format!("job `{id}` is over: it is `{}`", detail.status)));
        }
        let cancellation = Cancellation { at: Timestamp::now(), by };
        let body = encode(&cancellation)?;
        if let Created::New(revision) = self.jobs.create(Key::Cancellation(id), body.clone()).await.map_err(away)? {
            self.index().apply(Key::Cancellation(id), revision, &body, false);
        }
        self.close(id, &cancellation).await.map_err(away)
    }

    /// Whether the job is over only until a host comes back that is away.
    pub(crate) fn is_over_for_now(&self, id: JobId) -> bool {
        self.index().entry(id).is_some_and(crate::index::entry::Entry::is_over_for_now)
    }

    /// Closes every slot that nobody has entered.
    pub(crate) async fn close(&self, id: JobId, cancellation: &Cancellation) -> Result<(), StoreFault> {
        let Some((class, hosts)) = self.slots(id, true) else { return Ok(()) };
        let body = match class {
            Class::Modify => serde_json::to_vec(&Claim::Void(cancellation.clone())),
            Class::Query => serde_json::to_vec(&Response::Void(cancellation.clone())),
        };
        let body = Bytes::from(body.map_err(|error| StoreFault::Away(error.to_string()))?);
        let closing = stream::iter(hosts).map(|host| {
            let (key, body) = (door(id, class, host), body.clone());
            async move { (key.clone(), self.jobs.create(&key, body).await) }
        });
        let mut closed = closing.buffer_unordered(AT_ONCE);
        while let Some((key, created)) = closed.next().await {
            if let Created::New(revision) = created? {
                self.index().apply(key, revision, &body, false);
            }
        }
        Ok(())
    }

    /// The class of a job and its slots: all of them, or those that nobody has entered.
    fn slots(&self, id: JobId, free: bool) -> Option<(Class, Vec<Option<HostName>>)> {
        let index = self.index();
        let entry = index.entry(id)?;
        let class = entry.class();
        // A query that has begun is told to stop and reports that itself.
        let wanted = |slot: &&crate::index::entry::Slot| {
            !free || (slot.is_free() && (class == Class::Modify || slot.started.is_none()))
        };
        let host =
            |slot: &crate::index::entry::Slot| if entry.target == Target::Any { None } else { slot.host.clone() };
        Some((class, entry.slots.iter().filter(wanted).map(host).collect()))
    }

    /// Removes a job and everything about it.
    ///
    /// The marks of its deletion stay for as long as jobs are kept: a notification that still lies about finds the door
    /// of its slot shut.
    pub(crate) async fn delete(&self, id: JobId) -> Result<(), JobsError> {
        let detail = self.get(id).await?;
        if !detail.status.is_final() {
            let text = format!("job `{id}` is `{}`: cancel it first", detail.status);
            return Err(JobsError::Conflict(text));
        }
        let record = self.jobs.last(Key::Job(id)).await.map_err(away)?;
        let job = record.and_then(|stored| serde_json::from_slice(&stored.body).ok());
        let Some((class, hosts)) = self.slots(id, false) else { return Err(JobsError::NoJob(id)) };
        let shut = stream::iter(hosts).map(|host| self.jobs.delete(door(id, class, host)));
        let shut: Vec<_> = shut.buffer_unordered(AT_ONCE).collect().await;
        shut.into_iter().collect::<Result<Vec<_>, _>>().map_err(away)?;
        let revision = self.jobs.delete(Key::Job(id)).await.map_err(away)?;
        self.index().apply(Key::Job(id), revision, &Bytes::new(), true);
        let mut rest = vec![Key::events_of(id), Key::Cancellation(id).to_string()];
        let of_all_slots = |key: Key| [key.to_string(), format!("{key}.>")];
        rest.extend(match class {
            Class::Modify => of_all_slots(Key::Response(id, None)),
            Class::Query => of_all_slots(Key::Attempts(id, None)),
        });
        rest.extend(job.as_ref().and_then(idempotency_key).map(|key| key.to_string()));
        for pattern in rest {
            self.jobs.erase(pattern).await.map_err(away)?;
        }
        Ok(())
    }
}

/// The key whose creation lets a worker into a slot, or its answer.
const fn door(id: JobId, class: Class, host: Option<HostName>) -> Key {
    match class {
        Class::Modify => Key::Claim(id, host),
        Class::Query => Key::Response(id, host),
    }
}

fn encode(cancellation: &Cancellation) -> Result<Bytes, JobsError> {
    serde_json::to_vec(cancellation).map(Bytes::from).map_err(|error| JobsError::Invalid(error.to_string()))
}
