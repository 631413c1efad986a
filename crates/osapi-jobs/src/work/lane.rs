//! One lane of a worker: pulls messages from one consumer, one at a time and only when there is room for the job.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Stream;
use async_nats::jetstream::{AckKind, Message};
use futures::{FutureExt as _, StreamExt as _};
use osapi_core::Class;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::assignment::{self, Arrival};
use super::{Execute, Worker};
use crate::connection::chain;
use crate::connection::prepare::shared_consumer;
use crate::error::ConnectError;
use crate::registry::{Begin, own_consumer};

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

impl Lane {
    /// How long one pull request waits at the broker, and how often the broker says meanwhile that it is still there.
    const fn pull(self) -> (Duration, Duration) {
        match self {
            // At each of these the broker goes through the requests of all workers: the more seldom the better.
            Self::Any(_) => (Duration::from_secs(120), Duration::from_secs(30)),
            Self::Own => (Duration::from_secs(30), Duration::from_secs(10)),
        }
    }
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
            Ok(opened) => {
                pause = Duration::from_millis(20);
                follow(&worker, lane, opened, &tasks, stop.clone()).await
            }
            Err(error) => Left::Broken(error.to_string()),
        };
        match left {
            Left::Shutdown => return,
            Left::Draining => {}
            // What was on its way over the old connection is to come again at once.
            Left::Reconnected => consumer = consumer.filter(|_| lane != Lane::Own),
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

/// A lane's stream of messages.
struct Opened {
    messages: Stream,
    /// How long each may stay unacknowledged.
    ack_wait: Duration,
}

async fn open<E>(worker: &Worker<E>, lane: Lane, consumer: &mut Option<PullConsumer>) -> Result<Opened, ConnectError> {
    let consumer = match consumer {
        Some(consumer) => consumer,
        None => {
            let made = match again(worker, lane).await {
                Ok(made) => made,
                Err(_) => {
                    worker.connection.restore().await?;
                    again(worker, lane).await?
                }
            };
            consumer.insert(made)
        }
    };
    let (pull, heartbeat) = lane.pull();
    let messages = consumer.stream().max_messages_per_batch(1).expires(pull).heartbeat(heartbeat);
    let ack_wait = consumer.cached_info().config.ack_wait;
    match messages.messages().await {
        Ok(messages) => Ok(Opened { messages, ack_wait }),
        Err(error) => Err(ConnectError::Prepare { name: format!("{lane:?}"), reason: chain(&error) }),
    }
}

/// The consumer of a lane, after the one before is gone or not to be relied on.
async fn again<E>(worker: &Worker<E>, lane: Lane) -> Result<PullConsumer, ConnectError> {
    match lane {
        Lane::Any(class) => shared_consumer(&worker.connection, class).await,
        Lane::Own => {
            let reading = (worker.targets.as_slice(), worker.ack_wait);
            let begin = Begin::After(worker.position.get());
            let (consumer, beginning) = own_consumer(&worker.connection, &worker.hostname, reading, begin).await?;
            worker.position.restart(beginning);
            Ok(consumer)
        }
    }
}

async fn follow<E: Execute>(
    worker: &Arc<Worker<E>>,
    lane: Lane,
    Opened { mut messages, ack_wait }: Opened,
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
            () = stop.clone() => return hand_back(worker, lane, &mut messages, Left::Shutdown).await,
            () = drained => return hand_back(worker, lane, &mut messages, Left::Draining).await,
            Ok(()) = epoch.changed() => return hand_back(worker, lane, &mut messages, Left::Reconnected).await,
            message = messages.next() => message,
        };
        match message {
            Some(Ok(message)) => {
                note(worker, lane, &message);
                let waited = match (lane, message.info()) {
                    (Lane::Own, Ok(info)) => worker.position.is_from_before(info.stream_sequence),
                    (Lane::Own | Lane::Any(_), _) => opened.elapsed() < CATCHING_UP,
                };
                let arrival = Arrival { lane, message, ack_wait, waited, begun: CancellationToken::new() };
                accept(worker, arrival, tasks, stop.clone()).await;
            }
            Some(Err(error)) => {
                return hand_back(worker, lane, &mut messages, Left::Broken(error.to_string())).await;
            }
            None => return Left::Broken("the stream of messages ended".to_owned()),
        }
    }
}

/// Remembers that a message has come, until it is done with.
fn note<E>(worker: &Worker<E>, lane: Lane, message: &Message) {
    if lane == Lane::Own
        && let Ok(info) = message.info()
    {
        worker.position.arrived(info.stream_sequence);
    }
}

/// Gives what has already arrived to others.
async fn hand_back<E>(worker: &Worker<E>, lane: Lane, messages: &mut Stream, left: Left) -> Left {
    while let Some(Some(Ok(message))) = messages.next().now_or_never() {
        note(worker, lane, &message);
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
        (Err(_), Lane::Own) => match wait_for_room(worker, &arrival, stop).await {
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
    arrival: &Arrival,
    stop: impl Future<Output = ()>,
) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        biased;
        () = stop => None,
        permit = worker.permits.clone().acquire_owned() => permit.ok(),
        () = assignment::keep_alive(&arrival.message, arrival.ack_wait) => None,
    }
}

async fn nak(message: &Message) {
    if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
        tracing::debug!(%error, "a message was not handed back; the broker will take it back in time");
    }
}
