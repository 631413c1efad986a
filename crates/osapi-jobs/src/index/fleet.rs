//! The workers as the registry tells: who is there, who is meant by a target, who has gone missing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use osapi_core::job_state::Presence;
use osapi_core::worker::{Worker, WorkerState};
use osapi_core::{HostName, OperationKind, Target};
use tokio::time::Instant;
use uuid::Uuid;

use crate::connection::REJOIN;
use crate::records::{Counts, WorkerRecord};
use crate::registry::MISSED;

/// The workers.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    members: BTreeMap<HostName, Member>,
    /// Since when heartbeats can be heard; before that, silence means nothing.
    listening_since: Option<Instant>,
    /// Whether we listened before that, and so the workers were cut off as we were.
    cut_off: bool,
    /// How far the registry has been read.
    pub(crate) revision: u64,
    /// What the workers counted since this server reads the registry.
    pub(crate) counts: Counts,
}

#[derive(Debug)]
struct Member {
    record: Option<WorkerRecord>,
    /// The revision of its record.
    revision: u64,
    /// An operator told it to take no more.
    draining: bool,
    /// When its last heartbeat was heard.
    seen: Instant,
    lost: bool,
}

impl Fleet {
    /// A worker says something of itself. Returns whether anything that jobs depend on is different now.
    pub(crate) fn heard(&mut self, host: &HostName, record: WorkerRecord, at: Instant, revision: u64) -> bool {
        self.revision = self.revision.max(revision);
        let before = self.standing(host);
        self.count(host, &record);
        let member = self.member(host, at);
        member.record = Some(record);
        member.revision = revision;
        member.seen = at;
        member.lost = false;
        before != self.standing(host)
    }

    /// Adds what a worker counted since it was last heard of. A run begins at nothing when it registers, so what one has
    /// that is new to us was counted before we listened.
    fn count(&mut self, host: &HostName, record: &WorkerRecord) {
        let known = self.members.get(host).and_then(|member| member.record.as_ref());
        let Some(before) = known.filter(|known| known.registration.instance == record.registration.instance) else {
            return;
        };
        let (before, now) = (before.counts, record.counts);
        self.counts.claims_granted += now.claims_granted.saturating_sub(before.claims_granted);
        self.counts.claims_refused += now.claims_refused.saturating_sub(before.claims_refused);
        self.counts.redeliveries += now.redeliveries.saturating_sub(before.redeliveries);
    }

    /// A worker was told to take no more jobs, or to take them again.
    pub(crate) fn told(&mut self, host: &HostName, draining: bool, at: Instant, revision: u64) -> bool {
        self.revision = self.revision.max(revision);
        let before = self.standing(host);
        self.member(host, at).draining = draining;
        self.drop_if_empty(host);
        before != self.standing(host)
    }

    /// A worker was forgotten.
    pub(crate) fn forgotten(&mut self, host: &HostName, revision: u64) -> bool {
        self.revision = self.revision.max(revision);
        if let Some(member) = self.members.get_mut(host) {
            member.record = None;
        }
        self.drop_if_empty(host);
        true
    }

    /// Starts afresh: what the broker holds is not what was read. Workers say themselves that they are there.
    pub(crate) fn clear(&mut self) {
        self.members.clear();
        self.revision = 0;
    }

    fn member(&mut self, host: &HostName, at: Instant) -> &mut Member {
        self.members.entry(host.clone()).or_insert(Member {
            record: None,
            revision: 0,
            draining: false,
            seen: at,
            lost: false,
        })
    }

    fn drop_if_empty(&mut self, host: &HostName) {
        if self.members.get(host).is_some_and(|member| member.record.is_none() && !member.draining) {
            self.members.remove(host);
        }
    }

    /// Lets time pass and returns the workers that became lost.
    pub(crate) fn tick(&mut self, now: Instant, hearing: bool) -> Vec<HostName> {
        if !hearing {
            self.cut_off |= self.listening_since.take().is_some();
            return Vec::new();
        }
        let since = *self.listening_since.get_or_insert(now);
        let since = if self.cut_off { since + REJOIN } else { since };
        let mut lost = Vec::new();
        for (host, member) in &mut self.members {
            let Some(record) = &member.record else { continue };
            let silence = now.saturating_duration_since(member.seen.max(since));
            if !member.lost && !record.stopped && silence > record.patience() {
                member.lost = true;
                lost.push(host.clone());
            }
        }
        lost
    }

    fn standing(&self, host: &HostName) -> (Option<Uuid>, Presence) {
        let presence = match self.presence(host) {
            // Every heartbeat moves it; what counts is on which side of an expiry it is, which is judged when asked.
            Presence::Away { .. } => Presence::Away { last_seen: Timestamp::UNIX_EPOCH },
            other @ (Presence::Present | Presence::Draining | Presence::Unregistered) => other,
        };
        (self.instance(host), presence)
    }

