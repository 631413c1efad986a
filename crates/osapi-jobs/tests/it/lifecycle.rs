//! Cancel, delete, retry, and submitting twice.

use osapi_core::job::JobEventKind;
use osapi_core::{HostStatus, JobId, JobState};
use osapi_jobs::{JobsError, Submission};
use osapi_testkit::wait_until;
use uuid::Uuid;

use crate::fleet::{Fleet, Hands, PATIENCE, change, query, settings, target};

#[tokio::test]
async fn what_is_called_off_before_it_begins_never_runs() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _other = fleet.worker("web-02", &Hands::default()).await;
    fleet.worker("web-01", &hands).await.stop().await;
    let mut jobs = Vec::new();
    for submission in [change("web-01"), query("web-01")] {
        let submission = Submission { queue: true, ..submission };
        let job = fleet.jobs.submit(submission).await.unwrap().job_id;
        fleet.jobs.cancel(job, Some("ops".to_owned())).await.unwrap();
        let detail = fleet.jobs.get(job).await.unwrap();
        assert_eq!((detail.status, detail.results[0].status), (JobState::Cancelled, HostStatus::Cancelled));
        let event = detail.timeline.iter().find(|event| event.event == JobEventKind::Cancelled).unwrap();
        assert_eq!(event.message.as_deref(), Some("called off by ops"));
        assert!(matches!(fleet.jobs.cancel(job, None).await, Err(JobsError::Conflict(_))));
        jobs.push(job);
    }
    let _worker = fleet.worker("web-01", &hands).await;
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    fleet.jobs.run(query("web-01"), PATIENCE).await.unwrap();
    assert_eq!(hands.total(), 2, "only what came after");
    for job in jobs {
        assert_eq!(fleet.jobs.get(job).await.unwrap().status, JobState::Cancelled);
    }
}

#[tokio::test]
async fn what_is_at_work_is_told_to_stop() {
    let fleet = Fleet::start().await;
    let (hands, _gate) = Hands::gated();
    let _worker = fleet.worker("web-01", &hands).await;
    for submission in [change("web-01"), query("_any"), change("_any"), query("_all")] {
        let text = format!("{} for {}", submission.operation.name(), submission.target);
        let job = fleet.jobs.submit(submission).await.unwrap().job_id;
        wait_until("the work to begin", PATIENCE, async || {
            fleet.jobs.get(job).await.unwrap().status == JobState::Processing
        })
        .await;
        assert!(matches!(fleet.jobs.delete(job).await, Err(JobsError::Conflict(_))), "{text}");
        fleet.jobs.cancel(job, None).await.unwrap();
        let detail = fleet.jobs.wait(job, PATIENCE).await.unwrap();
        assert_eq!(detail.status, JobState::Cancelled, "{text}");
        assert!(detail.results[0].finished_at.is_some(), "{text}: the worker itself reported");
    }
    assert_eq!(hands.total(), 0);
}

#[tokio::test]
async fn a_deleted_job_is_gone_everywhere_and_its_message_is_dropped() {
    let fleet = Fleet::start().await;
    let another = fleet.another_api().await;
    let hands = Hands::default();
    let _other = fleet.worker("web-02", &Hands::default()).await;
    fleet.worker("web-01", &hands).await.stop().await;
    for submission in [change("web-01"), query("web-01"), change("_all")] {
        let submission = Submission { queue: true, ..submission };
        let job = fleet.jobs.submit(submission).await.unwrap().job_id;
        fleet.jobs.cancel(job, None).await.unwrap();
        fleet.jobs.wait(job, PATIENCE).await.unwrap();
        fleet.jobs.delete(job).await.unwrap();
        assert!(matches!(fleet.jobs.get(job).await, Err(JobsError::NoJob(_))));
        assert!(matches!(fleet.jobs.delete(job).await, Err(JobsError::NoJob(_))));
        wait_until("the other server to hear of it", PATIENCE, async || {
            matches!(another.get(job).await, Err(JobsError::NoJob(_)))
        })
        .await;
    }
    assert_eq!(fleet.jobs.stats().total_jobs, 0);
    let _worker = fleet.worker("web-01", &hands).await;
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    assert_eq!(hands.total(), 1, "nothing that was deleted ran");
}

#[tokio::test]
async fn what_an_absent_host_did_not_do_can_be_called_off_or_repeated_without_running_twice() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    fleet.worker("web-01", &hands).await.stop().await;
    let mut over = Vec::new();
    for submission in [change("web-01"), change("web-01"), query("web-01"), change("web-01")] {
        let detail = fleet.jobs.run(submission, PATIENCE).await.unwrap();
        assert_eq!((detail.status, detail.results[0].status), (JobState::Failed, HostStatus::Unreachable));
        let hint = detail.results[0].error.as_ref().unwrap().hint.clone().unwrap();
        assert!(hint.contains("carries the job out if it is back before"), "{hint}");
        over.push(detail.id);
    }
    let [kept, repeated, asked, called_off] = over[..] else { panic!("{over:?}") };
    let again = fleet.jobs.retry(repeated, None, None).await.unwrap().job_id;
    for job in [asked, called_off] {
        fleet.jobs.cancel(job, None).await.unwrap();
        assert_eq!(fleet.jobs.get(job).await.unwrap().status, JobState::Cancelled);
        assert!(matches!(fleet.jobs.cancel(job, None).await, Err(JobsError::Conflict(_))));
    }
    let _worker = fleet.worker("web-01", &hands).await;
    let last = fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap().id;
    // In order, so that nothing is still to come.
    assert_eq!(hands.order(), [kept, again, last]);
    assert_eq!(fleet.jobs.get(repeated).await.unwrap().status, JobState::Cancelled);
}

