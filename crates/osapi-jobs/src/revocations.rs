//! The list of revoked tokens: a bucket all API servers share, held in memory by each and fed by the broker.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_nats::jetstream::kv::{self, Operation};
use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use futures::StreamExt as _;
use osapi_core::api::Revocation;
use tokio_util::sync::CancellationToken;

use crate::audit::StoreError;
use crate::connection::prepare::bucket;
use crate::connection::{Connection, chain};

/// How long a reading of the whole list may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause before following again after a fault.
const PAUSE: Duration = Duration::from_secs(1);

/// The most bytes of the list; some two million tokens.
const MAX_BYTES: i64 = 64 << 20;

/// The list. Cheap to clone; asking it costs no I/O.
#[derive(Clone, Debug)]
pub struct Revocations {
    connection: Connection,
    config: Config,
    store: kv::Store,
    known: Arc<RwLock<HashMap<String, Revocation>>>,
}

impl Revocations {
    /// Makes sure of the bucket and reads it. [`Revocations::follow`] keeps it up to date.
    ///
    /// # Errors
    /// The broker is not reachable or refuses.
    pub async fn open(connection: &Connection, replicas: usize) -> Result<Self, StoreError> {
        let away = |reason: String| StoreError::Unavailable(reason);
        let base = Config {
            num_replicas: replicas,
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            max_bytes: MAX_BYTES,
            ..Config::default()
        };
        let name = connection.names().revocation_bucket();
        let config = bucket(&name, base);
        let made = connection.context().create_or_update_stream(config.clone()).await;
        made.map_err(|error| away(chain(&error)))?;
        let store = connection.context().get_key_value(name).await.map_err(|error| away(chain(&error)))?;
        let revocations = Self { connection: connection.clone(), config, store, known: Arc::default() };
        revocations.read().await?;
        Ok(revocations)
    }

    /// Follows the list until `shutdown`. While the broker is away, what is known goes on counting; one that comes back
    /// without the list, or with a part of it, is told the rest.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let following = async {
            loop {
                self.connection.connected().await;
                // A watch goes on after the last entry it saw, which says nothing where the bucket is another one.
                let mut renewed = self.connection.epoch();
                if let Err(error) = self.put_back().await {
                    tracing::warn!(%error, "it is not sure that the broker has the list of revoked tokens");
                }
                let followed = tokio::select! {
                    followed = self.take_in(false) => followed.map(drop),
                    _ = renewed.changed() => Ok(()),
                };
                if let Err(error) = followed {
                    tracing::warn!(%error, "the list of revoked tokens is not followed just now");
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        shutdown.run_until_cancelled(following).await;
    }

    /// Whether the token of that identity is revoked.
    #[must_use]
    pub fn contains(&self, token_id: &str) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains_key(token_id)
    }

    /// All of them, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Revocation> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Revocation> = known.values().cloned().collect();
        all.sort_by(|one, other| other.revoked_at.cmp(&one.revoked_at).then_with(|| one.token_id.cmp(&other.token_id)));
        all
    }

    /// Revokes a token; when this returns, it is on disk and this server refuses the token. Asking twice keeps the first.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn revoke(&self, revocation: Revocation) -> Result<Revocation, StoreError> {
        let away = |reason: String| StoreError::Unavailable(reason);
        let body = serde_json::to_vec(&revocation).map_err(|error| away(error.to_string()))?;
        let revoked = match self.store.create(key(&revocation.token_id), body.into()).await {
            Ok(_) => revocation,
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => {
                let first = self.store.get(key(&revocation.token_id)).await.map_err(|error| away(chain(&error)))?;
                first.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or(revocation)
            }
            Err(error) => return Err(away(chain(&error))),
        };
        self.learn(revoked.clone());
        Ok(revoked)
    }

    /// Makes sure of the bucket again, and that it holds all that is known here.
    async fn put_back(&self) -> Result<(), StoreError> {
        let away = |reason: String| StoreError::Unavailable(reason);
        let made = self.connection.context().get_or_create_stream(self.config.clone()).await;
        made.map_err(|error| away(chain(&error)))?;
        let stored = self.read().await?;
        for revocation in self.list() {
            if !stored.contains(&revocation.token_id) {
                tracing::warn!(token_id = revocation.token_id, "the broker had lost a revocation");
                self.revoke(revocation).await?;
            }
        }
        Ok(())
    }

    /// Takes in all there is, in bounded time, and says whose it was.
    async fn read(&self) -> Result<HashSet<String>, StoreError> {
        let late = || StoreError::Unavailable("the list of revoked tokens could not be read in time".to_owned());
        tokio::time::timeout(PATIENCE, self.take_in(true)).await.map_err(|_| late())?
    }

    /// Takes in all there is and then what comes; with `once` it returns when it has caught up.
    async fn take_in(&self, once: bool) -> Result<HashSet<String>, StoreError> {
        let away = |reason: String| StoreError::Unavailable(reason);
        let mut taken = HashSet::new();
        let status = self.store.status().await.map_err(|error| away(chain(&error)))?;
        if once && status.values() == 0 {
            return Ok(taken);
        }
        let mut entries = self.store.watch_with_history(">").await.map_err(|error| away(chain(&error)))?;
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|error| away(chain(&error)))?;
            match (entry.operation, serde_json::from_slice::<Revocation>(&entry.value)) {
                (Operation::Put, Ok(revocation)) => {
                    if once {
                        taken.insert(revocation.token_id.clone());
                    }
                    self.learn(revocation);
                }
                (Operation::Put, Err(error)) => tracing::warn!(key = entry.key, %error, "a revocation cannot be read"),
                (Operation::Delete | Operation::Purge, _) => {}
            }
            if once && entry.delta == 0 {
                break;
            }
        }
        Ok(taken)
    }

    fn learn(&self, revocation: Revocation) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(revocation.token_id.clone(), revocation);
    }
}

/// An identity may have characters that no key has.
fn key(token_id: &str) -> String {
    token_id.bytes().map(|byte| format!("{byte:02x}")).collect()
}
