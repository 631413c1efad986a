//! One lane of a worker: pulls messages from one consumer, one at a time and only when there is room for the job.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Stream;
use async_nats::jetstream::{AckKind, Message};
use futures::{FutureExt as _, StreamExt as _};
use osapi_core::{Class, HostName, Target};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assignment::{self, Arrival};
use super::{Execute, Worker};
use crate::connection::prepare::shared_consumer;
use crate::connection::{Connection, chain};
use crate::error::ConnectError;
use crate::registry::own_consumer;

/// How long one pull request waits at the broker.
const PULL: Duration = Duration::from_secs(30);

/// How often the broker says during a pull that it is still there.
const PULL_HEARTBEAT: Duration = Duration::from_secs(10);

/// How long after a lane was opened its messages are taken for ones that had to wait.
const CATCHING_UP: Duration = Duration::from_secs(1);

/// The longest pause before a lane is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Which messages a lane takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Those for any one worker, of one class.
    Any(Class),
    /// Those for this host, its labels and all.
    Own,
}

/// Why a lane left its stream of messages.
enum Left {
    Shutdown,
    Draining,
    /// The connection is a new one, and what was pulled over the old one will not come.
    Reconnected,
    Broken(String),
}

/// Takes messages until `shutdown`.
pub(super) async fn run<E: Execute>(
    worker: Arc<Worker<E>>,
    lane: Lane,
    consumer: PullConsumer,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) {
    let stop = async {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = worker.gone.cancelled() => {}
        }
    };
    let stop = stop.shared();
    let mut draining = worker.draining.subscribe();
    let mut pause = Duration::from_millis(20);
    let mut consumer = Some(consumer);
    loop {
        let ready = async {
            let _ = draining.wait_for(|draining| !draining).await;
            worker.connection.connected().await;
        };
        tokio::select! { () = stop.clone() => return, () = ready => {} }
        let left = match open(&worker, lane, &mut consumer).await {
            Ok(messages) => {
                pause = Duration::from_millis(20);
                follow(&worker, lane, messages, &tasks, stop.clone()).await
            }
            Err(error) => Left::Broken(error.to_string()),
        };
        match left {
            Left::Shutdown => return,
            Left::Draining | Left::Reconnected => {}
            Left::Broken(reason) => {
                tracing::debug!(?lane, reason, "opening the lane again");
                // It may be gone with the broker's store, or because we were thought lost.
                consumer = None;
                tokio::select! { () = stop.clone() => return, () = tokio::time::sleep(pause) => {} }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn open<E>(worker: &Worker<E>, lane: Lane, consumer: &mut Option<PullConsumer>) -> Result<Stream, ConnectError> {
    let consumer = match consumer {
        Some(consumer) => consumer,
        None => {
            worker.connection.restore().await?;
            let wanted = (worker.targets.as_slice(), worker.ack_wait);
            consumer.insert(self::consumer(&worker.connection, lane, &worker.hostname, wanted).await?)
        }
    };
    let messages = consumer.stream().max_messages_per_batch(1).expires(PULL).heartbeat(PULL_HEARTBEAT);
    let opened = messages.messages().await;
    opened.map_err(|error| ConnectError::Prepare { name: format!("{lane:?}"), reason: chain(&error) })
}

/// Makes sure of the consumer of a lane, for these targets and this wait for acknowledgements.
pub(super) async fn consumer(
    connection: &Connection,
    lane: Lane,
    hostname: &HostName,
    (targets, ack_wait): (&[Target], Duration),
) -> Result<PullConsumer, ConnectError> {
    match lane {
        Lane::Any(class) => shared_consumer(connection, class, ack_wait).await,
        Lane::Own => own_consumer(connection, hostname, targets, ack_wait).await,
    }
}

async fn follow<E: Execute>(
    worker: &Arc<Worker<E>>,
    lane: Lane,
    mut messages: Stream,
    tasks: &TaskTracker,
    stop: impl Future<Output = ()> + Clone + Unpin,
) -> Left {
    let mut epoch = worker.connection.epoch();
    let mut draining = worker.draining.subscribe();
    let opened = Instant::now();
    loop {
        // A pull is only sent when there is room, so that a message never waits with a worker that is busy.
        let room = worker.permits.acquire().map(drop);
        tokio::select! { () = stop.clone() => return Left::Shutdown, () = room => {} }
        let drained = draining.wait_for(|draining| *draining).map(|_| ());
        let message = tokio::select! {
            biased;
            () = stop.clone() => return hand_back(&mut messages, Left::Shutdown).await,
            () = drained => return hand_back(&mut messages, Left::Draining).await,
            Ok(()) = epoch.changed() => return Left::Reconnected,
            message = messages.next() => message,
        };
        match message {
            Some(Ok(message)) => {
                let waited = opened.elapsed() < CATCHING_UP;
                let arrival = Arrival { lane, message, waited, begun: CancellationToken::new() };
                accept(worker, arrival, tasks, stop.clone()).await;
            }
            Some(Err(error)) => return Left::Broken(error.to_string()),
            None => return Left::Broken("the stream of messages ended".to_owned()),
        }
    }
}

/// Gives what has already arrived to others.
async fn hand_back(messages: &mut Stream, left: Left) -> Left {
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        nak(&message).await;
    }
    left
}

async fn accept<E: Execute>(
    worker: &Arc<Worker<E>>,
    arrival: Arrival,
    tasks: &TaskTracker,
    stop: impl Future<Output = ()>,
) {
    let permit = match (worker.permits.clone().try_acquire_owned(), arrival.lane) {
        (Ok(permit), _) => permit,
        // Another lane took the last place meanwhile. Someone else may be free.
        (Err(_), Lane::Any(_)) => return nak(&arrival.message).await,
        (Err(_), Lane::Own) => match wait_for_room(worker, &arrival.message, stop).await {
            Some(permit) => permit,
            None => return nak(&arrival.message).await,
        },
    };
    let begun = (arrival.lane == Lane::Own).then(|| arrival.begun.clone());
    let worker = worker.clone();
    tasks.spawn(async move {
        let _over = arrival.begun.clone().drop_guard();
        tokio::select! {
            biased;
            // Nothing is said any more by a worker that is gone.
            () = worker.gone.cancelled() => {}
            () = assignment::take(&worker, &arrival) => {}
        }
        drop(permit);
    });
    if let Some(begun) = begun {
        // What is meant for this host begins in the order in which it was asked for.
        begun.cancelled().await;
    }
}

/// Waits for a place and keeps the message alive; `None` when the worker is to stop or gone first.
async fn wait_for_room<E>(
    worker: &Arc<Worker<E>>,
    message: &Message,
    stop: impl Future<Output = ()>,
) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = stop => None,
        permit = worker.permits.clone().acquire_owned() => permit.ok(),
        () = assignment::keep_alive(message, worker.ack_wait) => None,
    }
}

async fn nak(message: &Message) {
    if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
        tracing::debug!(%error, "a message was not handed back; the broker will take it back in time");
    }
}
