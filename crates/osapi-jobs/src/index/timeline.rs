//! A job as a caller sees it: its rows and what happened when, put together from facts and stored bodies. Pure.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;
use osapi_core::job::{JobDetail, JobEvent, JobEventKind};
use osapi_core::{ErrorCode, Failure, HostName, HostStatus, Job, JobId, JobState, Report, Target};

use super::Index;
use super::entry::{Answered, Entry, Held, Said, Started};
use crate::records::{Cancellation, Event, Response};

/// How many events one revision may hold; their sequence is the revision times this, plus their place in it.
pub(crate) const SPAN: u64 = 128;

/// The most records of progress in one answer; the stream of events has them all.
const PROGRESS: usize = 1000;

/// What the index knows of a job at one moment.
pub(crate) struct Snapshot {
    pub(crate) revision: u64,
    /// How far the bucket had been read.
    pub(crate) read: u64,
    state: JobState,
    target: Target,
    updated_at: Timestamp,
    expires_at: Timestamp,
    retries: Vec<(JobId, u64, Timestamp)>,
    cancellation: Option<(Cancellation, u64)>,
    rows: Vec<Row>,
    said: Vec<Said>,
    /// Bodies at hand; the others have to be fetched.
    pub(crate) bodies: HashMap<u64, Bytes>,
}

struct Row {
    host: Option<HostName>,
    status: HostStatus,
    claim: Option<Held>,
    started: Option<Started>,
    response: Option<Answered>,
    reason: Option<String>,
}

impl Index {
    /// What is known of a job just now. `after` leaves out the progress up to that revision.
    pub(crate) fn snapshot(&self, job: JobId, after: Option<u64>) -> Option<Snapshot> {
        let entry = self.jobs.get(&job)?;
        let said = match after {
            Some(after) => &entry.events[entry.events.partition_point(|said| said.revision < after)..],
            None => &entry.events[entry.events.len().saturating_sub(PROGRESS)..],
        };
        let mut snapshot = Snapshot {
            revision: entry.revision,
            read: self.revision,
            state: entry.state(),
            target: entry.target.clone(),
            updated_at: entry.updated_at,
            expires_at: entry.expires_at,
            retries: entry.retries.clone(),
            cancellation: entry.cancellation.clone(),
            rows: self.rows(entry),
            said: said.to_vec(),
            bodies: HashMap::new(),
        };
        snapshot.bodies = snapshot.wanted().filter_map(|at| Some((at, self.bodies.get(at)?))).collect();
        Some(snapshot)
    }

    fn rows(&self, entry: &Entry) -> Vec<Row> {
        let row = |slot: &super::entry::Slot| {
            let host = slot.taker().cloned();
            let status = slot.status.unwrap_or(HostStatus::Pending);
            let reason = match (&host, status) {
                (Some(host), HostStatus::Unreachable) => self.fleet.reason(host),
                (Some(host), HostStatus::Interrupted) => slot.claim.as_ref().and_then(|held| {
                    let alive = self.fleet.is_alive(&held.hostname, held.instance);
                    alive.then(|| {
                        format!("worker `{host}` began the change and has not said how it ended, long past its time")
                    })
                }),
                (_, _) => None,
            };
            Row {
                host,
                status,
                claim: slot.claim.as_deref().cloned(),
                started: slot.started.as_deref().cloned(),
                response: slot.response.as_deref().cloned(),
                reason,
            }
        };
        entry.slots.iter().map(row).collect()
    }
}

impl Snapshot {
    pub(crate) const fn is_final(&self) -> bool {
        self.state.is_final()
    }

    fn wanted(&self) -> impl Iterator<Item = u64> {
        let responses = self.rows.iter().filter_map(|row| row.response.as_ref()).map(|answer| answer.revision);
        let said = self.said.iter().map(|said| said.revision);
        std::iter::once(self.revision).chain(responses).chain(said)
    }

    /// The revisions whose bodies are still to be fetched.
    pub(crate) fn missing(&self) -> Vec<u64> {
        self.wanted().filter(|revision| !self.bodies.contains_key(revision)).collect()
    }

    fn job(&self) -> Option<Job> {
        serde_json::from_slice(self.bodies.get(&self.revision)?).ok()
    }

    /// The whole of it; `None` when the job's record is gone.
    pub(crate) fn detail(&self) -> Option<JobDetail> {
        let job = self.job()?;
        let mut results: Vec<Report> = self.rows.iter().filter_map(|row| self.report(row)).collect();
        results.sort_by(|one, other| one.hostname.cmp(&other.hostname));
        Some(JobDetail {
            id: job.id,
            status: self.state,
            operation: job.operation.clone(),
            target: self.target.clone(),
            created_at: job.created_at,
            expires_at: job.expires_at,
            updated_at: self.updated_at,
            submitted_by: job.submitted_by.clone(),
            retry_of: job.retry_of,
            retried_as: self.retries.iter().map(|(job, ..)| *job).collect(),
            timeline: self.timeline(&job),
            results,
        })
    }

    fn reported(&self, row: &Row) -> Option<Report> {
        let body = self.bodies.get(&row.response.as_ref()?.revision)?;
        match serde_json::from_slice(body).ok()? {
            Response::Reported(report) => Some(report),
            Response::Void(_) => None,
        }
    }

    /// The row of a host; none where it is nobody's yet.
    fn report(&self, row: &Row) -> Option<Report> {
        let host = row.host.clone()?;
        if let Some(report) = self.reported(row) {
            return Some(report);
        }
        Some(Report {
            error: self.failure(row, &host),
            received_at: row.claim.as_ref().map(|held| held.at),
            started_at: row.started.as_ref().map(|started| started.at),
            ..Report::silent(host, row.status)
        })
    }

