//! The broker goes away and comes back, with or without what it had.

use osapi_core::JobState;
use osapi_jobs::JobsError;
use osapi_testkit::{wait_for, wait_until};

use crate::fleet::{Fleet, Hands, PATIENCE, change, query};

#[tokio::test]
async fn everybody_recovers_without_a_restart_and_readiness_tells_the_truth() {
    let mut fleet = Fleet::start().await;
    let (hands, gate) = Hands::gated();
    let _worker = fleet.worker("web-01", &hands).await;
    gate.add_permits(1);
    let before = fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    let during = fleet.jobs.submit(change("web-01")).await.unwrap().job_id;
    wait_until("the work to begin", PATIENCE, async || hands.started() == 2).await;
    fleet.broker.kill();
    wait_until("the loss to be noticed", PATIENCE, async || fleet.jobs.ready().await.is_err()).await;
    assert!(matches!(fleet.jobs.submit(change("web-01")).await, Err(JobsError::Unavailable(_))));
    assert_eq!(fleet.jobs.get(before.id).await.unwrap(), before, "what is known is still told");
    // It ends while nobody can hear of it.
    gate.add_permits(1);
    wait_until("the work to end", PATIENCE, async || hands.count(during) == 1).await;
    fleet.broker.restart().await;
    wait_until("readiness", PATIENCE, async || fleet.jobs.ready().await.is_ok()).await;
    let detail = fleet.jobs.wait(during, PATIENCE).await.unwrap();
    assert_eq!((detail.status, hands.count(during)), (JobState::Completed, 1));
    gate.add_permits(100);
    for submission in [query("web-01"), change("_any"), query("_all")] {
        assert_eq!(fleet.jobs.run(submission, PATIENCE).await.unwrap().status, JobState::Completed);
    }
}

#[tokio::test]
async fn a_broker_that_lost_its_store_gets_everything_anew() {
    let mut fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    fleet.broker.kill();
    fleet.broker.forget();
    fleet.broker.restart().await;
    wait_until("an empty index", PATIENCE, async || {
        fleet.jobs.ready().await.is_ok() && fleet.jobs.stats().total_jobs == 0
    })
    .await;
    let detail =
        wait_for("a job to go round again", PATIENCE, async || fleet.jobs.run(change("web-01"), PATIENCE).await.ok())
            .await;
    assert_eq!(detail.status, JobState::Completed);
    assert_eq!(fleet.jobs.run(query("_any"), PATIENCE).await.unwrap().status, JobState::Completed);
}
