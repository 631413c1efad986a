//! What is counted for whoever watches.

use osapi_core::target::TargetKind;
use osapi_core::{JobState, OperationKind};
use osapi_jobs::{Submission, Waiting};
use osapi_testkit::wait_until;

use crate::fleet::{Fleet, Hands, PATIENCE, change, query, settings};

#[tokio::test]
async fn what_waits_ends_and_goes_wrong_is_counted() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let nothing = fleet.jobs.figures();
    assert_eq!(nothing.waiting.len(), TargetKind::ALL.len());
    assert!(nothing.waiting.values().all(|waiting| *waiting == Waiting::default()), "{nothing:?}");
    let queued = Submission { queue: true, ..change("web-01") };
    let first = fleet.jobs.submit(queued.clone()).await.unwrap();
    let second = fleet.jobs.submit(queued).await.unwrap();
    wait_until("the older one to age", PATIENCE, async || {
        let waiting = fleet.jobs.figures().waiting[&TargetKind::Host];
        let age = std::time::Duration::try_from(jiff::Timestamp::now().duration_since(first.created_at)).unwrap();
        assert!(waiting.oldest <= age);
        waiting.jobs == 2 && !waiting.oldest.is_zero()
    })
    .await;
    assert_eq!(fleet.jobs.figures().waiting[&TargetKind::Any], Waiting::default());
    let _worker = fleet.worker("web-01", &hands).await;
    for job in [first.job_id, second.job_id] {
        fleet.jobs.wait(job, PATIENCE).await.unwrap();
    }
    fleet.jobs.run(query("_any"), PATIENCE).await.unwrap();
    let (changes, queries) = (OperationKind::SystemHostnameUpdate, OperationKind::SystemHostnameGet);
    let figures = fleet.jobs.figures();
    assert!(figures.waiting.values().all(|waiting| *waiting == Waiting::default()), "{figures:?}");
    assert_eq!(figures.jobs[&(changes, JobState::Completed)], 2);
    assert_eq!(figures.jobs_ended[&(changes, JobState::Completed)], 2);
    assert_eq!(figures.jobs_ended[&(queries, JobState::Completed)], 1);
    // The first notification again, and something that is no job.
    let context = async_nats::jetstream::new(async_nats::connect(fleet.broker.address()).await.unwrap());
    let notified = context.get_stream("JOBS").await.unwrap().get_raw_message(1).await.unwrap();
    for (subject, body) in [(notified.subject.to_string(), notified.payload), ("jobs.query._any".into(), "x".into())] {
        context.publish(subject, body).await.unwrap().await.unwrap();
    }
    wait_until("the heartbeat and the broker to tell", PATIENCE, async || {
        let figures = fleet.jobs.figures();
        (figures.claims_granted, figures.claims_refused) == (2, 1)
            && (figures.dead_letters, figures.dead_letters_ever) == (1, 1)
    })
    .await;
    fleet.jobs.delete(first.job_id).await.unwrap();
    let figures = fleet.jobs.figures();
    assert_eq!(figures.jobs[&(changes, JobState::Completed)], 1);
    assert_eq!(figures.jobs_ended[&(changes, JobState::Completed)], 2, "what has ended has ended");
    // Whoever comes later counts from then on.
    let late = fleet.another_api().await.figures();
    assert_eq!((late.jobs, late.jobs_ended.len(), late.claims_granted), (figures.jobs, 0, 0));
}

#[tokio::test]
async fn messages_that_come_again_are_counted() {
    let fleet = Fleet::start().await;
    let (stuck, _gate) = Hands::gated();
    let crashing = fleet.worker("web-01", &stuck).await;
    let job = fleet.jobs.submit(query("_any")).await.unwrap().job_id;
    wait_until("the query to begin", PATIENCE, async || stuck.started() == 1).await;
    crashing.crash();
    let _other = fleet.worker_with(settings("web-02", &[]), &Hands::default()).await;
    fleet.jobs.wait(job, PATIENCE).await.unwrap();
    wait_until("the heartbeat to tell", PATIENCE, async || fleet.jobs.figures().redeliveries >= 1).await;
}
