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
    /// This run of the worker has it, and the job expired meanwhile: it is not to be carried out any more.
    Late,
    /// Nobody knows: the worker was gone before the broker said.
    Unknown,
}

/// Claims a slot, however long the broker is away.
///
/// The body is the same in every attempt and nobody else's, so a claim whose answer was lost is known again. That is why
/// it is not given up when the job expires: a claim that got through must have an end, or the job would never have one.
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
            Ok(Created::New(_)) if Timestamp::now() >= expires_at => return Claimed::Late,
            Ok(Created::New(_)) => return Claimed::Ours,
            Ok(Created::Exists) => return Claimed::Taken,
            Err(fault) => tracing::debug!(%fault, "not claimed yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use osapi_testkit::Broker;

    use super::*;
    use crate::connection::{Auth, Connection, ConnectionSettings, Namespace, RetentionSettings};

    #[tokio::test]
    async fn an_expired_job_is_claimed_to_be_ended_and_not_to_be_run() {
        let broker = Broker::start().await;
        let settings = ConnectionSettings {
            servers: vec![broker.address()],
            client_name: "test".to_owned(),
            namespace: Namespace::default(),
            auth: Auth::None,
            tls: None,
            connect_timeout: Duration::from_secs(10),
        };
        let connection = Connection::open(settings).await.unwrap();
        connection.prepare(&RetentionSettings::default()).await.unwrap();
        let store = connection.store(&connection.names().job_bucket()).await.unwrap();
        let host: HostName = "web-01".parse().unwrap();
        let claim = async |number: u128, expires_at| {
            let key = Key::Claim(osapi_core::JobId::new(Uuid::from_u128(number)), None);
            take(&store, key, &host, Uuid::from_u128(7), expires_at).await
        };
        assert_eq!(claim(1, Timestamp::MAX).await, Claimed::Ours);
        assert_eq!(claim(1, Timestamp::MAX).await, Claimed::Taken);
        assert_eq!(claim(2, Timestamp::now()).await, Claimed::Late);
        assert_eq!(claim(2, Timestamp::now()).await, Claimed::Taken);
    }
}
