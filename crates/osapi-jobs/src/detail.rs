//! One job in full: from the index, and from the broker what the index does not hold.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use osapi_core::JobId;
use osapi_core::job::{JobDetail, JobEvent};
use std::sync::Arc;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::error::JobsError;
use crate::index::timeline::{SPAN, Snapshot};
use crate::names::Key;
use crate::registry::away;

/// How long a reader of events waits before it looks whether there are any.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many bodies are fetched at once.
const AT_ONCE: usize = 64;

impl Engine {
    /// One job as it stands.
    pub(crate) async fn get(&self, job: JobId) -> Result<JobDetail, JobsError> {
        let snapshot = self.snapshot(job).await?;
        self.complete(job, snapshot).await
    }

    async fn snapshot(&self, job: JobId) -> Result<Snapshot, JobsError> {
        self.index_is_built()?;
        if let Some(snapshot) = self.index().snapshot(job, None) {
            return Ok(snapshot);
        }
        self.ready_to_serve()?;
        // Another server may have accepted it a moment ago.
        let stored = self.jobs.last(Key::Job(job)).await.map_err(away)?;
        let stored = stored.filter(|stored| !stored.deleted).ok_or(JobsError::NoJob(job))?;
        let mut index = self.index();
        index.apply(Key::Job(job), stored.revision, &stored.body, false);
        index.snapshot(job, None).ok_or(JobsError::NoJob(job))
    }

    async fn complete(&self, job: JobId, mut snapshot: Snapshot) -> Result<JobDetail, JobsError> {
        self.fetch(&mut snapshot).await?;
        snapshot.detail().ok_or(JobsError::NoJob(job))
    }

    async fn fetch(&self, snapshot: &mut Snapshot) -> Result<(), JobsError> {
        let fetched: Vec<_> = stream::iter(snapshot.missing())
            .map(|revision| async move { (revision, self.jobs.at(revision).await) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut bodies: HashMap<u64, Bytes> = HashMap::new();
        for (revision, body) in fetched {
            // What has expired meanwhile is left out.
            bodies.extend(body.map_err(away)?.map(|body| (revision, body)));
        }
        snapshot.bodies.extend(bodies);
        Ok(())
    }

    /// Waits until a job is final.
    pub(crate) async fn wait(&self, job: JobId, patience: Duration) -> Result<JobDetail, JobsError> {
        let deadline = Instant::now() + patience;
        self.snapshot(job).await?;
        loop {
            let watcher = self.index().watch(job);
            let changed = watcher.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let snapshot = {
                let index = self.index();
                let state = index.entry(job).map(crate::index::entry::Entry::state);
                match state {
                    None => return Err(JobsError::NoJob(job)),
                    Some(state) if state.is_final() => index.snapshot(job, None),
                    Some(_) => None,
                }
            };
            if let Some(snapshot) = snapshot {
                return self.complete(job, snapshot).await;
            }
            if tokio::time::timeout_at(deadline, changed).await.is_err() {
                return Err(JobsError::Timeout(job));
            }
        }
    }

    /// What happened to a job after that place, then live until it is final.
    pub(crate) async fn events(
        self: Arc<Self>,
        job: JobId,
        after: u64,
    ) -> Result<BoxStream<'static, JobEvent>, JobsError> {
        self.snapshot(job).await?;
        let tail = Tail { engine: self, job, after, ended: false };
        Ok(stream::unfold(tail, Tail::next).map(stream::iter).flatten().boxed())
    }
}

/// A reader of a job's events.
struct Tail {
    engine: Arc<Engine>,
    job: JobId,
    after: u64,
    ended: bool,
}

impl Tail {
    /// The events since the last time, as soon as there are any; `None` after the job's end.
    async fn next(mut self) -> Option<(Vec<JobEvent>, Self)> {
        loop {
            if self.ended {
                return None;
            }
            let watcher = self.engine.index().watch(self.job);
            let changed = watcher.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let mut snapshot = self.engine.index().snapshot(self.job, Some(self.after / SPAN))?;
            if self.engine.fetch(&mut snapshot).await.is_err() {
                // The broker is away; it will be read as soon as something comes through again.
                let _ = tokio::time::timeout(LOOK_AGAIN, changed).await;
                continue;
            }
            let mut events = snapshot.events(self.after);
            // What this server wrote itself it knows at once; what others wrote before may still be on its way.
            let early = |event: &JobEvent| event.sequence / SPAN > snapshot.read;
            self.ended = snapshot.is_final() && !events.iter().any(early);
            if !self.ended {
                // What follows from a rule may still be overtaken, so it is only told at the end.
                events.retain(|event| event.sequence > 0 && !early(event));
            }
            self.after = events.iter().map(|event| event.sequence).fold(self.after, u64::max);
            if !events.is_empty() {
                return Some((events, self));
            }
            if !self.ended {
                let _ = tokio::time::timeout(LOOK_AGAIN, changed).await;
            }
        }
    }
}
