//! Brings what is stored into the index: one ordered consumer per bucket, for ever, from where the last one ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use futures::StreamExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connection::chain;
use crate::engine::Engine;
use crate::names::{Key, WorkerKey};
use crate::records::WorkerRecord;
use crate::store::{is_mark, stream_of};

/// The longest pause before a feed is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Which bucket is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    Jobs,
    Workers,
}

/// Follows a bucket until `shutdown`.
pub(crate) async fn follow(engine: Arc<Engine>, feed: Feed, shutdown: CancellationToken) {
    let mut pause = Duration::from_millis(50);
    loop {
        let reason = tokio::select! {
            () = shutdown.cancelled() => return,
            reason = read(&engine, feed, &mut pause) => reason,
        };
        tracing::debug!(?feed, reason, "opening the feed again");
        tokio::select! { () = shutdown.cancelled() => return, () = tokio::time::sleep(pause) => {} }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Reads until something breaks, and returns what.
async fn read(engine: &Engine, feed: Feed, pause: &mut Duration) -> String {
    // Whether what is stored is what was read is for the monitor to find out; it wakes us.
    let restarted = engine.restart(feed).notified();
    engine.connection.connected().await;
    let mut messages = match open(engine, feed).await {
        Ok(messages) => messages,
        Err(reason) => return reason,
    };
    *pause = Duration::from_millis(50);
    tokio::pin!(restarted);
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            () = &mut restarted => return "what is stored is not what was read".to_owned(),
        };
        match message {
            Some(Ok(message)) => take(engine, feed, &message),
            // It opens itself again from where it was.
            Some(Err(error)) => tracing::debug!(?feed, %error, "the feed stumbled"),
            None => return "the feed ended".to_owned(),
        }
    }
}

async fn open(engine: &Engine, feed: Feed) -> Result<Ordered, String> {
    let names = engine.connection.names();
    let (bucket, read) = match feed {
        Feed::Jobs => (names.job_bucket(), engine.index().revision),
        Feed::Workers => (names.worker_bucket(), engine.index().fleet.revision),
    };
    let deliver_policy = match read {
        0 => DeliverPolicy::All,
        read => DeliverPolicy::ByStartSequence { start_sequence: read + 1 },
    };
    let config = OrderedConfig {
        deliver_subject: engine.connection.client().new_inbox(),
        deliver_policy,
        ..OrderedConfig::default()
    };
    let made = engine.connection.context().create_consumer_on_stream(config, stream_of(&bucket)).await;
    let consumer: Consumer<OrderedConfig> = made.map_err(|error| chain(&error))?;
    if consumer.cached_info().num_pending == 0 {
        caught_up(engine, feed);
    }
    consumer.messages().await.map_err(|error| chain(&error))
}

fn take(engine: &Engine, feed: Feed, message: &Message) {
    let Ok(info) = message.info() else { return };
    let deleted = is_mark(message.headers.as_ref());
    let (revision, pending) = (info.stream_sequence, info.pending);
    match feed {
        Feed::Jobs => job(engine, message, revision, deleted),
        Feed::Workers => worker(engine, message, revision, deleted),
    }
    if pending == 0 {
        caught_up(engine, feed);
    }
}

/// The key of a message below `$KV.<bucket>.`.
fn key(message: &Message) -> &str {
    message.subject.as_str().splitn(3, '.').nth(2).unwrap_or_default()
}

fn job(engine: &Engine, message: &Message, revision: u64, deleted: bool) {
    let mut index = engine.index();
    match key(message).parse::<Key>() {
        Ok(key) => index.apply(key, revision, &message.payload, deleted),
        Err(_) => tracing::debug!(subject = %message.subject, "not a key of ours"),
    }
    index.revision = revision;
    engine.filled(message.length);
}

fn worker(engine: &Engine, message: &Message, revision: u64, deleted: bool) {
    // When the broker stored it is told by the broker's clock, which may be minutes off: it is as old as our hearing of
    // it. After a start nobody is missed sooner for that, because silence only counts from when we listen.
    let seen = Instant::now();
    let Ok(key) = key(message).parse::<WorkerKey>() else { return };
    let mut index = engine.index();
    let (host, changed) = match key {
        WorkerKey::Worker(host) if deleted => {
            let changed = index.fleet.forgotten(&host, revision);
            (host, changed)
        }
        WorkerKey::Worker(host) => match serde_json::from_slice::<WorkerRecord>(&message.payload) {
            Ok(record) => {
                let changed = index.fleet.heard(&host, record, seen, revision);
                (host, changed)
            }
            Err(error) => {
                tracing::warn!(%host, %error, "the entry of a worker cannot be read");
                return;
            }
        },
        WorkerKey::Draining(host) => {
            let changed = index.fleet.told(&host, !deleted, seen, revision);
            (host, changed)
        }
    };
    if changed {
        index.presence_changed(&host);
    }
}

fn caught_up(engine: &Engine, feed: Feed) {
    match feed {
        Feed::Jobs => {
            engine.index().caught_up();
            engine.jobs_read.store(true, Ordering::Release);
        }
        Feed::Workers => engine.workers_read.store(true, Ordering::Release),
    }
    if engine.index_is_built().is_ok() {
        engine.index().go_live();
    }
}
