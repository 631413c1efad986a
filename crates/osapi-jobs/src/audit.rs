//! The store of the audit trail: a stream to which entries are only ever appended, each in the place its writer names.
//!
//! It chains entries and reads them back; it knows nothing of HTTP and buffers nothing.

mod bulk;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RawMessageErrorKind, RetentionPolicy, StorageType, Stream};
use futures::stream::{BoxStream, StreamExt as _};
use osapi_core::audit::AuditEntry;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::connection::{Connection, chain};
use crate::jobs::ComponentHealth;
use crate::store::{PublishFault, StoreFault, send};

/// How many entries are asked for at once when many are read.
const AT_ONCE: usize = 64;

/// How often in a row a place may be lost to other API servers before the writer is told.
const RACES: u32 = 50;

/// How much of the trail is kept and for how long.
#[derive(Clone, Debug)]
pub struct AuditRetention {
    /// Copies in a cluster, 1 to 5.
    pub replicas: usize,
    /// How long entries are kept.
    pub max_age: Duration,
    /// How many bytes are kept; when full, appending fails until old entries expire.
    pub max_bytes: i64,
}

impl Default for AuditRetention {
    fn default() -> Self {
        Self { replicas: 1, max_age: Duration::from_secs(90 * 86_400), max_bytes: 1 << 30 }
    }
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store has reached its size.
    #[error("the store of the audit trail is full")]
    Full,
    /// The broker is not there or did not answer in time.
    #[error("the store is not reachable: {0}")]
    Unavailable(String),
    /// What is stored is not what was written.
    #[error("the store holds something unreadable at {sequence}: {reason}")]
    Unreadable {
        /// The place.
        sequence: u64,
        /// Why.
        reason: String,
    },
}

/// The bounds of what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditExtent {
    /// Entries kept.
    pub entries: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The oldest kept; 0 when there never was one.
    pub first: u64,
    /// The last ever written; 0 when there never was one.
    pub last: u64,
}

/// The trail. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog {
    connection: Connection,
    config: Config,
    stream: Stream<()>,
    head: Arc<Mutex<Head>>,
}

/// What the next entry is tied to.
#[derive(Debug, Default)]
struct Head {
    /// The last place taken and the hash of what is there; unknown at first and after every fault.
    known: Option<(u64, String)>,
    /// The answer to a write was lost: entries may be there already.
    doubtful: bool,
    /// The last place that this process has written; 0 when it has written nothing.
    reached: u64,
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AuditLog").field("head", &self.head).finish_non_exhaustive()
    }
}

impl From<StoreFault> for StoreError {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Full => Self::Full,
            StoreFault::TooLarge => Self::Unavailable("the broker takes no message of that size".to_owned()),
            StoreFault::Away(reason) => Self::Unavailable(reason),
        }
    }
}

impl AuditLog {
    /// Makes sure of the stream; asking twice changes nothing. Nobody can delete or purge what is in it.
    ///
    /// # Errors
    /// The broker is not reachable or refuses.
    pub async fn open(connection: &Connection, retention: &AuditRetention) -> Result<Self, StoreError> {
        let names = connection.names();
        let config = Config {
            name: names.audit_stream(),
            subjects: vec![names.audit_subjects()],
            max_age: retention.max_age,
            max_bytes: retention.max_bytes,
            num_replicas: retention.replicas,
            storage: StorageType::File,
            retention: RetentionPolicy::Limits,
            discard: DiscardPolicy::New,
            deny_delete: true,
            deny_purge: true,
            ..Config::default()
        };
        let stream = connection.context().get_stream_no_info(names.audit_stream()).await;
        let stream = stream.map_err(|error| StoreError::Unavailable(chain(&error)))?;
        let log = Self { connection: connection.clone(), config, stream, head: Arc::default() };
        let made = connection.context().create_or_update_stream(log.config.clone()).await;
        made.map_err(|error| StoreError::Unavailable(chain(&error)))?;
        Ok(log)
    }

