//! How often work is carried out: once, whatever happens to messages, workers and time.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use futures::{StreamExt as _, TryStreamExt as _};
use osapi_core::{ErrorCode, HostStatus, JobState, Report};
use osapi_jobs::{Control, Execute, RetentionSettings, Submission, WorkerSettings};
use osapi_testkit::{Broker, BrokerOptions, wait_for, wait_until};

use crate::fleet::{Fleet, Hands, PATIENCE, change, host, query, settings, start};

/// Long enough that a busy machine does not miss three signs of life.
const ACK_WAIT: Duration = Duration::from_secs(4);

#[tokio::test]
async fn work_longer_than_the_acknowledgement_wait_runs_once() {
    let retention = RetentionSettings { ack_wait: ACK_WAIT, ..RetentionSettings::default() };
    let fleet = Fleet::start().await;
    fleet.connection().await.prepare(&retention).await.unwrap();
    let client = async_nats::connect(fleet.broker.address()).await.unwrap();
    let mut acknowledged = client.subscribe("$JS.ACK.JOBS.>").await.unwrap();
    let (slow, gate) = Hands::gated();
    let with_wait = |name: &str| WorkerSettings { ack_wait: ACK_WAIT, ..settings(name, &[]) };
    let _one = fleet.worker_with(with_wait("web-01"), &slow).await;
    let _other = fleet.worker_with(with_wait("web-02"), &slow).await;
    let mut jobs = Vec::new();
    for submission in [change("_any"), query("_any"), change("web-01"), query("web-01")] {
        jobs.push(fleet.jobs.submit(submission).await.unwrap().job_id);
    }
    // Each sign of life stands for a third of the time that a message may stay unacknowledged.
    let mut signs: BTreeMap<String, usize> = BTreeMap::new();
    while signs.len() < 2 || signs.values().any(|count| *count < 4) {
        let message = tokio::time::timeout(PATIENCE, acknowledged.next()).await.unwrap().unwrap();
        if message.payload.starts_with(b"+WPI") {
            *signs.entry(message.subject.to_string()).or_default() += 1;
        }
    }
    gate.add_permits(100);
    for job in jobs {
        assert_eq!(fleet.jobs.wait(job, PATIENCE).await.unwrap().status, JobState::Completed);
        assert_eq!(slow.count(job), 1);
    }
    assert_eq!(slow.started(), 4);
}

