//! The right to carry a change out: one record per slot, made by compare-and-set, never altered and never given back.

use std::time::Duration;

use jiff::Timestamp;
use osapi_core::HostName;
use uuid::Uuid;

use crate::names::Key;
use crate::records::Claim;
use crate::store::{Created, Store};

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What became of an attempt to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// This run of the worker alone may carry the change out.
    Ours,
    /// Somebody else may, did, or nobody ever will.
    Taken,
    /// The broker did not say before the job expired.
    Unknown,
}

/// Claims a slot, however long the broker is away, until the job expires.
///
/// The body is the same in every attempt and nobody else's, so a claim whose answer was lost is known again.
pub(crate) async fn take(
    store: &Store,
    key: Key,
    hostname: &HostName,
    instance: Uuid,
    expires_at: Timestamp,
) -> Claimed {
    let claim = Claim::Held { hostname: hostname.clone(), instance, attempt: Uuid::new_v4(), at: Timestamp::now() };
    let Ok(body) = serde_json::to_vec(&claim) else { return Claimed::Unknown };
    let body = bytes::Bytes::from(body);
    let mut pause = Duration::from_millis(50);
    loop {
        match store.create(&key, body.clone()).await {
            Ok(Created::New(_)) => return Claimed::Ours,
            Ok(Created::Exists) => return Claimed::Taken,
            Err(fault) => tracing::debug!(%fault, "not claimed yet"),
        }
        if Timestamp::now() >= expires_at {
            return Claimed::Unknown;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
