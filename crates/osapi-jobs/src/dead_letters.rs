//! Messages that could not be jobs or never led to a result: kept with subject, reason and job, to be looked at.

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use osapi_core::job::DeadLetter;
use osapi_core::{HostName, Job, JobId};

use crate::connection::{Connection, chain};
use crate::engine::Engine;
use crate::error::JobsError;
use crate::names::Key;
use crate::registry::away;
use crate::store::{PublishFault, StoreFault, publish};

pub(crate) const SUBJECT: &str = "Osapi-Subject";
pub(crate) const REASON: &str = "Osapi-Reason";
pub(crate) const JOB: &str = "Osapi-Job";
pub(crate) const HOST: &str = "Osapi-Host";

/// Why a message is given up.
pub(crate) struct Letter {
    pub(crate) reason: String,
    pub(crate) job_id: Option<JobId>,
    pub(crate) hostname: Option<HostName>,
}

/// Keeps a message as a dead letter.
pub(crate) async fn bury(connection: &Connection, message: &Message, letter: &Letter) -> Result<(), StoreFault> {
    tracing::warn!(subject = %message.subject, reason = letter.reason, job = ?letter.job_id, "a message is given up");
    let mut headers = HeaderMap::new();
    headers.insert(SUBJECT, message.subject.as_str());
    // A header is one line.
    headers.insert(REASON, letter.reason.replace(['\r', '\n'], " ").as_str());
    if let Some(job) = letter.job_id {
        headers.insert(JOB, job.to_string().as_str());
    }
    if let Some(host) = &letter.hostname {
        headers.insert(HOST, host.as_str());
    }
    let copy = |payload: Bytes| {
        let copy = PublishMessage::build().payload(payload).headers(headers.clone());
        match message.info() {
            // One message is one letter, however many workers it was given to.
            Ok(info) => copy.message_id(format!("{}.{}", info.stream, info.stream_sequence)),
            Err(_) => copy,
        }
    };
    let subject = connection.names().dead_letters_subject();
    let mut kept = publish(connection.context(), &subject, copy(message.payload.clone())).await;
    if matches!(kept, Err(PublishFault::Store(StoreFault::TooLarge))) {
        // With what is said about it, it is larger than the broker takes; its beginning is all that is ever shown.
        let beginning = message.payload.slice(..message.payload.len().min(SHOWN));
        kept = publish(connection.context(), &subject, copy(beginning)).await;
    }
    match kept {
        Ok(_) => Ok(()),
        Err(PublishFault::Store(fault)) => Err(fault),
        Err(PublishFault::Raced) => Err(StoreFault::Away("the broker compared what was not to be compared".to_owned())),
    }
}

/// How many places of the stream are looked at once.
const AT_ONCE: usize = 32;

/// The longest text of a message that is shown.
const SHOWN: usize = 4096;

impl Engine {
    /// Dead letters, newest first.
    pub(crate) async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, JobsError> {
        let stream = self.letters().await?;
        let state = stream.get_info().await.map_err(|error| JobsError::Unavailable(chain(&error)))?.state;
        let places = (state.first_sequence.max(1)..=state.last_sequence).rev();
        let read = stream::iter(places).map(|place| read(&stream, place)).buffered(AT_ONCE);
        let letters: Vec<_> =
            read.filter_map(|letter| async { letter.transpose() }).take(limit.min(1000)).collect().await;
        letters.into_iter().collect()
    }

    /// One dead letter.
    pub(crate) async fn dead_letter(&self, sequence: u64) -> Result<DeadLetter, JobsError> {
        read(&self.letters().await?, sequence).await?.ok_or(JobsError::NoDeadLetter(sequence))
    }

    /// Sends the job that a dead letter names out again, and drops the letter.
    pub(crate) async fn requeue_dead_letter(&self, sequence: u64) -> Result<JobId, JobsError> {
        let letter = self.dead_letter(sequence).await?;
        let nameless = || JobsError::Conflict(format!("dead letter `{sequence}` names no job"));
        let id = letter.job_id.ok_or_else(nameless)?;
        let stored = self.jobs.last(Key::Job(id)).await.map_err(away)?.filter(|stored| !stored.deleted);
        let gone = || JobsError::Conflict(format!("job `{id}` of dead letter `{sequence}` is no longer kept"));
        let job: Job = stored.and_then(|stored| serde_json::from_slice(&stored.body).ok()).ok_or_else(gone)?;
        let detail = self.get(id).await?;
        if detail.status.is_final() || job.expires_at <= Timestamp::now() {
            let text = format!("job `{id}` is over: retry it instead, if it still is to be done");
            return Err(JobsError::Conflict(text));
        }
        self.notify(&job, &format!("{id}.letter.{sequence}")).await.map_err(away)?;
        self.drop_dead_letter(sequence).await?;
        Ok(id)
    }

    /// Drops a dead letter.
    pub(crate) async fn drop_dead_letter(&self, sequence: u64) -> Result<(), JobsError> {
        let stream = self.letters().await?;
        read(&stream, sequence).await?.ok_or(JobsError::NoDeadLetter(sequence))?;
        let deleted = stream.delete_message(sequence).await;
        deleted.map(|_| ()).map_err(|error| JobsError::Unavailable(chain(&error)))
    }

    async fn letters(&self) -> Result<Stream<()>, JobsError> {
        let name = self.connection.names().dead_letters_stream();
        let stream = self.connection.context().get_stream_no_info(name).await;
        stream.map_err(|error| JobsError::Unavailable(chain(&error)))
    }
}

async fn read(stream: &Stream<()>, sequence: u64) -> Result<Option<DeadLetter>, JobsError> {
    match stream.get_raw_message(sequence).await {
        Ok(message) => Ok(Some(letter(&message))),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(JobsError::Unavailable(chain(&error))),
    }
}

fn letter(message: &StreamMessage) -> DeadLetter {
    let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
    let text = String::from_utf8_lossy(&message.payload);
    DeadLetter {
        sequence: message.sequence,
        timestamp: Timestamp::from_nanosecond(message.time.unix_timestamp_nanos()).unwrap_or(Timestamp::UNIX_EPOCH),
        subject: header(SUBJECT).unwrap_or_default(),
        reason: header(REASON).unwrap_or_default(),
        job_id: header(JOB).and_then(|text| text.parse().ok()),
        hostname: header(HOST).and_then(|text| text.parse().ok()),
        payload: text.chars().take(SHOWN).collect(),
    }
}
