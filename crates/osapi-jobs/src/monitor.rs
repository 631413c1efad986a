//! Asks the broker every few seconds how its streams do, so that nobody who asks us has to wait for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::stream::Info;
use tokio_util::sync::CancellationToken;

use crate::connection::chain;
use crate::connection::prepare::REFUSE_FROM;
use crate::engine::Engine;
use crate::index::feed::Feed;
use crate::jobs::ComponentHealth;
use crate::store::stream_of;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(2);

/// Asks until `shutdown`.
pub(crate) async fn run(engine: Arc<Engine>, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut epoch = engine.connection.epoch();
    let mut stores = Stores::default();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = every.tick() => {}
            Ok(()) = epoch.changed() => {}
        }
        if !engine.connection.is_connected() {
            continue;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = look(&engine, &mut stores) => {}
            // What was asked of the old connection may never be answered.
            Ok(()) = epoch.changed() => every.reset_immediately(),
        }
    }
}

/// When the streams that are followed were made.
#[derive(Default)]
struct Stores {
    jobs: Option<String>,
    workers: Option<String>,
}

async fn look(engine: &Engine, stores: &mut Stores) {
    let names = engine.connection.names();
    let (jobs, workers) = (names.job_bucket(), names.worker_bucket());
    let streams = [
        (format!("stream:{}", names.jobs_stream()), names.jobs_stream()),
        (format!("stream:{}", names.dead_letters_stream()), names.dead_letters_stream()),
        (format!("bucket:{jobs}"), stream_of(&jobs)),
        (format!("bucket:{workers}"), stream_of(&workers)),
    ];
    // Before the broker is asked: what was read then it must have, unless it is another store.
    let (jobs_read, workers_read) = {
        let index = engine.index();
        (index.revision, index.fleet.revision)
    };
    let mut components = Vec::with_capacity(streams.len());
    for (name, stream) in streams {
        let info = match engine.connection.context().get_stream_no_info(&stream).await {
            Ok(stream) => stream.get_info().await.map_err(|error| chain(&error)),
            Err(error) => Err(chain(&error)),
        };
        if stream == stream_of(&workers) {
            engine.hearing.store(info.is_ok(), Ordering::Release);
        }
        match &info {
            Ok(info) if stream == stream_of(&jobs) => {
                compare_jobs(engine, info, is_another(info, &mut stores.jobs, jobs_read));
            }
            Ok(info) if stream == stream_of(&workers) => {
                if is_another(info, &mut stores.workers, workers_read) {
                    tracing::warn!("the registry of workers is another one: reading it anew");
                    engine.start_afresh(Feed::Workers);
                }
            }
            Ok(info) if stream == names.dead_letters_stream() => {
                let mut health = engine.health();
                (health.dead_letters, health.dead_letters_ever) = (info.state.messages, info.state.last_sequence);
            }
            Ok(_) => {}
            Err(_) => {
                if let Err(error) = engine.connection.restore().await {
                    tracing::debug!(%error, "a stream is missing");
                }
            }
        }
        components.push(ComponentHealth::of_stream(name, info));
    }
    let mut health = engine.health();
    health.components = components;
    health.asked = true;
}

impl ComponentHealth {
    /// What the broker says of a stream.
    pub(crate) fn of_stream(name: String, info: Result<Info, String>) -> Self {
        match info {
            Ok(info) => Self {
                name,
                error: None,
                messages: Some(info.state.messages),
                bytes: Some(info.state.bytes),
                consumers: Some(info.state.consumer_count),
            },
            Err(error) => Self { name, error: Some(error), messages: None, bytes: None, consumers: None },
        }
    }
}

/// Brings the index in line with what the broker keeps.
fn compare_jobs(engine: &Engine, info: &Info, another: bool) {
    engine.bytes.store(info.state.bytes, Ordering::Relaxed);
    let limit = info.config.metadata.get(REFUSE_FROM).and_then(|text| text.parse().ok());
    engine.refuse_from.store(limit.unwrap_or(-1), Ordering::Relaxed);
    engine.kept_seconds.store(info.config.max_age.as_secs(), Ordering::Relaxed);
    if another {
        tracing::warn!("the store of jobs is another one: reading it anew");
        engine.start_afresh(Feed::Jobs);
    } else {
        engine.index().forget_before(info.state.first_sequence);
    }
}

/// Whether a stream is not the one that was read before.
fn is_another(info: &Info, made: &mut Option<String>, read: u64) -> bool {
    let created = info.created.to_string();
    let another = made.replace(created.clone()).is_some_and(|before| before != created);
    another || info.state.last_sequence < read
}
