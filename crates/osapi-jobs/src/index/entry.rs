//! One job in the index: the facts about it and where each of its hosts stands.

use std::mem;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use osapi_core::job::JobSummary;
use osapi_core::job_state::{self, Evidence, Hold, Presence, Tally};
use osapi_core::{Class, HostName, HostStatus, Job, JobId, JobState, OperationKind, Target};
use uuid::Uuid;

use super::fleet::Fleet;
use crate::records::{Cancellation, Claim, Event, Response};

/// Clocks differ and a message takes its way, so a job counts as expired a little later than hosts stop starting it.
const EXPIRY_GRACE: SignedDuration = SignedDuration::from_secs(1);

/// How long past its timeout a report is still to be expected. A change may have to put back what it did: the worker
/// gives it 285 s for that.
const fn end_grace(class: Class) -> Duration {
    match class {
        Class::Query => Duration::from_secs(60),
        Class::Modify => Duration::from_secs(345),
    }
}

/// A job.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: JobId,
    pub(crate) revision: u64,
    pub(crate) kind: OperationKind,
    pub(crate) target: Target,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) submitted_by: Option<String>,
    pub(crate) retries: Vec<(JobId, u64, Timestamp)>,
    /// How far the submitter had read the registry; 0 for a job that waits for somebody to register.
    pub(crate) registry_revision: u64,
    pub(crate) queue: bool,
    /// When the last who could have begun in time is through.
    ends_at: Timestamp,
    /// How long one host may be at it, with all it may take to end.
    work: Duration,
    /// When whoever claimed it so far is through.
    held_until: Timestamp,
    pub(crate) cancellation: Option<(Cancellation, u64)>,
    pub(crate) slots: Vec<Slot>,
    /// By revision.
    pub(crate) events: Vec<Said>,
    tally: Tally,
    /// When time alone changes something; the index keeps it.
    pub(crate) deadline: Option<Timestamp>,
    changes: Changes,
}

/// What the index has to hear of.
#[derive(Debug, Default)]
struct Changes {
    slots: Vec<usize>,
    everything: bool,
    hosts: Vec<HostName>,
    doubtful: Vec<HostName>,
    settled: Vec<HostName>,
}

/// One place in a job for one host's answer. A job for any one worker has one slot, which is nobody's until taken.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) host: Option<HostName>,
    pub(crate) claim: Option<Box<Held>>,
    pub(crate) started: Option<Box<Started>>,
    pub(crate) response: Option<Box<Answered>>,
    pub(crate) status: Option<HostStatus>,
    void: bool,
    /// The host whose presence matters to it.
    doubt: Option<HostName>,
}

/// A claim.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) hostname: HostName,
    pub(crate) instance: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) revision: u64,
}

/// A beginning.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    pub(crate) hostname: HostName,
    pub(crate) at: Timestamp,
    pub(crate) revision: u64,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// Who answered; nobody when it was called off.
    pub(crate) hostname: Option<HostName>,
    pub(crate) status: HostStatus,
    pub(crate) revision: u64,
}

/// A record of progress.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) revision: u64,
    pub(crate) host: HostName,
}

impl Slot {
    /// The host that took it or is meant.
    pub(crate) fn taker(&self) -> Option<&HostName> {
        let answered = self.response.as_ref().and_then(|answer| answer.hostname.as_ref());
        let held = self.claim.as_ref().map(|held| &held.hostname);
        let started = self.started.as_ref().map(|started| &started.hostname);
        self.host.as_ref().or(answered).or(held).or(started)
    }

    /// Whether the right to carry the change out, or to answer, is still free.
    pub(crate) const fn is_free(&self) -> bool {
        self.claim.is_none() && !self.void && self.response.is_none()
    }

    fn hold(&self, fleet: &Fleet) -> Hold {
        match &self.claim {
            Some(held) => Hold::Held { alive: fleet.is_alive(&held.hostname, held.instance) },
            None if self.void => Hold::Void,
            None => Hold::Free,
        }
    }

    /// Whose presence matters: the holder's, or the one's who should take it.
    fn doubted(&self, status: HostStatus) -> Option<&HostName> {
        let settled = match status {
            HostStatus::Pending | HostStatus::Acknowledged | HostStatus::Running | HostStatus::Unreachable => false,
            HostStatus::Ok
            | HostStatus::Failed
            | HostStatus::Unsupported
            | HostStatus::Cancelled
            | HostStatus::Expired
            | HostStatus::Interrupted => true,
        };
        // A report may say `unreachable` or worse, and still be the last word. Lost for long enough is not gone: the
        // same run may be heard of again.
        let lost_run = status == HostStatus::Interrupted;
        if self.response.is_some() || (settled && !lost_run) {
            return None;
        }
        self.claim.as_ref().map(|held| &held.hostname).or_else(|| self.taker())
    }
}