    /// Makes the stream anew where it is gone, and then a new trail begins; one that is there stays as it is, whoever has changed it.
    ///
    /// # Errors
    /// The broker is not reachable or refuses.
    pub async fn make_sure(&self) -> Result<(), StoreError> {
        let stream = self.connection.context().get_or_create_stream(self.config.clone()).await;
        stream.map(drop).map_err(|error| StoreError::Unavailable(chain(&error)))
    }

    /// How the stream does, as the broker says now.
    pub async fn component(&self) -> ComponentHealth {
        let info = if self.is_reachable() {
            self.stream.get_info().await.map_err(|error| chain(&error))
        } else {
            Err("not connected".to_owned())
        };
        ComponentHealth::of_stream(format!("stream:{}", self.connection.names().audit_stream()), info)
    }

    /// Whether the broker is there just now.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.connection.is_connected()
    }

    /// Chains the entries to what is stored and writes them, oldest first; when it returns, they are on disk.
    ///
    /// Several API servers may write: who loses the race for a place chains anew.
    ///
    /// # Errors
    /// The store is full or away. Entries before the one that failed are written; how many is in the error's pair.
    pub async fn append(&self, entries: &[AuditEntry]) -> Result<(), (usize, StoreError)> {
        let mut head = self.head.lock().await;
        let (mut done, mut lost) = (0, 0);
        while lost < RACES {
            let (written, fault) = self.append_from(&mut head, &entries[done..]).await;
            done += written;
            lost = if written > 0 { 0 } else { lost + 1 };
            match fault {
                None => return Ok(()),
                Some(PublishFault::Raced) => head.known = None,
                Some(PublishFault::Store(fault)) => {
                    *head = Head { known: None, doubtful: matches!(fault, StoreFault::Away(_)), reached: head.reached };
                    return Err((done, fault.into()));
                }
            }
        }
        Err((done, StoreError::Unavailable("other API servers took every place".to_owned())))
    }

    /// Sends all entries without waiting for each. Each names its place and, from the second on, the hash of the one
    /// before it, which the broker knows as that message's identity: what follows a lost one is refused, also when
    /// somebody else has meanwhile filled up to its place.
    async fn append_from(&self, head: &mut Head, entries: &[AuditEntry]) -> (usize, Option<PublishFault>) {
        let mut done = 0;
        if head.doubtful {
            match self.count_stored(entries).await {
                Ok(stored) => done = stored,
                Err(fault) => return (0, Some(PublishFault::Store(fault))),
            }
            head.doubtful = false;
        }
        let (mut place, mut hash) = match self.known(head).await {
            Ok(known) => known,
            Err(fault) => return (done, Some(PublishFault::Store(fault))),
        };
        let mut sent = Vec::with_capacity(entries.len());
        for (number, entry) in entries[done..].iter().enumerate() {
            let (next, mut message) = match message(entry, place, &hash) {
                Ok(made) => made,
                Err(error) => return (done, Some(PublishFault::Store(StoreFault::Away(error.to_string())))),
            };
            if number > 0 {
                message = message.expected_last_message_id(&hash);
            }
            let subject = self.connection.names().audit_subject(entry.id);
            sent.push((next.clone(), send(self.connection.context(), &subject, message).await));
            (place, hash) = (place + 1, next);
        }
        for (hash, sent) in sent {
            let stored = match sent {
                Ok(stored) => stored.await,
                Err(fault) => Err(fault),
            };
            match stored {
                Ok(place) => (head.known, head.reached) = (Some((place, hash)), place),
                Err(fault) => return (done, Some(fault)),
            }
            done += 1;
        }
        (done, None)
    }

    /// How many of the entries, from the first on, are there already.
    async fn count_stored(&self, entries: &[AuditEntry]) -> Result<usize, StoreFault> {
        for (number, entry) in entries.iter().enumerate() {
            if self.message(entry.id).await?.is_none() {
                return Ok(number);
            }
        }
        Ok(entries.len())
    }

    async fn known(&self, head: &mut Head) -> Result<(u64, String), StoreFault> {
        if let Some(known) = &head.known {
            return Ok(known.clone());
        }
        let info = self.stream.get_info().await.map_err(|error| StoreFault::Away(chain(&error)))?;
        let last = info.state.last_sequence;
        if last < head.reached {
            let written = head.reached;
            tracing::error!(written, last, "audit entries are gone: the trail was removed or came back without them");
            head.reached = last;
        }
        // Where it expired or somebody else's message is there, the chain begins anew, and a check says so.
        let hash = match self.at(last).await? {
            Some(message) => serde_json::from_slice(&message.payload).map(|entry: AuditEntry| entry.hash).ok(),
            None => None,
        };
        let known = (last, hash.unwrap_or_default());
        head.known = Some(known.clone());
        Ok(known)
    }

    /// What is kept.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn extent(&self) -> Result<AuditExtent, StoreError> {
        let info = self.stream.get_info().await.map_err(|error| StoreError::Unavailable(chain(&error)))?;
        let state = info.state;
        Ok(AuditExtent {
            entries: state.messages,
            bytes: state.bytes,
            first: state.first_sequence,
            last: state.last_sequence,
        })
    }

    /// The entry of that identity.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn get(&self, id: Uuid) -> Result<Option<AuditEntry>, StoreError> {
        self.message(id).await?.map(|message| entry(message.sequence, &message.payload)).transpose()
    }

    /// A few entries from `first` to `last`, oldest first; places that expired are skipped. For many there is
    /// [`AuditLog::read_all`].
    pub fn read(&self, first: u64, last: u64) -> BoxStream<'static, Result<AuditEntry, StoreError>> {
        let log = self.clone();
        // The leader is asked, not a follower, which might not have the newest yet.
        let messages = futures::stream::iter(first.max(1)..=last)
            .map(move |place| {
                let log = log.clone();
                async move { log.at(place).await }
            })
            .buffered(AT_ONCE);
        let entries = messages.filter_map(|message| {
            std::future::ready(match message {
                Ok(message) => message.map(|message| entry(message.sequence, &message.payload)),
                Err(fault) => Some(Err(fault.into())),
            })
        });
        entries.boxed()
    }

    async fn at(&self, place: u64) -> Result<Option<StreamMessage>, StoreFault> {
        if place == 0 { Ok(None) } else { found(self.stream.get_raw_message(place).await) }
    }

    async fn message(&self, id: Uuid) -> Result<Option<StreamMessage>, StoreFault> {
        let subject = self.connection.names().audit_subject(id);
        found(self.stream.get_last_raw_message_by_subject(&subject).await)
    }
}

/// The next entry's hash, and the message that puts it after that place.
fn message(entry: &AuditEntry, place: u64, hash: &str) -> Result<(String, PublishMessage), serde_json::Error> {
    let entry = entry.clone().chained(place + 1, hash.to_owned())?;
    let body = serde_json::to_vec(&entry)?;
    let message = PublishMessage::build().payload(body.into()).message_id(&entry.hash).expected_last_sequence(place);
    Ok((entry.hash, message))
}

type Got = Result<StreamMessage, async_nats::jetstream::stream::RawMessageError>;

fn found(got: Got) -> Result<Option<StreamMessage>, StoreFault> {
    match got {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(StoreFault::Away(chain(&error))),
    }
}

fn entry(sequence: u64, payload: &[u8]) -> Result<AuditEntry, StoreError> {
    let unreadable = |reason: String| StoreError::Unreadable { sequence, reason };
    let entry: AuditEntry = serde_json::from_slice(payload).map_err(|error| unreadable(error.to_string()))?;
    if entry.sequence == sequence { Ok(entry) } else { Err(unreadable(format!("it says it is at {}", entry.sequence))) }
}