    /// Where a worker is.
    pub(crate) fn presence(&self, host: &HostName) -> Presence {
        let Some(member) = self.members.get(host) else { return Presence::Unregistered };
        let Some(record) = &member.record else { return Presence::Unregistered };
        if record.stopped || member.lost {
            Presence::Away { last_seen: record.registration.last_seen }
        } else if member.draining {
            Presence::Draining
        } else {
            Presence::Present
        }
    }

    fn instance(&self, host: &HostName) -> Option<Uuid> {
        self.members.get(host)?.record.as_ref().map(|record| record.registration.instance)
    }

    /// The revision in which a worker's record was last read.
    pub(crate) fn revision_of(&self, host: &HostName) -> Option<u64> {
        self.members.get(host).map(|member| member.revision)
    }

    /// Whether that very run of a worker is still there.
    pub(crate) fn is_alive(&self, host: &HostName, instance: Uuid) -> bool {
        let there = matches!(self.presence(host), Presence::Present | Presence::Draining);
        there && self.instance(host) == Some(instance)
    }

    /// The workers meant by a target, whether they are there or not; for `_any` those that would take the job.
    pub(crate) fn meant_by(&self, target: &Target) -> Vec<HostName> {
        self.meant(target).cloned().collect()
    }

    /// Whether anybody is meant by a target.
    pub(crate) fn answers(&self, target: &Target) -> bool {
        self.meant(target).next().is_some()
    }

    /// How many workers that take jobs say that they can carry that out.
    pub(crate) fn able_to(&self, operation: OperationKind) -> usize {
        let there = self.members.iter().filter(|(host, _)| self.presence(host) == Presence::Present);
        let records = there.filter_map(|(_, member)| member.record.as_ref());
        records.filter(|record| record.registration.capabilities.contains(&operation)).count()
    }

    fn meant(&self, target: &Target) -> impl Iterator<Item = &HostName> {
        let registered = self.members.iter().filter_map(|(host, member)| Some((host, member.record.as_ref()?)));
        let meant = registered.filter(move |(host, record)| match target {
            Target::Any => self.presence(host) == Presence::Present,
            Target::All => true,
            Target::Host(wanted) => *host == wanted,
            Target::Label(wanted) => record.registration.labels.iter().any(|label| label.answers_to(wanted)),
        });
        meant.map(|(host, _)| host)
    }

    /// Why a worker does not take a job, in words.
    pub(crate) fn reason(&self, host: &HostName) -> Option<String> {
        let Some(record) = self.members.get(host).and_then(|member| member.record.as_ref()) else {
            return Some(format!("no worker `{host}` is registered"));
        };
        let last_seen = record.registration.last_seen;
        match self.presence(host) {
            Presence::Present => None,
            Presence::Draining => Some(format!("worker `{host}` takes no more jobs until it is resumed")),
            Presence::Unregistered => Some(format!("no worker `{host}` is registered")),
            Presence::Away { .. } if record.stopped => Some(format!("worker `{host}` stopped at {last_seen:.0}")),
            Presence::Away { .. } => Some(format!("worker `{host}` was last heard of at {last_seen:.0}")),
        }
    }

    /// The workers, sorted by name.
    pub(crate) fn workers(&self) -> Vec<Worker> {
        self.members.keys().filter_map(|host| self.worker(host)).collect()
    }

    /// One worker.
    pub(crate) fn worker(&self, host: &HostName) -> Option<Worker> {
        let member = self.members.get(host)?;
        let record = member.record.as_ref()?;
        let registration = record.registration.clone();
        let state = match self.presence(host) {
            Presence::Present => WorkerState::Ready,
            Presence::Draining => WorkerState::Draining,
            Presence::Away { .. } if record.stopped => WorkerState::Stopped,
            Presence::Away { .. } | Presence::Unregistered => WorkerState::Lost,
        };
        Some(Worker {
            hostname: registration.hostname,
            state,
            reason: self.reason(host),
            labels: registration.labels,
            version: registration.version,
            capabilities: registration.capabilities,
            max_jobs: registration.max_jobs,
            running: registration.running,
            registered_at: registration.registered_at,
            last_seen: registration.last_seen,
            machine_id: registration.machine_id,
            os: registration.os,
        })
    }
}

impl WorkerRecord {
    /// How long it may be silent before it counts as lost.
    pub(crate) fn patience(&self) -> Duration {
        // Half a beat more, for the way.
        Duration::from_millis(self.heartbeat_ms.saturating_mul(u64::from(MISSED) * 2 + 1) / 2)
    }
}
