//! Reading much of the trail: one ordered consumer, an order of magnitude faster than asking for each entry.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use osapi_core::audit::AuditEntry;

use super::{AuditExtent, AuditLog, StoreError, entry};
use crate::connection::chain;

/// How long the broker may say nothing while there is more to come.
const SILENCE: Duration = Duration::from_secs(10);

/// A reading under way.
struct Reading {
    log: AuditLog,
    messages: Option<Ordered>,
    /// The least place still wanted.
    next: u64,
    last: u64,
}

impl AuditLog {
    /// All entries of that extent, oldest first; places that hold none are skipped. An error is the last item.
    pub fn read_all(&self, extent: AuditExtent) -> BoxStream<'static, Result<AuditEntry, StoreError>> {
        let last = if extent.entries == 0 { 0 } else { extent.last };
        let reading = Reading { log: self.clone(), messages: None, next: extent.first.max(1), last };
        futures::stream::unfold(Some(reading), |reading| async {
            let mut reading = reading?;
            match reading.step().await {
                Ok(None) => None,
                Ok(Some(message)) => {
                    let read = entry(reading.next - 1, &message.payload);
                    Some((read, Some(reading)))
                }
                Err(reason) => Some((Err(StoreError::Unavailable(reason)), None)),
            }
        })
        .boxed()
    }
}

impl Reading {
    /// The next message; none at the end.
    async fn step(&mut self) -> Result<Option<Message>, String> {
        if self.next > self.last {
            return Ok(None);
        }
        let messages = match &mut self.messages {
            Some(messages) => messages,
            None => self.messages.insert(open(&self.log, self.next).await?),
        };
        match tokio::time::timeout(SILENCE, messages.next()).await {
            Ok(Some(Ok(message))) => self.take(message).await,
            Ok(Some(Err(error))) => Err(chain(&error)),
            Ok(None) => Err("the broker ended the reading".to_owned()),
            Err(_) if is_missing(&self.log, self.last).await? => Ok(None),
            Err(_) => Err("the broker went silent".to_owned()),
        }
    }

    async fn take(&mut self, message: Message) -> Result<Option<Message>, String> {
        let (place, pending) = {
            let info = message.info().map_err(|error| error.to_string())?;
            (info.stream_sequence, info.pending)
        };
        if place > self.last {
            return Ok(None);
        }
        self.next = place + 1;
        if pending == 0 && place < self.last && is_missing(&self.log, self.last).await? {
            self.last = place;
        }
        Ok(Some(message))
    }
}

/// Whether nothing is in that place, as the leader knows; somebody else may merely lag behind.
async fn is_missing(log: &AuditLog, place: u64) -> Result<bool, String> {
    match log.at(place).await {
        Ok(message) => Ok(message.is_none()),
        Err(fault) => Err(StoreError::from(fault).to_string()),
    }
}

async fn open(log: &AuditLog, first: u64) -> Result<Ordered, String> {
    let config = OrderedConfig {
        deliver_subject: log.connection.client().new_inbox(),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: first },
        ..OrderedConfig::default()
    };
    let stream = log.connection.names().audit_stream();
    let made = log.connection.context().create_consumer_on_stream(config, stream).await;
    let consumer: Consumer<OrderedConfig> = made.map_err(|error| chain(&error))?;
    consumer.messages().await.map_err(|error| chain(&error))
}