#[tokio::test]
async fn a_change_whose_worker_died_reads_interrupted_and_a_query_runs_again() {
    let fleet = Fleet::start().await;
    let (first, gate) = Hands::gated();
    let worker = fleet.worker("web-01", &first).await;
    let one = fleet.jobs.submit(change("_any")).await.unwrap().job_id;
    let other = fleet.jobs.submit(change("web-01")).await.unwrap().job_id;
    let query = fleet.jobs.submit(query("web-01")).await.unwrap().job_id;
    wait_until("all to begin", PATIENCE, async || first.started() == 3).await;
    worker.crash();
    // Nobody restarts, and still it is known.
    for job in [one, other] {
        let detail = fleet.jobs.wait(job, PATIENCE).await.unwrap();
        assert_eq!((detail.status, detail.results[0].status), (JobState::Interrupted, HostStatus::Interrupted));
        assert_eq!(detail.results[0].hostname, host("web-01"));
    }
    let second = Hands::default();
    let _worker = fleet.worker("web-01", &second).await;
    wait_until("the query to be answered after all", PATIENCE, async || {
        fleet.jobs.get(query).await.unwrap().status == JobState::Completed
    })
    .await;
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    assert_eq!((second.count(one), second.count(other), second.count(query)), (0, 0, 1));
    for job in [one, other] {
        assert_eq!(fleet.jobs.get(job).await.unwrap().status, JobState::Interrupted);
    }
    drop(gate);
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_has_and_hands_the_rest_back() {
    let fleet = Fleet::start().await;
    let (leaving, gate) = Hands::gated();
    let mut narrow = settings("web-01", &[]);
    narrow.registration.max_jobs = 1;
    let worker = fleet.worker_with(narrow, &leaving).await;
    let begun = fleet.jobs.submit(change("_any")).await.unwrap().job_id;
    wait_until("the first to begin", PATIENCE, async || leaving.started() == 1).await;
    let rest = fleet.jobs.submit(change("_any")).await.unwrap().job_id;
    let stopping = tokio::spawn(worker.stop());
    let staying = Hands::default();
    let _other = fleet.worker("web-02", &staying).await;
    assert_eq!(fleet.jobs.wait(rest, PATIENCE).await.unwrap().status, JobState::Completed);
    gate.add_permits(1);
    assert_eq!(fleet.jobs.wait(begun, PATIENCE).await.unwrap().status, JobState::Completed);
    stopping.await.unwrap();
    assert_eq!((leaving.count(begun), staying.count(rest), staying.total()), (1, 1, 1));
}

/// Hands that break.
struct Broken;

impl Execute for Broken {
    async fn execute(&self, _assignment: osapi_core::Assignment, _control: Control) -> Report {
        panic!("a fault in the operation")
    }
}

#[tokio::test]
async fn a_fault_in_an_operation_is_a_failure_of_that_job_alone() {
    let fleet = Fleet::start().await;
    let _worker = start(fleet.connection().await, settings("web-01", &[]), Broken);
    wait_until("the worker", PATIENCE, async || fleet.jobs.worker(&host("web-01")).is_ok()).await;
    for submission in [change("web-01"), query("_any"), change("web-01")] {
        let detail = fleet.jobs.run(submission, PATIENCE).await.unwrap();
        assert_eq!(detail.status, JobState::Failed);
        assert_eq!(detail.results[0].error.as_ref().unwrap().code, ErrorCode::Internal);
    }
}

#[tokio::test]
async fn a_result_too_large_for_the_broker_is_a_clear_failure() {
    let options = BrokerOptions { max_payload: Some(64 << 10), ..BrokerOptions::default() };
    let fleet = Fleet::with(Broker::with(&options).await, "", Default::default()).await;
    let hands = Hands::default();
    let data = serde_json::json!("x".repeat(100 << 10));
    hands.answer(Report { data: Some(data), ..Report::silent(host("x"), HostStatus::Ok) });
    let _worker = fleet.worker("web-01", &hands).await;
    for submission in [change("web-01"), query("_any")] {
        let detail = fleet.jobs.run(submission, PATIENCE).await.unwrap();
        assert_eq!(detail.status, JobState::Failed);
        let failure = detail.results[0].error.as_ref().unwrap();
        assert!(failure.message.contains("larger than the broker takes"), "{failure}");
        assert!(failure.message.contains("ended `ok`"), "{failure}");
        assert_eq!(hands.count(detail.id), 1);
    }
}

#[tokio::test]
async fn two_machines_under_one_name_are_refused() {
    let fleet = Fleet::start().await;
    let machine = |id: &str| {
        let mut settings = settings("web-01", &[]);
        settings.registration.machine_id = Some(id.to_owned());
        settings
    };
    let _worker = fleet.worker_with(machine("a"), &Hands::default()).await;
    let twin = osapi_jobs::work(
        fleet.connection().await,
        machine("b"),
        Hands::default(),
        tokio_util::sync::CancellationToken::new(),
    );
    let error = twin.await.unwrap_err();
    assert!(error.to_string().contains("another machine is registered as `web-01`"), "{error}");
}

#[tokio::test]
async fn a_worker_told_to_stop_begins_nothing_more() {
    let fleet = Fleet::start().await;
    let (hands, gate) = Hands::gated();
    let mut narrow = settings("web-01", &[]);
    narrow.registration.max_jobs = 1;
    let worker = fleet.worker_with(narrow.clone(), &hands).await;
    let context = async_nats::jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    let own = async || {
        let mut all = context.get_stream("JOBS").await.unwrap().consumers();
        loop {
            let info = all.try_next().await.unwrap().unwrap();
            if info.name.starts_with("w-web-01-") {
                return info;
            }
        }
    };
    wait_until("its own lane to ask", PATIENCE, async || own().await.num_waiting == 1).await;
    let begun = fleet.jobs.submit(change("_any")).await.unwrap().job_id;
    wait_until("the first to begin", PATIENCE, async || hands.started() == 1).await;
    // There was room when the lane asked, and there is none when the answer comes.
    let waiting = Submission { queue: true, ..change("web-01") };
    let waiting = fleet.jobs.submit(waiting).await.unwrap().job_id;
    wait_until("the second to arrive", PATIENCE, async || own().await.num_ack_pending == 1).await;
    let mut stopping = std::pin::pin!(worker.stop());
    tokio::select! { biased; () = &mut stopping => panic!("work goes on"), () = std::future::ready(()) => {} }
    gate.add_permits(2);
    stopping.await;
    assert_eq!((hands.count(begun), hands.started()), (1, 1));
    narrow.registration.instance = uuid::Uuid::new_v4();
    let _worker = fleet.worker_with(narrow, &hands).await;
    assert_eq!(fleet.jobs.wait(waiting, PATIENCE).await.unwrap().status, JobState::Completed);
    assert_eq!(hands.count(waiting), 1);
}

#[tokio::test]
async fn a_query_that_brings_its_workers_down_ends() {
    let fleet = Fleet::start().await;
    let (hands, _gate) = Hands::gated();
    let queued = Submission { queue: true, ..query("web-01") };
    let mut worker = fleet.worker("web-01", &hands).await;
    let job = fleet.jobs.submit(queued).await.unwrap().job_id;
    for begun in 1..=6 {
        wait_until("the query to begin", PATIENCE, async || hands.started() == begun).await;
        worker.crash();
        worker = fleet.worker("web-01", &hands).await;
    }
    // As long as a worker does not live it is to be expected back.
    wait_until("the end", PATIENCE, async || fleet.jobs.get(job).await.unwrap().status == JobState::Failed).await;
    let detail = fleet.jobs.get(job).await.unwrap();
    let failure = detail.results[0].error.as_ref().unwrap();
    assert!(failure.message.contains("begun 6 times"), "{failure}");
    let letter = wait_for("the letter", PATIENCE, async || fleet.jobs.dead_letters(1).await.unwrap().pop()).await;
    assert_eq!((letter.job_id, hands.started()), (Some(job), 6));
    worker.stop().await;
}

#[tokio::test]
async fn messages_handed_back_are_no_failures() {
    let fleet = Fleet::start().await;
    let job = fleet.jobs.submit(Submission { queue: true, ..query("_any") }).await.unwrap().job_id;
    let context = async_nats::jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    let consumer: PullConsumer = context.get_consumer_from_stream("any-query", "JOBS").await.unwrap();
    let mut messages = consumer.stream().max_messages_per_batch(1).messages().await.unwrap();
    // More often than anything may fail.
    for _ in 0..30 {
        let message = tokio::time::timeout(PATIENCE, messages.next()).await.unwrap().unwrap().unwrap();
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    }
    drop(messages);
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    assert_eq!(fleet.jobs.wait(job, PATIENCE).await.unwrap().status, JobState::Completed);
    assert_eq!(hands.count(job), 1);
}