impl Entry {
    pub(crate) fn new(job: &Job, revision: u64) -> Self {
        let expires_at = job.expires_at.saturating_add(EXPIRY_GRACE).unwrap_or(job.expires_at);
        let work = Duration::from_secs(u64::from(job.timeout_seconds)) + end_grace(job.operation.class());
        let mut entry = Self {
            id: job.id,
            revision,
            kind: job.operation.kind(),
            target: job.target.clone(),
            created_at: job.created_at,
            expires_at,
            updated_at: job.created_at,
            submitted_by: job.submitted_by.clone(),
            retries: Vec::new(),
            registry_revision: job.registry_revision,
            queue: job.queue,
            ends_at: expires_at.saturating_add(work).unwrap_or(expires_at),
            work,
            held_until: job.created_at,
            cancellation: None,
            slots: Vec::new(),
            events: Vec::new(),
            tally: Tally::default(),
            deadline: None,
            changes: Changes::default(),
        };
        entry.place(Slot::default());
        entry.expect(job, revision);
        entry
    }

    /// Takes the hosts that must have a row from the job's record, at first or after it was handed out at last.
    pub(crate) fn expect(&mut self, job: &Job, revision: u64) {
        self.revision = revision;
        self.registry_revision = job.registry_revision;
        for host in &job.hosts {
            self.slot(Some(host.clone()));
        }
    }

    fn place(&mut self, slot: Slot) {
        self.tally.add(HostStatus::Pending);
        self.slots.push(Slot { status: Some(HostStatus::Pending), ..slot });
        self.changes.everything = true;
    }

    /// The slot of a host, made where there is none; the changes to it are noted.
    fn slot(&mut self, host: Option<HostName>) -> &mut Slot {
        let at = match host {
            // Whoever takes a job for any one worker fills its one slot.
            Some(_) | None if self.target == Target::Any => 0,
            None => 0,
            Some(host) => self.slot_of(host),
        };
        self.changes.slots.push(at);
        &mut self.slots[at]
    }

    fn slot_of(&mut self, host: HostName) -> usize {
        if self.slots.len() == 1 && self.slots[0].host.is_none() {
            // The place that was kept until the hosts are known.
            self.changes.hosts.push(host.clone());
            self.slots[0].host = Some(host);
            return 0;
        }
        match self.slots.binary_search_by(|slot| slot.host.as_ref().cmp(&Some(&host))) {
            Ok(at) => at,
            Err(at) => {
                self.changes.hosts.push(host.clone());
                self.changes.everything = true;
                self.tally.add(HostStatus::Pending);
                let slot = Slot { host: Some(host), status: Some(HostStatus::Pending), ..Slot::default() };
                self.slots.insert(at, slot);
                at
            }
        }
    }

    pub(crate) fn claimed(&mut self, host: Option<HostName>, claim: Claim, revision: u64) {
        // Its own clock may be off, so the time counts from when we hear of it.
        let until = Timestamp::now().saturating_add(self.work).unwrap_or(self.ends_at);
        self.held_until = self.held_until.max(until.min(self.ends_at));
        let slot = self.slot(host);
        match claim {
            Claim::Held { hostname, instance, attempt: _, at } => {
                slot.claim = Some(Box::new(Held { hostname: hostname.clone(), instance, at, revision }));
                self.touch(at);
                self.note_taker(hostname);
            }
            Claim::Void(cancellation) => {
                slot.void = true;
                self.touch(cancellation.at);
            }
        }
    }

    pub(crate) fn responded(&mut self, host: Option<HostName>, response: &Response, revision: u64) {
        let (hostname, status, at) = match response {
            Response::Reported(report) => (Some(report.hostname.clone()), report.status, report.finished_at),
            Response::Void(cancellation) => (None, HostStatus::Cancelled, Some(cancellation.at)),
        };
        let slot = self.slot(host);
        slot.response = Some(Box::new(Answered { hostname: hostname.clone(), status, revision }));
        if let Some(at) = at {
            self.touch(at);
        }
        if let Some(hostname) = hostname {
            self.note_taker(hostname);
        }
    }

    pub(crate) fn said(&mut self, host: HostName, event: &Event, revision: u64) {
        if let Err(at) = self.events.binary_search_by_key(&revision, |said| said.revision) {
            self.events.insert(at, Said { revision, host: host.clone() });
        }
        match event {
            Event::Started { at, instance: _ } => {
                let slot = self.slot(Some(host.clone()));
                slot.started = Some(Box::new(Started { hostname: host.clone(), at: *at, revision }));
                self.touch(*at);
                self.note_taker(host);
            }
            Event::Progress { lines } => {
                if let Some(line) = lines.last() {
                    self.touch(line.at);
                }
            }
        }
    }

    pub(crate) fn called_off(&mut self, cancellation: Cancellation, revision: u64) {
        self.touch(cancellation.at);
        self.cancellation = Some((cancellation, revision));
        self.doubt_all();
    }

