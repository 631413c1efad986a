//! How often a query was begun and never answered. A query may be repeated when its worker dies; one that brings its
//! workers down would go on for ever. Whoever begins it again counts; messages handed back count for nothing.

use osapi_core::{HostName, JobId};

use crate::names::Key;
use crate::records::Attempts;
use crate::store::{Store, StoreFault};

/// How often it is begun again.
pub(crate) const MOST: u32 = 5;

/// Counts one more beginning after the first, and says how many that makes.
pub(crate) async fn count(store: &Store, job: JobId, host: Option<HostName>) -> Result<u32, StoreFault> {
    let key = Key::Attempts(job, host);
    let before = store.last(&key).await?.and_then(|stored| serde_json::from_slice::<Attempts>(&stored.body).ok());
    let attempts = Attempts { count: before.map_or(0, |before| before.count).saturating_add(1) };
    let body = serde_json::to_vec(&attempts).map_err(|error| StoreFault::Away(error.to_string()))?;
    store.put(key, body.into()).await?;
    Ok(attempts.count)
}
