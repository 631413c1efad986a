//! The store of the audit trail: a stream to which entries are only ever appended, each in the place its writer names.
//!
//! It chains entries and reads them back; it knows nothing of HTTP and buffers nothing.

use std::time::Duration;

use futures::stream::BoxStream;
use osapi_core::audit::AuditEntry;
use uuid::Uuid;

use crate::connection::Connection;

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
#[derive(Clone, Debug)]
pub struct AuditLog {}

impl AuditLog {
    /// Makes sure of the stream; asking twice changes nothing.
    ///
    /// # Errors
    /// The broker is not reachable or refuses.
    pub async fn open(_connection: &Connection, _retention: &AuditRetention) -> Result<Self, StoreError> {
        Err(unbuilt())
    }

    /// Chains the entries to what is stored and writes them, oldest first; when it returns, they are on disk.
    ///
    /// Several API servers may write: who loses the race for a place chains anew.
    ///
    /// # Errors
    /// The store is full or away. Entries before the one that failed are written; how many is in the error's pair.
    pub async fn append(&self, _entries: &[AuditEntry]) -> Result<(), (usize, StoreError)> {
        Err((0, unbuilt()))
    }

    /// What is kept.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn extent(&self) -> Result<AuditExtent, StoreError> {
        Err(unbuilt())
    }

    /// The entry of that identity.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn get(&self, _id: Uuid) -> Result<Option<AuditEntry>, StoreError> {
        Err(unbuilt())
    }

    /// Entries from `first` to `last`, oldest first; places that expired are skipped.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn read(
        &self,
        _first: u64,
        _last: u64,
    ) -> Result<BoxStream<'static, Result<AuditEntry, StoreError>>, StoreError> {
        Err(unbuilt())
    }
}

fn unbuilt() -> StoreError {
    StoreError::Unavailable("not built yet".to_owned())
}
