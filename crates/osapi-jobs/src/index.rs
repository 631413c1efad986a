//! All jobs and workers as the API server knows them, fed by the broker and by its own writes.
//!
//! It holds facts and follows the rules of `osapi_core::job_state`; bodies are kept only as far as the cache reaches.
//! It does no I/O: `feed` brings what is stored, `detail` fetches what is not held.

pub(crate) mod bodies;
mod counted;
pub(crate) mod entry;
pub(crate) mod feed;
pub(crate) mod fleet;
pub(crate) mod query;
pub(crate) mod timeline;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use osapi_core::{HostName, Job, JobId, JobState, OperationKind, Target};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::names::Key;
use crate::records::{Claim, Event, Response};
use bodies::Bodies;
use counted::Counted;
use entry::Entry;
use fleet::Fleet;

/// How many facts may wait for their job's record, which nearly always comes before them.
const EARLY: usize = 10_000;

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    jobs: HashMap<JobId, Entry>,
    /// Their identities, which sort by time.
    order: BTreeSet<JobId>,
    by_revision: BTreeMap<u64, JobId>,
    by_status: HashMap<JobState, BTreeSet<JobId>>,
    by_operation: HashMap<OperationKind, BTreeSet<JobId>>,
    by_target: HashMap<Target, BTreeSet<JobId>>,
    counted: Counted,
    by_host: HashMap<HostName, BTreeSet<JobId>>,
    /// Jobs whose state depends on whether a worker is there.
    by_doubtful_host: HashMap<HostName, HashSet<JobId>>,
    /// When the passing of time alone changes something about a job.
    deadlines: BTreeSet<(Timestamp, JobId)>,
    /// Jobs that wait for somebody to register.
    dormant: BTreeSet<JobId>,
    /// Jobs that may have been left half done: woken and perhaps not handed out, or called off.
    unfinished: BTreeSet<JobId>,
    early: HashMap<JobId, Vec<Fact>>,
    early_count: usize,
    watchers: HashMap<JobId, Arc<Notify>>,
    pub(crate) fleet: Fleet,
    pub(crate) bodies: Bodies,
    /// How far the bucket of jobs has been read.
    pub(crate) revision: u64,
}

#[derive(Debug)]
struct Fact {
    key: Key,
    revision: u64,
    body: Bytes,
}

impl Index {
    /// Takes in one message of the bucket of jobs. The same message twice changes nothing.
    pub(crate) fn apply(&mut self, key: Key, revision: u64, body: &Bytes, deleted: bool) {
        let job = match &key {
            Key::Job(job) if deleted => return self.forget(*job),
            Key::Job(job) => return self.accept(*job, revision, body),
            Key::Claim(job, _) | Key::Response(job, _) | Key::Event(job, _, _) | Key::Cancellation(job) => *job,
            Key::Attempts(..) | Key::Idempotency(_) => return,
        };
        if deleted {
            return;
        }
        if matches!(key, Key::Cancellation(_)) {
            self.unfinished.insert(job);
        }
        let fact = Fact { key, revision, body: body.clone() };
        if self.jobs.contains_key(&job) {
            self.change(job, |entry, bodies| learn(entry, bodies, fact));
        } else if self.early_count < EARLY {
            self.early_count += 1;
            self.early.entry(job).or_default().push(fact);
        }
    }

    fn accept(&mut self, id: JobId, revision: u64, body: &Bytes) {
        let Ok(job) = serde_json::from_slice::<Job>(body) else {
            tracing::warn!(%id, revision, "the record of a job cannot be read");
            return;
        };
        self.bodies.keep(revision, body);
        if let Some(known) = self.jobs.get(&id) {
            if known.revision >= revision {
                return;
            }
            self.by_revision.remove(&known.revision);
            self.by_revision.insert(revision, id);
            self.change(id, |entry, _| entry.expect(&job, revision));
            if job.registry_revision > 0 && self.dormant.remove(&id) {
                self.unfinished.insert(id);
            }
            return;
        }
        self.enter(id, Entry::new(&job, revision));
        if let Some(first) = job.retry_of
            && let Some(entry) = self.jobs.get_mut(&first)
        {
            entry.retried_as(id, revision, job.created_at);
        }
        for fact in self.early.remove(&id).unwrap_or_default() {
            self.early_count -= 1;
            self.change(id, |entry, bodies| learn(entry, bodies, fact));
        }
    }

