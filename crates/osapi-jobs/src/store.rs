//! One bucket: create by compare-and-set, read back, mark as deleted. Every write that returned is on the broker's disk.

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, RawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// How often a write whose answer was lost is tried again before the caller is told.
const ATTEMPTS: u32 = 4;

/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a write or a read did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreFault {
    /// The stream has reached its size and takes nothing more.
    #[error("the store is full")]
    Full,
    /// The message is larger than the broker takes.
    #[error("the message is larger than the broker takes")]
    TooLarge,
    /// The broker is away, or did not answer in time: it may have happened all the same.
    #[error("{0}")]
    Away(String),
}

/// What became of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is there now, in this revision.
    New(u64),
    /// Something else was there already, or had been and was deleted.
    Exists,
}

/// Something stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) revision: u64,
    pub(crate) body: Bytes,
    /// Only the mark of a deletion is left.
    pub(crate) deleted: bool,
}

/// A bucket. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    context: Context,
    stream: Stream<()>,
    prefix: String,
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Store").field(&self.prefix).finish()
    }
}

impl Store {
    /// The bucket of that name; nothing is asked of the broker.
    pub(crate) async fn of(context: &Context, bucket: &str) -> Result<Self, StoreFault> {
        let stream =
            context.get_stream_no_info(stream_of(bucket)).await.map_err(|error| StoreFault::Away(error.to_string()))?;
        Ok(Self { context: context.clone(), stream, prefix: format!("$KV.{bucket}.") })
    }

    /// The subject of a key, or of a pattern of keys.
    pub(crate) fn subject(&self, key: impl fmt::Display) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Writes if nothing ever was under the key.
    ///
    /// An answer may get lost and the write be repeated, so the body must be one that nobody else would write.
    pub(crate) async fn create(&self, key: impl fmt::Display, body: Bytes) -> Result<Created, StoreFault> {
        let subject = self.subject(key);
        let mut pause = PAUSE;
        loop {
            let message = PublishMessage::build().payload(body.clone()).expected_last_subject_sequence(0);
            let fault = match publish(&self.context, &subject, message).await {
                Ok(revision) => return Ok(Created::New(revision)),
                Err(PublishFault::Raced) => return self.whose(&subject, &body).await,
                Err(PublishFault::Store(fault)) => fault,
            };
            if !matches!(fault, StoreFault::Away(_)) || pause > PAUSE * 2_u32.pow(ATTEMPTS - 2) {
                return Err(fault);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn whose(&self, subject: &str, body: &Bytes) -> Result<Created, StoreFault> {
        match self.last_on(subject).await? {
            Some(stored) if stored.body == *body && !stored.deleted => Ok(Created::New(stored.revision)),
            Some(_) | None => Ok(Created::Exists),
        }
    }

    /// Writes, whatever was there.
    pub(crate) async fn put(&self, key: impl fmt::Display, body: Bytes) -> Result<u64, StoreFault> {
        self.write(key, PublishMessage::build().payload(body)).await
    }

    /// Writes if the key still is in this revision; `None` when it is not.
    pub(crate) async fn replace(
        &self,
        key: impl fmt::Display,
        body: Bytes,
        revision: u64,
    ) -> Result<Option<u64>, StoreFault> {
        self.write_at(key, PublishMessage::build().payload(body), revision).await
    }

    /// Leaves a mark in place of what is there if the key still is in this revision; `None` when it is not.
    pub(crate) async fn delete_at(&self, key: impl fmt::Display, revision: u64) -> Result<Option<u64>, StoreFault> {
        self.write_at(key, mark(), revision).await
    }

    async fn write_at(
        &self,
        key: impl fmt::Display,
        message: PublishMessage,
        revision: u64,
    ) -> Result<Option<u64>, StoreFault> {
        let message = message.expected_last_subject_sequence(revision);
        match publish(&self.context, &self.subject(key), message).await {
            Ok(revision) => Ok(Some(revision)),
            Err(PublishFault::Raced) => Ok(None),
            Err(PublishFault::Store(fault)) => Err(fault),
        }
    }

    /// Leaves a mark in place of whatever was there, or was not: nobody can create under the key any more.
    pub(crate) async fn delete(&self, key: impl fmt::Display) -> Result<u64, StoreFault> {
        self.write(key, mark()).await
    }

    async fn write(&self, key: impl fmt::Display, message: PublishMessage) -> Result<u64, StoreFault> {
        publish(&self.context, &self.subject(key), message).await.map_err(|fault| match fault {
            PublishFault::Store(fault) => fault,
            PublishFault::Raced => StoreFault::Away("the broker compared what was not to be compared".to_owned()),
        })
    }

    /// Removes every message whose key matches, without leaving marks.
    pub(crate) async fn erase(&self, pattern: impl fmt::Display) -> Result<(), StoreFault> {
        let purged = self.stream.purge().filter(self.subject(pattern)).await;
        purged.map(|_| ()).map_err(|error| StoreFault::Away(error.to_string()))
    }

    /// The newest under a key, from the leader: what was written before is seen.
    pub(crate) async fn last(&self, key: impl fmt::Display) -> Result<Option<Stored>, StoreFault> {
        self.last_on(&self.subject(key)).await
    }

    /// The newest under a key as any replica has it: cheap, and perhaps a moment old.
    pub(crate) async fn nearly_last(&self, key: impl fmt::Display) -> Result<Option<Stored>, StoreFault> {
        self.nearly_last_on(self.subject(key)).await
    }

    async fn nearly_last_on(&self, subject: String) -> Result<Option<Stored>, StoreFault> {
        match self.stream.direct_get_last_for_subject(subject).await {
            Ok(message) => Ok(Some(Stored {
                revision: message.sequence,
                deleted: is_mark(Some(&message.headers)),
                body: message.payload,
            })),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreFault::Away(error.to_string())),
        }
    }

    async fn last_on(&self, subject: &str) -> Result<Option<Stored>, StoreFault> {
        let server = self.context.client().server_info();
        if server.cluster.is_none() && server.domain.is_none() {
            // It has no replica that could be behind.
            return self.nearly_last_on(subject.to_owned()).await;
        }
        match self.stream.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(Some(Stored {
                revision: message.sequence,
                deleted: is_mark(Some(&message.headers)),
                body: message.payload,
            })),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(StoreFault::Away(error.to_string())),
        }
    }

    /// What was written in that revision; it may come from a follower.
    pub(crate) async fn at(&self, revision: u64) -> Result<Option<Bytes>, StoreFault> {
        match self.stream.direct_get(revision).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreFault::Away(error.to_string())),
        }
    }
}

