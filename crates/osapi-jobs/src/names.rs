//! Every name on the broker: streams, buckets, consumers, subjects and keys. Nobody else spells one out.

use std::fmt;
use std::str::FromStr;

use osapi_core::target::Label;
use osapi_core::{Class, HostName, JobId, Target};

use uuid::Uuid;

use crate::connection::Namespace;

/// The names of one deployment: subjects begin with `ns.`, streams and buckets with `ns-`.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    subject: String,
    name: String,
}

impl Names {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        let text = namespace.as_str();
        if text.is_empty() {
            return Self { subject: String::new(), name: String::new() };
        }
        Self { subject: format!("{text}."), name: format!("{text}-") }
    }

    /// The stream of notifications: the messages that hand a job to workers.
    pub(crate) fn jobs_stream(&self) -> String {
        format!("{}JOBS", self.name)
    }

    pub(crate) fn jobs_subjects(&self) -> String {
        format!("{}jobs.>", self.subject)
    }

    pub(crate) fn dead_letters_stream(&self) -> String {
        format!("{}JOBS-DLQ", self.name)
    }

    pub(crate) fn dead_letters_subject(&self) -> String {
        format!("{}dead-letters.jobs", self.subject)
    }

    /// The bucket of all there is to know about jobs, in one order.
    pub(crate) fn job_bucket(&self) -> String {
        format!("{}job-queue", self.name)
    }

    /// The bucket of the registry.
    pub(crate) fn worker_bucket(&self) -> String {
        format!("{}worker-registry", self.name)
    }

    /// The stream of the audit trail.
    pub(crate) fn audit_stream(&self) -> String {
        format!("{}AUDIT", self.name)
    }

    pub(crate) fn audit_subjects(&self) -> String {
        format!("{}audit.*", self.subject)
    }

    /// The subject of one entry, by which it is found.
    pub(crate) fn audit_subject(&self, entry: Uuid) -> String {
        format!("{}audit.{entry}", self.subject)
    }

    /// The bucket of revoked tokens.
    pub(crate) fn revocation_bucket(&self) -> String {
        format!("{}token-revocations", self.name)
    }

    /// The subject on which a job is handed out.
    pub(crate) fn subject(&self, class: Class, target: &Target) -> String {
        format!("{}jobs.{}.{}", self.subject, class.as_str(), tail(target))
    }

    /// The filter of the consumer that all workers share.
    pub(crate) fn any_subject(&self, class: Class) -> String {
        self.subject(class, &Target::Any)
    }

    /// The subject, either class, on which a worker takes what is meant by that target.
    pub(crate) fn route(&self, target: &Target) -> String {
        format!("{}jobs.*.{}", self.subject, tail(target))
    }
}

/// The durable consumer that all workers share, one per class.
pub(crate) const fn any_consumer(class: Class) -> &'static str {
    match class {
        Class::Query => "any-query",
        Class::Modify => "any-modify",
    }
}

/// The consumer of one worker; each time it begins to read it makes another.
pub(crate) fn own_consumer(host: &HostName, reading: Uuid) -> String {
    format!("w-{}-{:08x}", token(host), reading.as_fields().0)
}

/// The targets besides `_any` that a worker answers to.
pub(crate) fn targets_of(host: &HostName, labels: &[Label]) -> Vec<Target> {
    let mut targets = vec![Target::All, Target::Host(host.clone())];
    for label in labels.iter().flat_map(Label::prefixes) {
        let target = Target::Label(label);
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

fn tail(target: &Target) -> String {
    match target {
        Target::Any => "_any".to_owned(),
        Target::All => "_all".to_owned(),
        Target::Host(host) => format!("host.{}", token(host)),
        Target::Label(label) => format!("label.{}.{}", label.key(), label.parts().join(".")),
    }
}

/// A host name as one token of a subject, key or consumer name.
///
/// Only the dot has to go, and `=` can be in no host name, so two hosts never share a token.
fn token(host: &HostName) -> String {
    host.as_str().replace('.', "=")
}

fn host_of(token: &str) -> Option<HostName> {
    token.replace('=', ".").parse().ok()
}

/// A key in the bucket of jobs.
///
/// A claim and a response belong to one host, or to the job as a whole when any one worker may take it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// The job as submitted.
    Job(JobId),
    /// Who may carry a change out.
    Claim(JobId, Option<HostName>),
    /// What came of it.
    Response(JobId, Option<HostName>),
    /// A host has begun, or says how it goes; the number tells its events apart.
    Event(JobId, HostName, u64),
    /// How often a query was begun again.
    Attempts(JobId, Option<HostName>),
    /// It was called off.
    Cancellation(JobId),
    /// The job first submitted under an idempotency key, which is here as a digest.
    Idempotency(String),
}

impl Key {
    /// The keys of all cancellations, as a subject below the bucket.
    pub(crate) const CANCELLATIONS: &'static str = "cancellations.*";

    /// The keys of one job, as subjects below the bucket, without those that must stay as markers.
    pub(crate) fn events_of(job: JobId) -> String {
        format!("events.{job}.>")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(job) => write!(formatter, "jobs.{job}"),
            Self::Claim(job, None) => write!(formatter, "claims.{job}"),
            Self::Claim(job, Some(host)) => write!(formatter, "claims.{job}.{}", token(host)),
            Self::Response(job, None) => write!(formatter, "responses.{job}"),
            Self::Response(job, Some(host)) => write!(formatter, "responses.{job}.{}", token(host)),
            Self::Attempts(job, None) => write!(formatter, "attempts.{job}"),
            Self::Attempts(job, Some(host)) => write!(formatter, "attempts.{job}.{}", token(host)),
            Self::Event(job, host, number) => write!(formatter, "events.{job}.{}.{number}", token(host)),
            Self::Cancellation(job) => write!(formatter, "cancellations.{job}"),
            Self::Idempotency(digest) => write!(formatter, "idempotency.{digest}"),
        }
    }
}

