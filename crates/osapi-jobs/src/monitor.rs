//! Asks the broker every few seconds how its streams do, so that nobody who asks us has to wait for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::stream::Info;
use tokio_util::sync::CancellationToken;

use crate::connection::chain;
use crate::connection::prepare::REFUSE_FROM;
use crate::engine::Engine;
use crate::jobs::ComponentHealth;
use crate::store::stream_of;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(2);

/// Asks until `shutdown`.
pub(crate) async fn run(engine: Arc<Engine>, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut made_at = None;
    loop {
        tokio::select! { () = shutdown.cancelled() => return, _ = every.tick() => {} }
        tokio::select! { () = shutdown.cancelled() => return, () = look(&engine, &mut made_at) => {} }
    }
}

async fn look(engine: &Engine, made_at: &mut Option<String>) {
    let names = engine.connection.names();
    let queue = names.job_bucket();
    let streams = [
        (format!("stream:{}", names.jobs_stream()), names.jobs_stream()),
        (format!("stream:{}", names.dead_letters_stream()), names.dead_letters_stream()),
        (format!("bucket:{queue}"), stream_of(&queue)),
        (format!("bucket:{}", names.worker_bucket()), stream_of(&names.worker_bucket())),
    ];
    let mut components = Vec::with_capacity(streams.len());
    for (name, stream) in streams {
        let info = match engine.connection.context().get_stream_no_info(&stream).await {
            Ok(stream) => stream.get_info().await.map_err(|error| chain(&error)),
            Err(error) => Err(chain(&error)),
        };
        if let Ok(info) = &info {
            if stream == stream_of(&queue) {
                compare(engine, info, made_at);
            } else if stream == names.dead_letters_stream() {
                engine.health().dead_letters = info.state.messages;
            }
        }
        components.push(component(name, info));
    }
    let mut health = engine.health();
    health.components = components;
    health.asked = true;
}

fn component(name: String, info: Result<Info, String>) -> ComponentHealth {
    match info {
        Ok(info) => ComponentHealth {
            name,
            error: None,
            messages: Some(info.state.messages),
            bytes: Some(info.state.bytes),
            consumers: Some(info.state.consumer_count),
        },
        Err(error) => ComponentHealth { name, error: Some(error), messages: None, bytes: None, consumers: None },
    }
}

/// Brings the index in line with what the broker keeps.
fn compare(engine: &Engine, info: &Info, made_at: &mut Option<String>) {
    engine.bytes.store(info.state.bytes, Ordering::Relaxed);
    let limit = info.config.metadata.get(REFUSE_FROM).and_then(|text| text.parse().ok());
    engine.refuse_from.store(limit.unwrap_or(-1), Ordering::Relaxed);
    let created = info.created.to_string();
    let another = made_at.replace(created.clone()).is_some_and(|before| before != created);
    if another || info.state.last_sequence < engine.index().revision {
        tracing::warn!("the store of jobs is another one: reading it anew");
        engine.start_afresh();
    } else {
        engine.index().forget_before(info.state.first_sequence);
    }
}
