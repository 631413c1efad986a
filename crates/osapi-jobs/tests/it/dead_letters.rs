//! Messages that are no jobs.

use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use futures::StreamExt as _;
use osapi_core::JobState;
use osapi_jobs::JobsError;
use osapi_testkit::{Broker, BrokerOptions, wait_for, wait_until};

use crate::fleet::{Fleet, Hands, PATIENCE, change, host};

async fn publish(fleet: &Fleet, subject: &str, payload: &str) {
    let client = async_nats::connect(fleet.broker.address()).await.unwrap();
    let context = jetstream::new(client);
    context.publish(subject.to_owned(), payload.to_owned().into()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn what_is_no_job_is_kept_with_subject_and_reason() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    let job = "0199a0c4-0000-7000-8000-000000000001";
    for (subject, payload) in [
        ("jobs.modify._any", "{not json".to_owned()),
        ("jobs.query.host.web-01", format!(r#"{{"id":"{job}","operation":{{"type":"future.thing.do"}}}}"#)),
        ("jobs.modify._all", String::new()),
    ] {
        publish(&fleet, subject, &payload).await;
    }
    let letters = wait_for("three letters", PATIENCE, async || {
        let letters = fleet.jobs.dead_letters(100).await.unwrap();
        (letters.len() == 3).then_some(letters)
    })
    .await;
    assert!(letters.is_sorted_by(|one, other| one.sequence > other.sequence), "newest first");
    let of = |subject: &str| letters.iter().find(|letter| letter.subject == subject).unwrap();
    let future = of("jobs.query.host.web-01");
    assert_eq!(future.job_id.map(|id| id.to_string()).as_deref(), Some(job));
    assert_eq!(future.hostname, Some(host("web-01")));
    let broken = of("jobs.modify._any");
    assert!(broken.reason.contains("not a job"), "{}", broken.reason);
    assert_eq!((broken.payload.as_str(), broken.job_id), ("{not json", None));
    wait_until("the count", PATIENCE, async || fleet.jobs.stats().dlq_count == 3).await;
    // It was terminated: the lane goes on and nothing comes again.
    assert_eq!(fleet.jobs.run(change("_any"), PATIENCE).await.unwrap().status, JobState::Completed);
    assert_eq!(fleet.jobs.dead_letter(broken.sequence).await.unwrap(), *broken);
    fleet.jobs.drop_dead_letter(broken.sequence).await.unwrap();
    assert!(matches!(fleet.jobs.dead_letter(broken.sequence).await, Err(JobsError::NoDeadLetter(_))));
    assert!(matches!(fleet.jobs.drop_dead_letter(broken.sequence).await, Err(JobsError::NoDeadLetter(_))));
    assert!(matches!(fleet.jobs.requeue_dead_letter(future.sequence).await, Err(JobsError::Conflict(_))));
    assert!(matches!(fleet.jobs.requeue_dead_letter(999).await, Err(JobsError::NoDeadLetter(_))));
    assert_eq!(fleet.jobs.dead_letters(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_letter_that_names_a_job_still_to_be_done_can_be_sent_again() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    fleet.worker("web-01", &hands).await.stop().await;
    let submission = osapi_jobs::Submission { queue: true, ..change("web-01") };
    let job = fleet.jobs.submit(submission).await.unwrap().job_id;
    // The change on the subject of queries: a worker must not be led round the claim.
    let record = raw_record(&fleet, &job.to_string()).await;
    publish(&fleet, "jobs.query.host.web-01", &record).await;
    let _worker = fleet.worker("web-01", &hands).await;
    let letter = wait_for("the letter", PATIENCE, async || fleet.jobs.dead_letters(1).await.unwrap().pop()).await;
    assert_eq!(letter.job_id, Some(job));
    assert!(letter.reason.contains("subject"), "{}", letter.reason);
    fleet.jobs.wait(job, PATIENCE).await.unwrap();
    assert!(matches!(fleet.jobs.requeue_dead_letter(letter.sequence).await, Err(JobsError::Conflict(_))));
    assert_eq!(hands.count(job), 1);
}

async fn raw_record(fleet: &Fleet, job: &str) -> String {
    let client = async_nats::connect(fleet.broker.address()).await.unwrap();
    let store = jetstream::new(client).get_key_value("job-queue").await.unwrap();
    let record = store.get(format!("jobs.{job}")).await.unwrap().unwrap();
    String::from_utf8(record.to_vec()).unwrap()
}

#[tokio::test]
async fn a_job_of_another_version_goes_to_whoever_can_and_is_unsupported_where_nobody_can() {
    let fleet = Fleet::start().await;
    let _older = fleet.worker("web-01", &Hands::default()).await;
    let context = jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    let store = context.get_key_value("job-queue").await.unwrap();
    let send = async |job: &str, able: &str| {
        let expires_at = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(10);
        let body = format!(r#"{{"id":"{job}","expires_at":"{expires_at}","operation":{{"type":"future.thing.do"}}}}"#);
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Osapi-Able", able);
        context.publish_with_headers("jobs.query._any", headers, body.into()).await.unwrap().await.unwrap();
    };
    let (able, unable) = ("0199a0c4-0000-7000-8000-000000000001", "0199a0c4-0000-7000-8000-000000000002");
    send(able, "1").await;
    wait_until("the older worker to hand it back", PATIENCE, async || {
        let stream = context.get_stream("JOBS").await.unwrap();
        let consumer: PullConsumer = stream.get_consumer("any-query").await.unwrap();
        consumer.cached_info().num_redelivered == 1
    })
    .await;
    // The newer worker: it asks for what all workers share, and in the end the job comes to it.
    let consumer: PullConsumer = context.get_consumer_from_stream("any-query", "JOBS").await.unwrap();
    let mut messages = consumer.stream().max_messages_per_batch(1).messages().await.unwrap();
    let message = tokio::time::timeout(PATIENCE, messages.next()).await.unwrap().unwrap().unwrap();
    assert!(std::str::from_utf8(&message.payload).unwrap().contains(able));
    message.ack().await.unwrap();
    drop(messages);
    assert!(store.get(format!("responses.{able}")).await.unwrap().is_none(), "it is not for the older one to answer");
    send(unable, "0").await;
    let response =
        wait_for("the answer", PATIENCE, async || store.get(format!("responses.{unable}")).await.unwrap()).await;
    let response: serde_json::Value = serde_json::from_slice(&response).unwrap();
    assert_eq!(response["status"], "unsupported");
}

#[tokio::test]
async fn a_letter_larger_than_the_broker_takes_is_cut() {
    let options = BrokerOptions { max_payload: Some(64 << 10), ..BrokerOptions::default() };
    let fleet = Fleet::with(Broker::with(&options).await, "", Default::default()).await;
    let _worker = fleet.worker("web-01", &Hands::default()).await;
    publish(&fleet, "jobs.modify._any", &"x".repeat((64 << 10) - 50)).await;
    let letter = wait_for("the letter", PATIENCE, async || fleet.jobs.dead_letters(1).await.unwrap().pop()).await;
    assert_eq!((letter.payload.len(), letter.subject.as_str()), (4096, "jobs.modify._any"));
}