#[tokio::test]
async fn a_retry_repeats_for_the_original_target_and_is_linked_both_ways() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker_with(settings("web-01", &["group:web"]), &hands).await;
    let _other = fleet.worker("web-02", &hands).await;
    let first = fleet.jobs.run(change("group:web"), PATIENCE).await.unwrap();
    let second = fleet.jobs.retry(first.id, None, Some("ops".to_owned())).await.unwrap().job_id;
    let second = fleet.jobs.wait(second, PATIENCE).await.unwrap();
    assert_eq!((second.retry_of, second.target.clone()), (Some(first.id), target("group:web")));
    assert_eq!((second.results.len(), second.operation.clone()), (1, first.operation.clone()));
    let third = fleet.jobs.retry(first.id, Some(target("web-02")), None).await.unwrap().job_id;
    let first = fleet.jobs.get(first.id).await.unwrap();
    assert_eq!(first.retried_as, [second.id, third]);
    let retried = first.timeline.iter().filter(|event| event.event == JobEventKind::Retried);
    assert_eq!(retried.count(), 2);
    let nobody = JobId::new(Uuid::now_v7());
    assert!(matches!(fleet.jobs.retry(nobody, None, None).await, Err(JobsError::NoJob(_))));
}

#[tokio::test]
async fn the_same_idempotency_key_makes_one_job() {
    let fleet = Fleet::start().await;
    let another = fleet.another_api().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    let keyed = |by: &str| Submission {
        idempotency_key: Some("deploy-1".to_owned()),
        submitted_by: Some(by.to_owned()),
        ..change("web-01")
    };
    let (one, other) = tokio::join!(fleet.jobs.submit(keyed("a")), another.submit(keyed("a")));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.job_id, other.job_id);
    let again = fleet.jobs.submit(keyed("a")).await.unwrap();
    assert!(again.existing && again.job_id == one.job_id && again.created_at == one.created_at);
    let theirs = fleet.jobs.submit(keyed("b")).await.unwrap();
    assert_ne!(theirs.job_id, one.job_id, "a key is its submitter's own");
    fleet.jobs.wait(one.job_id, PATIENCE).await.unwrap();
    fleet.jobs.wait(theirs.job_id, PATIENCE).await.unwrap();
    assert_eq!(hands.total(), 2);
    fleet.jobs.delete(one.job_id).await.unwrap();
    let anew = fleet.jobs.submit(keyed("a")).await.unwrap();
    assert!(!anew.existing && anew.job_id != one.job_id);
}

#[tokio::test]
async fn a_worker_that_hears_of_the_cancellation_before_the_job_does_not_begin_it() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    let done = fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    let context = async_nats::jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    let store = context.get_key_value("job-queue").await.unwrap();
    let record = store.get(format!("jobs.{}", done.id)).await.unwrap().unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let id = JobId::new(Uuid::now_v7());
    record["id"] = id.to_string().into();
    // Whoever called it off has come as far as to say so; the door of the slot is still open.
    let cancellation = serde_json::json!({ "at": jiff::Timestamp::now() });
    store.put(format!("cancellations.{id}"), cancellation.to_string().into()).await.unwrap();
    let sent = context.publish("jobs.modify.host.web-01", record.to_string().into()).await.unwrap();
    sent.await.unwrap();
    let response = osapi_testkit::wait_for("the worker's word", PATIENCE, async || {
        store.get(format!("responses.{id}.web-01")).await.unwrap()
    })
    .await;
    let response: serde_json::Value = serde_json::from_slice(&response).unwrap();
    assert_eq!((response["status"].as_str(), hands.count(id)), (Some("cancelled"), 0));
}

#[tokio::test]
async fn a_job_refused_for_want_of_room_can_be_submitted_again_under_its_key() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    let context = async_nats::jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    let config = context.get_stream("JOBS").await.unwrap().cached_info().config.clone();
    let narrow = async_nats::jetstream::stream::Config { max_bytes: 1, ..config.clone() };
    context.update_stream(narrow).await.unwrap();
    let keyed = Submission { idempotency_key: Some("deploy-1".to_owned()), ..change("web-01") };
    let refused = fleet.jobs.submit(keyed.clone()).await;
    assert!(matches!(refused, Err(JobsError::Full)), "{refused:?}");
    context.update_stream(config).await.unwrap();
    let accepted = fleet.jobs.submit(keyed).await.unwrap();
    assert!(!accepted.existing);
    assert_eq!(fleet.jobs.wait(accepted.job_id, PATIENCE).await.unwrap().status, JobState::Completed);
    assert_eq!((hands.total(), fleet.jobs.stats().total_jobs), (1, 1));
}