const OPERATION: &str = "KV-Operation";

fn mark() -> PublishMessage {
    PublishMessage::build().header(OPERATION, "PURGE").header("Nats-Rollup", "sub")
}

/// The stream below a bucket.
pub(crate) fn stream_of(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// Whether a message only marks that something was deleted.
pub(crate) fn is_mark(headers: Option<&async_nats::HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(OPERATION).is_some())
}

/// Why a message was not stored.
pub(crate) enum PublishFault {
    /// What the message was to be compared with is different.
    Raced,
    /// The rest.
    Store(StoreFault),
}

/// Stores a message and returns its sequence.
pub(crate) async fn publish(context: &Context, subject: &str, message: PublishMessage) -> Result<u64, PublishFault> {
    send(context, subject, message).await?.await
}

/// Sends a message; what is returned waits until it is stored and gives its sequence.
pub(crate) async fn send(
    context: &Context,
    subject: &str,
    message: PublishMessage,
) -> Result<impl Future<Output = Result<u64, PublishFault>> + use<>, PublishFault> {
    let sent = context.send_publish(subject.to_owned(), message).await.map_err(|error| fault(&error))?;
    Ok(async { sent.await.map(|ack| ack.sequence).map_err(|error| fault(&error)) })
}

fn fault(error: &PublishError) -> PublishFault {
    match error.kind() {
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => PublishFault::Raced,
        PublishErrorKind::MaxPayloadExceeded => PublishFault::Store(StoreFault::TooLarge),
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::Other => PublishFault::Store(of_broker(error)),
    }
}

fn of_broker(error: &PublishError) -> StoreFault {
    use std::error::Error as _;
    let answer = error.source().and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    match answer.map(async_nats::jetstream::Error::error_code) {
        Some(ErrorCode::STREAM_STORE_FAILED | ErrorCode::STORAGE_RESOURCES_EXCEEDED) => StoreFault::Full,
        Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => StoreFault::TooLarge,
        Some(_) | None => StoreFault::Away(error.to_string()),
    }
}
