//! Every expected host has a row, and says why when it did not answer.

use std::time::Duration;

use futures::TryStreamExt as _;
use osapi_core::worker::WorkerState;
use osapi_core::{ErrorCode, HostStatus, JobId, JobState, Report};
use osapi_jobs::JobsError;
use osapi_testkit::{wait_for, wait_until};

use crate::fleet::{Fleet, Hands, PATIENCE, change, host, query};

#[tokio::test]
async fn workers_that_are_gone_get_their_row_at_once_and_delay_nobody() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _alive = fleet.worker("alive", &hands).await;
    fleet.worker("stopped", &hands).await.stop().await;
    fleet.worker("crashed", &hands).await.crash();
    wait_until("the crash to be noticed", PATIENCE, async || {
        fleet.jobs.worker(&host("crashed")).unwrap().state == WorkerState::Lost
            && fleet.jobs.worker(&host("stopped")).unwrap().state == WorkerState::Stopped
    })
    .await;
    for submission in [query("_all"), change("_all")] {
        let detail = fleet.jobs.run(submission, PATIENCE).await.unwrap();
        assert_eq!(detail.status, JobState::PartialFailure);
        let rows: Vec<_> = detail.results.iter().map(|report| (report.hostname.as_str(), report.status)).collect();
        assert_eq!(
            rows,
            [("alive", HostStatus::Ok), ("crashed", HostStatus::Unreachable), ("stopped", HostStatus::Unreachable)]
        );
        let reason = detail.results[1].error.as_ref().unwrap();
        assert_eq!(reason.code, ErrorCode::Unavailable);
        assert!(reason.message.contains("worker `crashed` was last heard of at"), "{reason}");
        assert!(detail.results[2].error.as_ref().unwrap().message.contains("stopped at"));
    }
    // A worker that vanishes while others are waited for gets its row too.
    let (slow, gate) = Hands::gated();
    let slow = fleet.worker("slow", &slow).await;
    let job = fleet.jobs.submit(change("_all")).await.unwrap().job_id;
    wait_until("the slow one to begin", PATIENCE, async || {
        fleet.jobs.get(job).await.unwrap().results.iter().any(|report| report.status == HostStatus::Running)
    })
    .await;
    slow.crash();
    let detail = fleet.jobs.wait(job, PATIENCE).await.unwrap();
    let row = detail.results.iter().find(|report| report.hostname == host("slow")).unwrap();
    assert_eq!(row.status, HostStatus::Interrupted);
    assert!(row.error.as_ref().unwrap().message.contains("`slow`"));
    drop(gate);
}

#[tokio::test]
async fn a_worker_may_be_forgotten_when_it_is_gone() {
    let fleet = Fleet::start().await;
    let worker = fleet.worker("web-01", &Hands::default()).await;
    let name = worker.name.clone();
    assert!(matches!(fleet.jobs.forget_worker(&name).await, Err(JobsError::Conflict(_))));
    worker.stop().await;
    wait_until("the stop to be seen", PATIENCE, async || {
        fleet.jobs.worker(&name).unwrap().state == WorkerState::Stopped
    })
    .await;
    fleet.jobs.forget_worker(&name).await.unwrap();
    assert!(matches!(fleet.jobs.worker(&name), Err(JobsError::NoWorker(_))));
    assert!(matches!(fleet.jobs.submit(query("web-01")).await, Err(JobsError::NoTarget(_))));
    assert!(matches!(fleet.jobs.set_draining(&name, true).await, Err(JobsError::NoWorker(_))));
}

#[tokio::test]
async fn failure_is_a_result_and_runs_once() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let failure = osapi_core::Failure::failed("the tool said no");
    hands.answer(Report { error: Some(failure.clone()), ..Report::silent(host("x"), HostStatus::Failed) });
    let _worker = fleet.worker("web-01", &hands).await;
    for text in ["_any", "web-01"] {
        let detail = fleet.jobs.run(change(text), PATIENCE).await.unwrap();
        assert_eq!(detail.status, JobState::Failed);
        assert_eq!(detail.results[0].error.as_ref(), Some(&failure));
        assert_eq!(detail.results[0].hostname, host("web-01"), "the engine knows who answered");
    }
    // The broker waits for no acknowledgement any more, so nothing comes again.
    let context = async_nats::jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    wait_until("all to be acknowledged", PATIENCE, async || {
        let stream = context.get_stream("JOBS").await.unwrap();
        let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
        consumers.iter().all(|info| info.num_ack_pending == 0)
    })
    .await;
    assert_eq!(hands.total(), 2);
}

#[tokio::test]
async fn an_unanswered_job_expires() {
    let fleet = Fleet::start().await;
    let (hands, _gate) = Hands::gated();
    let mut settings = crate::fleet::settings("web-01", &[]);
    settings.registration.max_jobs = 1;
    let _worker = fleet.worker_with(settings, &hands).await;
    // The one place is taken, so nothing else begins.
    fleet.jobs.submit(query("web-01")).await.unwrap();
    for text in ["web-01", "_any"] {
        let mut brief = change(text);
        brief.expires_after = Duration::from_millis(100);
        let detail = fleet.jobs.run(brief, PATIENCE).await.unwrap();
        assert_eq!(detail.status, JobState::Expired, "{text}");
        assert_eq!(hands.count(detail.id), 0);
        let end = detail.timeline.last().unwrap();
        assert_eq!(end.event, osapi_core::job::JobEventKind::Expired, "{text}");
    }
}

#[tokio::test]
async fn a_wait_that_is_over_too_early_names_the_job_and_the_job_goes_on() {
    let fleet = Fleet::start().await;
    let (hands, gate) = Hands::gated();
    let _worker = fleet.worker("web-01", &hands).await;
    let error = fleet.jobs.run(change("web-01"), Duration::from_millis(200)).await.unwrap_err();
    let JobsError::Timeout(job) = error else { panic!("{error}") };
    gate.add_permits(1);
    assert_eq!(fleet.jobs.wait(job, PATIENCE).await.unwrap().status, JobState::Completed);
}

#[tokio::test]
async fn a_worker_that_lives_and_never_says_how_a_change_ended_does_not_hold_it_open() {
    let fleet = Fleet::start().await;
    let settings = crate::fleet::settings("web-01", &[]);
    let instance = settings.registration.instance;
    let _worker = fleet.worker_with(settings, &Hands::default()).await;
    let done = fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    let context = async_nats::jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    let store = context.get_key_value("job-queue").await.unwrap();
    let record = store.get(format!("jobs.{}", done.id)).await.unwrap().unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let id = JobId::new(uuid::Uuid::now_v7());
    let now = jiff::Timestamp::now();
    record["id"] = id.to_string().into();
    record["timeout_seconds"] = 1.into();
    // Long past its expiry, and all the time that the last to begin it could have needed.
    record["expires_at"] = (now - jiff::SignedDuration::from_hours(1)).to_string().into();
    let claim = serde_json::json!({
        "claim": "held", "hostname": "web-01", "instance": instance, "attempt": uuid::Uuid::new_v4(), "at": now,
    });
    store.put(format!("jobs.{id}"), record.to_string().into()).await.unwrap();
    store.put(format!("claims.{id}.web-01"), claim.to_string().into()).await.unwrap();
    let detail = wait_for("the end", PATIENCE, async || {
        fleet.jobs.get(id).await.ok().filter(|detail| detail.status == JobState::Interrupted)
    })
    .await;
    let message = &detail.results[0].error.as_ref().unwrap().message;
    assert!(message.contains("worker `web-01` began") && message.contains("long past its time"), "{message}");
}