    fn enter(&mut self, id: JobId, entry: Entry) {
        if entry.is_dormant() {
            self.dormant.insert(id);
        }
        self.by_revision.insert(entry.revision, id);
        self.by_operation.entry(entry.kind).or_default().insert(id);
        self.by_target.entry(entry.target.clone()).or_default().insert(id);
        self.by_status.entry(entry.state()).or_default().insert(id);
        self.counted.stands(&entry, entry.state());
        self.order.insert(id);
        self.jobs.insert(id, entry);
        self.change(id, |_, _| {});
    }

    /// Alters an entry, judges it again and brings every list it stands in up to date.
    fn change(&mut self, id: JobId, alter: impl FnOnce(&mut Entry, &mut Bodies)) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        let before = entry.state();
        alter(entry, &mut self.bodies);
        entry.judge(&self.fleet, Timestamp::now());
        let after = entry.state();
        if before != after {
            remove_from(&mut self.by_status, &before, id);
            self.by_status.entry(after).or_default().insert(id);
            self.counted.stood(entry, before);
            self.counted.stands(entry, after);
        }
        for host in entry.take_new_hosts() {
            self.by_host.entry(host).or_default().insert(id);
        }
        let (doubtful, settled) = entry.take_doubts();
        for host in doubtful {
            self.by_doubtful_host.entry(host).or_default().insert(id);
        }
        for host in settled {
            if let Some(jobs) = self.by_doubtful_host.get_mut(&host) {
                jobs.remove(&id);
                if jobs.is_empty() {
                    self.by_doubtful_host.remove(&host);
                }
            }
        }
        let deadline = entry.next_deadline();
        if deadline != entry.deadline {
            if let Some(old) = entry.deadline {
                self.deadlines.remove(&(old, id));
            }
            if let Some(new) = deadline {
                self.deadlines.insert((new, id));
            }
            entry.deadline = deadline;
        }
        if let Some(watcher) = self.watchers.get(&id) {
            watcher.notify_waiters();
        }
    }

    fn forget(&mut self, id: JobId) {
        let Some(entry) = self.jobs.remove(&id) else { return };
        self.order.remove(&id);
        self.dormant.remove(&id);
        self.unfinished.remove(&id);
        self.by_revision.remove(&entry.revision);
        remove_from(&mut self.by_operation, &entry.kind, id);
        remove_from(&mut self.by_target, &entry.target, id);
        remove_from(&mut self.by_status, &entry.state(), id);
        self.counted.stood(&entry, entry.state());
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        for host in entry.hosts() {
            remove_from(&mut self.by_host, host, id);
            if let Some(jobs) = self.by_doubtful_host.get_mut(host) {
                jobs.remove(&id);
                if jobs.is_empty() {
                    self.by_doubtful_host.remove(host);
                }
            }
        }
        if let Some(watcher) = self.watchers.remove(&id) {
            watcher.notify_waiters();
        }
    }

    /// Forgets the jobs whose records the broker no longer keeps: those before its first revision.
    pub(crate) fn forget_before(&mut self, first: u64) {
        let kept = self.by_revision.split_off(&first);
        let gone = std::mem::replace(&mut self.by_revision, kept);
        for job in gone.into_values() {
            self.forget(job);
        }
    }

    /// Starts afresh: what the broker holds is not what was read.
    pub(crate) fn clear(&mut self) {
        let watchers = std::mem::take(&mut self.watchers);
        let fleet = std::mem::take(&mut self.fleet);
        let counted = std::mem::take(&mut self.counted).afresh();
        *self = Self { watchers, fleet, counted, ..Self::default() };
    }

    /// Nothing that was stored before is still to come, so facts without a job belong to none.
    pub(crate) fn caught_up(&mut self) {
        self.early.clear();
        self.early_count = 0;
    }

    /// All that was stored before has been read, of jobs and of workers.
    pub(crate) const fn go_live(&mut self) {
        self.counted.live = true;
    }

    /// Judges again the jobs that depend on whether this worker is there.
    pub(crate) fn presence_changed(&mut self, host: &HostName) {
        let jobs: Vec<JobId> = self.by_doubtful_host.get(host).into_iter().flatten().copied().collect();
        for job in jobs {
            self.change(job, |entry, _| entry.doubt(host));
        }
    }

    /// Lets time pass: heartbeats become overdue, jobs expire.
    pub(crate) fn tick(&mut self, now: Timestamp, instant: Instant, hearing: bool) {
        for host in self.fleet.tick(instant, hearing) {
            self.presence_changed(&host);
        }
        while let Some((deadline, job)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            if let Some(entry) = self.jobs.get_mut(&job) {
                entry.deadline = None;
            }
            self.change(job, |entry, _| entry.doubt_all());
        }
    }

    /// Jobs after `swept` that were accepted before `ripe` and that nobody has taken up, oldest first; and whether these
    /// are all.
    pub(crate) fn unclaimed_between(&self, swept: Option<JobId>, ripe: Timestamp, most: usize) -> (Vec<JobId>, bool) {
        let lower = swept.map_or(Bound::Unbounded, Bound::Excluded);
        let upper = query::first_id(ripe);
        let Some(submitted) = self.by_status.get(&JobState::Submitted) else { return (Vec::new(), true) };
        if swept.is_some_and(|swept| swept >= upper) {
            return (Vec::new(), true);
        }
        let range = submitted.range((lower, Bound::Excluded(upper)));
        let jobs: Vec<JobId> = range.filter(|job| !self.dormant.contains(job)).take(most).copied().collect();
        let all = jobs.len() < most;
        (jobs, all)
    }

    /// Jobs that waited for somebody to register, and for whom somebody has.
    pub(crate) fn dormant_with_a_worker(&mut self, most: usize) -> Vec<JobId> {
        let jobs = &self.jobs;
        self.dormant.retain(|job| jobs.get(job).is_some_and(|entry| !entry.state().is_final()));
        let has_a_worker = |job: &&JobId| self.jobs.get(job).is_some_and(|entry| self.fleet.answers(&entry.target));
        self.dormant.iter().filter(has_a_worker).take(most).copied().collect()
    }

    /// Jobs that may have been left half done.
    pub(crate) fn take_unfinished(&mut self, most: usize) -> Vec<JobId> {
        let jobs: Vec<JobId> = self.unfinished.iter().take(most).copied().collect();
        for job in &jobs {
            self.unfinished.remove(job);
        }
        jobs
    }

    /// A job that was not finished after all.
    pub(crate) fn unfinished(&mut self, job: JobId) {
        self.unfinished.insert(job);
    }

    pub(crate) fn entry(&self, job: JobId) -> Option<&Entry> {
        self.jobs.get(&job)
    }

    /// Is notified of every change of that job.
    pub(crate) fn watch(&mut self, job: JobId) -> Arc<Notify> {
        self.watchers.entry(job).or_default().clone()
    }

    /// Drops the watchers nobody holds any more.
    pub(crate) fn drop_idle_watchers(&mut self) {
        self.watchers.retain(|_, watcher| Arc::strong_count(watcher) > 1);
    }
}

fn remove_from<K: Eq + std::hash::Hash>(sets: &mut HashMap<K, BTreeSet<JobId>>, key: &K, job: JobId) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(&job);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

/// Writes a fact into the entry of its job.
fn learn(entry: &mut Entry, bodies: &mut Bodies, fact: Fact) {
    let Fact { key, revision, body } = fact;
    let read = match key {
        Key::Claim(_, host) => serde_json::from_slice::<Claim>(&body).map(|claim| entry.claimed(host, claim, revision)),
        Key::Response(_, host) => serde_json::from_slice::<Response>(&body).map(|response| {
            entry.responded(host, &response, revision);
            bodies.keep(revision, &body);
        }),
        Key::Event(_, host, _) => serde_json::from_slice::<Event>(&body).map(|event| {
            entry.said(host, &event, revision);
            bodies.keep(revision, &body);
        }),
        Key::Cancellation(_) => {
            serde_json::from_slice(&body).map(|cancellation| entry.called_off(cancellation, revision))
        }
        Key::Job(_) | Key::Attempts(..) | Key::Idempotency(_) => Ok(()),
    };
    if let Err(error) = read {
        tracing::warn!(job = %entry.id, revision, %error, "a record cannot be read");
    }
}