    pub(crate) fn retried_as(&mut self, job: JobId, revision: u64, at: Timestamp) {
        if !self.retries.iter().any(|(known, ..)| *known == job) {
            self.retries.push((job, revision, at));
            self.touch(at);
        }
    }

    /// A job for any one worker has a host from when one takes it.
    fn note_taker(&mut self, host: HostName) {
        if self.target == Target::Any {
            self.changes.hosts.push(host);
        }
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = self.updated_at.max(at);
    }

    /// The slots that depend on this host are to be judged again.
    pub(crate) fn doubt(&mut self, host: &HostName) {
        let doubted = self.slots.iter().enumerate().filter(|(_, slot)| slot.doubt.as_ref() == Some(host));
        let doubted: Vec<usize> = doubted.map(|(at, _)| at).collect();
        self.changes.slots.extend(doubted);
    }

    /// All slots are to be judged again.
    pub(crate) fn doubt_all(&mut self) {
        self.changes.everything = true;
    }

    /// Judges the slots that something changed about.
    pub(crate) fn judge(&mut self, fleet: &Fleet, now: Timestamp) {
        let slots = mem::take(&mut self.changes.slots);
        if mem::take(&mut self.changes.everything) {
            (0..self.slots.len()).for_each(|at| self.judge_slot(at, fleet, now));
        } else {
            slots.into_iter().for_each(|at| self.judge_slot(at, fleet, now));
        }
    }

    fn judge_slot(&mut self, at: usize, fleet: &Fleet, now: Timestamp) {
        let slot = &self.slots[at];
        let status = job_state::of_host(&Evidence {
            reported: slot.response.as_ref().map(|answer| answer.status),
            hold: slot.hold(fleet),
            started: slot.started.is_some(),
            cancelled: self.cancellation.is_some(),
            queue: self.queue,
            // Nobody in particular is missed where nobody in particular is meant.
            presence: slot.taker().map_or(Presence::Present, |host| fleet.presence(host)),
            expires_at: self.expires_at,
            ends_at: if slot.claim.is_some() { self.held_until } else { self.ends_at },
            now,
        });
        // Any other worker may take up the query that the one before left behind.
        let status = match status {
            HostStatus::Unreachable if self.target == Target::Any => HostStatus::Pending,
            other => other,
        };
        let doubt = slot.doubted(status).cloned();
        let slot = &mut self.slots[at];
        let before = slot.status.replace(status);
        if let Some(before) = before {
            self.tally.remove(before);
        }
        self.tally.add(status);
        let old = mem::replace(&mut slot.doubt, doubt.clone());
        if old != doubt {
            self.changes.settled.extend(old);
            self.changes.doubtful.extend(doubt);
        }
        if before != Some(status) && status == HostStatus::Expired {
            self.touch(self.expires_at);
        }
    }

    pub(crate) const fn state(&self) -> JobState {
        self.tally.state()
    }

    pub(crate) fn class(&self) -> Class {
        self.kind.class()
    }

    /// Whether it is over only because hosts are away, which would still carry it out if they came back now.
    pub(crate) fn is_over_for_now(&self) -> bool {
        let waits = |slot: &Slot| slot.status == Some(HostStatus::Unreachable) && slot.is_free();
        self.state().is_final() && Timestamp::now() < self.expires_at && self.slots.iter().any(waits)
    }

    pub(crate) fn take_new_hosts(&mut self) -> Vec<HostName> {
        mem::take(&mut self.changes.hosts)
    }

    /// The hosts whose presence matters to the job from now on, and those whose does no more.
    pub(crate) fn take_doubts(&mut self) -> (Vec<HostName>, Vec<HostName>) {
        (mem::take(&mut self.changes.doubtful), mem::take(&mut self.changes.settled))
    }

    /// When time alone changes something.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let open = |slot: &Slot| slot.doubt.is_some() || slot.status == Some(HostStatus::Pending);
        if !self.slots.iter().any(open) {
            return None;
        }
        let now = Timestamp::now();
        [self.expires_at, self.held_until, self.ends_at].into_iter().filter(|deadline| *deadline > now).min()
    }

    /// Every host it has anything to do with.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &HostName> {
        self.slots.iter().filter_map(Slot::taker)
    }

    /// Whether it waits for somebody to register.
    pub(crate) fn is_dormant(&self) -> bool {
        self.registry_revision == 0 && self.target != Target::Any
    }

    /// Its line in a list.
    pub(crate) fn summary(&self) -> JobSummary {
        let counted = HostStatus::ALL.into_iter().map(|status| (status, self.tally.count(status)));
        JobSummary {
            id: self.id,
            status: self.state(),
            operation: self.kind,
            target: self.target.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            submitted_by: self.submitted_by.clone(),
            hosts: counted.filter(|(_, count)| *count > 0).collect(),
        }
    }
}