/// The text is no key of ours.
#[derive(Debug)]
pub(crate) struct UnknownKey;

impl FromStr for Key {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let mut parts = text.split('.');
        let kind = parts.next().ok_or(UnknownKey)?;
        let name = parts.next().ok_or(UnknownKey)?;
        let rest: Vec<&str> = parts.collect();
        let job = || name.parse::<JobId>().map_err(|_| UnknownKey);
        let host = |token: &str| host_of(token).ok_or(UnknownKey);
        match (kind, rest.as_slice()) {
            ("jobs", []) => Ok(Self::Job(job()?)),
            ("claims", []) => Ok(Self::Claim(job()?, None)),
            ("claims", [at]) => Ok(Self::Claim(job()?, Some(host(at)?))),
            ("responses", []) => Ok(Self::Response(job()?, None)),
            ("responses", [at]) => Ok(Self::Response(job()?, Some(host(at)?))),
            ("attempts", []) => Ok(Self::Attempts(job()?, None)),
            ("attempts", [at]) => Ok(Self::Attempts(job()?, Some(host(at)?))),
            ("events", [at, number]) => Ok(Self::Event(job()?, host(at)?, number.parse().map_err(|_| UnknownKey)?)),
            ("cancellations", []) => Ok(Self::Cancellation(job()?)),
            ("idempotency", []) => Ok(Self::Idempotency(name.to_owned())),
            _ => Err(UnknownKey),
        }
    }
}

/// A key in the bucket of workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WorkerKey {
    /// What a worker says of itself.
    Worker(HostName),
    /// An operator told it to take no more jobs; the key's presence is the message.
    Draining(HostName),
}

impl fmt::Display for WorkerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(host) => write!(formatter, "workers.{}", token(host)),
            Self::Draining(host) => write!(formatter, "draining.{}", token(host)),
        }
    }
}

impl FromStr for WorkerKey {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let (kind, at) = text.split_once('.').ok_or(UnknownKey)?;
        let host = host_of(at).ok_or(UnknownKey)?;
        match kind {
            "workers" => Ok(Self::Worker(host)),
            "draining" => Ok(Self::Draining(host)),
            _ => Err(UnknownKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn host(text: &str) -> HostName {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_that_differ_in_punctuation_stay_distinct() {
        let hosts = ["web-01", "web.01", "web_01", "web01"];
        let names = Names::new(&Namespace::parse("fleet").unwrap());
        let subjects: BTreeSet<_> =
            hosts.iter().map(|name| names.subject(Class::Query, &Target::Host(host(name)))).collect();
        let consumers: BTreeSet<_> = hosts.iter().map(|name| own_consumer(&host(name), Uuid::nil())).collect();
        assert_eq!((subjects.len(), consumers.len()), (4, 4));
        assert!(subjects.iter().all(|subject| subject.split('.').count() == 5), "{subjects:?}");
    }

    #[test]
    fn keys_read_back() {
        let job: JobId = "0199a0c4-0000-7000-8000-000000000001".parse().unwrap();
        for key in [
            Key::Job(job),
            Key::Claim(job, None),
            Key::Claim(job, Some(host("web.01"))),
            Key::Response(job, None),
            Key::Response(job, Some(host("web_01"))),
            Key::Event(job, host("web-01"), 17),
            Key::Attempts(job, None),
            Key::Attempts(job, Some(host("web.01"))),
            Key::Cancellation(job),
            Key::Idempotency("abc".to_owned()),
        ] {
            assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        }
        for key in [WorkerKey::Worker(host("a.b")), WorkerKey::Draining(host("a-b"))] {
            assert_eq!(key.to_string().parse::<WorkerKey>().unwrap(), key);
        }
        for bad in ["", "jobs", "jobs.x", "other.0199a0c4-0000-7000-8000-000000000001", "jobs.a.b.c.d"] {
            assert!(bad.parse::<Key>().is_err(), "`{bad}` was read");
        }
    }

    #[test]
    fn names_are_those_of_the_seed() {
        let plain = Names::new(&Namespace::default());
        let spaced = Names::new(&Namespace::parse("osapi").unwrap());
        let label = Target::Label("group:web.dev".parse().unwrap());
        assert_eq!(plain.jobs_stream(), "JOBS");
        assert_eq!(spaced.jobs_stream(), "osapi-JOBS");
        assert_eq!(spaced.job_bucket(), "osapi-job-queue");
        assert_eq!(plain.subject(Class::Modify, &label), "jobs.modify.label.group.web.dev");
        assert_eq!(spaced.subject(Class::Query, &Target::Any), "osapi.jobs.query._any");
        assert_eq!(spaced.route(&Target::All), "osapi.jobs.*._all");
    }
}
