//! The streams, buckets and shared consumers, made where they are missing and brought to their settings where not.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use osapi_core::Class;

use super::{Connection, RetentionSettings, chain};
use crate::error::ConnectError;
use crate::names::any_consumer;
use crate::store::stream_of;

/// How long the broker remembers a message's identity, so that sending it again is harmless.
pub(crate) const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// The key of the stream's metadata that says from how many bytes on new jobs are refused.
pub(crate) const REFUSE_FROM: &str = "osapi-refuse-from";

/// Bytes for what stays small. The broker sets all of a stream's limit aside on its disk from the start.
const SMALL: i64 = 64 << 20;

/// How many pull requests may wait on a shared consumer: one per worker and more than any fleet has workers.
const MAX_WAITING: i64 = 100_000;

/// What to do with a stream that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Bring it to the settings.
    Adjust,
    /// Leave it as it is.
    Keep,
}

pub(super) async fn everything(
    connection: &Connection,
    retention: &RetentionSettings,
    existing: Existing,
) -> Result<(), ConnectError> {
    for config in streams(connection, retention) {
        let name = config.name.clone();
        let made = match existing {
            Existing::Adjust => {
                connection.context().create_or_update_stream(config).await.err().map(|error| chain(&error))
            }
            Existing::Keep => connection.context().get_or_create_stream(config).await.err().map(|error| chain(&error)),
        };
        if let Some(reason) = made {
            return Err(ConnectError::Prepare { name, reason });
        }
    }
    for class in [Class::Query, Class::Modify] {
        make_shared_consumer(connection, class, retention.ack_wait, existing).await?;
    }
    Ok(())
}

/// The consumer that all workers share for `_any`, as it is: how it is to be is for whoever prepares the broker to say.
pub(crate) async fn shared_consumer(connection: &Connection, class: Class) -> Result<PullConsumer, ConnectError> {
    let stream = connection.names().jobs_stream();
    let found = connection.patient_context().get_consumer_from_stream(any_consumer(class), stream).await;
    found.map_err(|error| ConnectError::Prepare { name: any_consumer(class).to_owned(), reason: chain(&error) })
}

async fn make_shared_consumer(
    connection: &Connection,
    class: Class,
    ack_wait: Duration,
    existing: Existing,
) -> Result<(), ConnectError> {
    if let Ok(found) = shared_consumer(connection, class).await
        && (existing == Existing::Keep || found.cached_info().config.ack_wait == ack_wait)
    {
        return Ok(());
    }
    let config = pull::Config {
        durable_name: Some(any_consumer(class).to_owned()),
        filter_subject: connection.names().any_subject(class),
        deliver_policy: DeliverPolicy::All,
        max_waiting: MAX_WAITING,
        ..consumer(ack_wait)
    };
    let (context, stream) = (connection.patient_context(), connection.names().jobs_stream());
    let made = match existing {
        Existing::Adjust => context.create_consumer_on_stream(config, stream).await.err().map(|error| chain(&error)),
        // Somebody else may be making it just now, and may be the one to say how it is to be.
        Existing::Keep => {
            let made = context.create_consumer_strict_on_stream(config, stream).await;
            match made {
                Err(_) if shared_consumer(connection, class).await.is_ok() => None,
                made => made.err().map(|error| chain(&error)),
            }
        }
    };
    made.map_or(Ok(()), |reason| Err(ConnectError::Prepare { name: any_consumer(class).to_owned(), reason }))
}

/// What all consumers of notifications have in common.
pub(crate) fn consumer(ack_wait: Duration) -> pull::Config {
    pull::Config {
        ack_policy: AckPolicy::Explicit,
        ack_wait,
        // How often is for the worker to judge, which can say why; the broker would only stop without a word.
        max_deliver: -1,
        max_ack_pending: 100_000,
        ..Default::default()
    }
}

fn streams(connection: &Connection, retention: &RetentionSettings) -> [Config; 4] {
    let names = connection.names();
    // New jobs are refused at `max_bytes`; what belongs to jobs accepted before still has to fit.
    let bounded = |config: Config| Config {
        max_age: retention.max_age,
        max_bytes: retention.max_bytes.saturating_add(retention.max_bytes / 4).saturating_add(16 << 20),
        metadata: [(REFUSE_FROM.to_owned(), retention.max_bytes.to_string())].into(),
        ..config
    };
    let base = || Config {
        num_replicas: retention.replicas,
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        duplicate_window: DUPLICATE_WINDOW.min(retention.max_age),
        ..Config::default()
    };
    let notifications = Config {
        name: names.jobs_stream(),
        subjects: vec![names.jobs_subjects()],
        // One per worker: where none is named, the broker has a limit of its own, a thousand.
        max_consumers: 1_000_000,
        // A notification leaves with its job's expiry; brokers before 2.11 keep it for `max_age`.
        allow_message_ttl: true,
        ..base()
    };
    let dead_letters = Config {
        name: names.dead_letters_stream(),
        subjects: vec![names.dead_letters_subject()],
        discard: DiscardPolicy::Old,
        max_age: retention.dead_letter_max_age,
        max_messages: retention.dead_letter_max_messages,
        max_bytes: SMALL,
        allow_direct: true,
        ..base()
    };
    [
        bounded(notifications),
        bounded(bucket(&names.job_bucket(), base())),
        bucket(&names.worker_bucket(), Config { max_bytes: SMALL, ..base() }),
        dead_letters,
    ]
}

/// A bucket as every NATS client knows it: the last value of each key.
pub(crate) fn bucket(name: &str, base: Config) -> Config {
    Config {
        name: stream_of(name),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        ..base
    }
}