    fn failure(&self, row: &Row, host: &HostName) -> Option<Failure> {
        match row.status {
            HostStatus::Unreachable => {
                let reason = row.reason.clone().unwrap_or_else(|| format!("worker `{host}` is away"));
                let failure = Failure::new(ErrorCode::Unavailable, reason);
                let open = row.claim.is_none() && row.response.is_none() && Timestamp::now() < self.expires_at;
                if !open {
                    return Some(failure);
                }
                let until = self.expires_at;
                Some(failure.with_hint(format!(
                    "it carries the job out if it is back before {until:.0}; cancelling the job prevents that"
                )))
            }
            HostStatus::Interrupted => {
                let gone = || format!("worker `{host}` began the change and is gone; how far it got is not known");
                let reason = row.reason.clone().unwrap_or_else(gone);
                Some(
                    Failure::failed(reason)
                        .with_hint("look at the host before you retry: it is not repeated by itself"),
                )
            }
            HostStatus::Expired => {
                let text = format!("`{host}` did not begin before the job expired at {:.0}", self.expires_at);
                Some(Failure::new(ErrorCode::Timeout, text))
            }
            // The report itself says why, where there is one.
            HostStatus::Pending
            | HostStatus::Acknowledged
            | HostStatus::Running
            | HostStatus::Ok
            | HostStatus::Failed
            | HostStatus::Unsupported
            | HostStatus::Cancelled => None,
        }
    }

    fn timeline(&self, job: &Job) -> Vec<JobEvent> {
        self.events_after(job, 0)
    }

    /// What happened after that place in the stream of events, in the order of the stream; what follows from rules
    /// rather than from a record comes last and has no place.
    pub(crate) fn events(&self, after: u64) -> Vec<JobEvent> {
        self.job().map_or_else(Vec::new, |job| self.events_after(&job, after))
    }

    fn events_after(&self, job: &Job, after: u64) -> Vec<JobEvent> {
        let mut events = vec![event(self.revision * SPAN, job.created_at, JobEventKind::Submitted)];
        for (retry, revision, at) in &self.retries {
            let retried = event(revision * SPAN, *at, JobEventKind::Retried);
            events.push(JobEvent { message: Some(retry.to_string()), ..retried });
        }
        if let Some((cancellation, revision)) = &self.cancellation {
            let by = cancellation.by.as_ref().map(|by| format!("called off by {by}"));
            events.push(JobEvent { message: by, ..event(revision * SPAN, cancellation.at, JobEventKind::Cancelled) });
        }
        for row in &self.rows {
            self.events_of(row, &mut events);
        }
        for said in &self.said {
            self.lines_of(said, &mut events);
        }
        // The record of a job that was handed out late is younger than its first events.
        events.retain(|event| event.sequence == 0 || event.sequence > after);
        events.sort_by_key(|event| if event.sequence == 0 { u64::MAX } else { event.sequence });
        events
    }

    fn events_of(&self, row: &Row, events: &mut Vec<JobEvent>) {
        let Some(host) = &row.host else {
            if row.status == HostStatus::Expired {
                events.push(event(0, self.updated_at, JobEventKind::Expired));
            }
            return;
        };
        let on_host = |event: JobEvent| JobEvent { hostname: Some(host.clone()), ..event };
        if let Some(held) = &row.claim {
            events.push(on_host(event(held.revision * SPAN, held.at, JobEventKind::Acknowledged)));
        }
        if let Some(started) = &row.started {
            events.push(on_host(event(started.revision * SPAN, started.at, JobEventKind::Started)));
        }
        match (&row.response, self.reported(row)) {
            (Some(answer), Some(report)) => {
                let place = answer.revision * SPAN;
                if let (Some(at), None) = (report.received_at, &row.claim) {
                    events.push(on_host(event(place, at, JobEventKind::Acknowledged)));
                }
                if let (Some(at), None) = (report.started_at, &row.started) {
                    events.push(on_host(event(place + 1, at, JobEventKind::Started)));
                }
                let at = report.finished_at.unwrap_or(self.updated_at);
                let end = event(place + 2, at, ending(report.status));
                events.push(on_host(JobEvent { error: report.error, ..end }));
            }
            (_, _) if row.status.is_final() => {
                let end = event(0, self.updated_at, ending(row.status));
                events.push(on_host(JobEvent { error: self.failure(row, host), ..end }));
            }
            (_, _) => {}
        }
    }

    fn lines_of(&self, said: &Said, events: &mut Vec<JobEvent>) {
        let Some(body) = self.bodies.get(&said.revision) else { return };
        let Ok(Event::Progress { lines }) = serde_json::from_slice(body) else { return };
        for (place, line) in (0..).zip(lines) {
            let said_at = event(said.revision * SPAN + place, line.at, JobEventKind::Progress);
            events.push(JobEvent { hostname: Some(said.host.clone()), message: Some(line.text), ..said_at });
        }
    }
}

const fn event(sequence: u64, timestamp: Timestamp, event: JobEventKind) -> JobEvent {
    JobEvent { sequence, timestamp, event, hostname: None, message: None, error: None }
}

const fn ending(status: HostStatus) -> JobEventKind {
    match status {
        HostStatus::Ok => JobEventKind::Completed,
        HostStatus::Cancelled => JobEventKind::Cancelled,
        HostStatus::Expired => JobEventKind::Expired,
        HostStatus::Interrupted => JobEventKind::Interrupted,
        HostStatus::Failed
        | HostStatus::Unsupported
        | HostStatus::Unreachable
        | HostStatus::Pending
        | HostStatus::Acknowledged
        | HostStatus::Running => JobEventKind::Failed,
    }
}
