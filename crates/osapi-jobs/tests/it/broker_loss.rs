//! The broker goes away and comes back, with or without what it had.

use std::time::Duration;

use osapi_core::JobState;
use osapi_jobs::{JobsError, Submission};
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

#[tokio::test]
async fn what_waits_for_a_worker_outlives_the_broker_and_nothing_comes_twice() {
    let mut fleet = Fleet::start().await;
    let hands = Hands::default();
    let worker = fleet.worker("web-01", &hands).await;
    let mut expected = Vec::new();
    for text in ["web-01", "_all"] {
        expected.push(fleet.jobs.run(query(text), PATIENCE).await.unwrap().id);
        expected.push(fleet.jobs.run(change(text), PATIENCE).await.unwrap().id);
    }
    worker.stop().await;
    for submission in [query("web-01"), change("_all"), query("_all"), change("web-01")] {
        let queued = Submission { queue: true, ..submission };
        expected.push(fleet.jobs.submit(queued).await.unwrap().job_id);
    }
    fleet.broker.kill();
    fleet.broker.restart().await;
    wait_until("readiness", PATIENCE, async || fleet.jobs.ready().await.is_ok()).await;
    let _worker = fleet.worker("web-01", &hands).await;
    for job in &expected {
        assert_eq!(fleet.jobs.wait(*job, PATIENCE).await.unwrap().status, JobState::Completed);
    }
    assert_eq!(hands.order(), expected);
    // It lives on while the broker forgets how far it had got.
    fleet.broker.kill();
    fleet.broker.restart().await;
    wait_until("readiness", PATIENCE, async || fleet.jobs.ready().await.is_ok()).await;
    for submission in [query("_all"), change("web-01")] {
        expected.push(fleet.jobs.run(Submission { queue: true, ..submission }, PATIENCE).await.unwrap().id);
    }
    assert_eq!(hands.order(), expected);
}

/// How long the broker is away; the time of this process runs ahead, so that nobody waits for it.
const AWAY: Duration = Duration::from_secs(5 * 60);

#[tokio::test]
async fn five_minutes_without_a_broker_need_no_restart_of_anybody() {
    let mut fleet = Fleet::start().await;
    let another = fleet.another_api().await;
    let (hands, gate) = Hands::gated();
    let _worker = fleet.worker("web-01", &hands).await;
    let mut begun = Vec::new();
    for submission in [change("web-01"), query("_any"), query("web-01")] {
        let patient = Submission { timeout: 2 * AWAY, ..submission };
        begun.push(fleet.jobs.submit(patient).await.unwrap().job_id);
    }
    wait_until("the work to begin", PATIENCE, async || hands.started() == begun.len()).await;
    fleet.broker.kill();
    for jobs in [&fleet.jobs, &another] {
        wait_until("the loss to be noticed", PATIENCE, async || jobs.ready().await.is_err()).await;
    }
    tokio::time::pause();
    let since = tokio::time::Instant::now();
    for minute in 0..5 {
        tokio::time::sleep(AWAY / 5).await;
        if minute == 1 {
            // The work ends while nobody can hear of it.
            gate.add_permits(begun.len());
        }
        for jobs in [&fleet.jobs, &another] {
            let wrong = jobs.ready().await.unwrap_err();
            assert!(wrong.iter().any(|text| text.contains("not reachable")), "{wrong:?}");
            assert!(matches!(jobs.submit(change("web-01")).await, Err(JobsError::Unavailable(_))));
            assert_eq!(jobs.stats().total_jobs, 3, "what is known is still told");
        }
    }
    assert!(since.elapsed() >= AWAY && hands.total() == begun.len());
    tokio::time::resume();
    fleet.broker.restart().await;
    for jobs in [&fleet.jobs, &another] {
        wait_until("readiness", PATIENCE, async || jobs.ready().await.is_ok()).await;
        for job in &begun {
            // A worker that nobody can hear is not thought lost, so nothing reads interrupted meanwhile.
            assert_eq!(jobs.wait(*job, PATIENCE).await.unwrap().status, JobState::Completed);
        }
    }
    gate.add_permits(100);
    for submission in [query("web-01"), change("_any"), query("_all")] {
        assert_eq!(another.run(submission, PATIENCE).await.unwrap().status, JobState::Completed);
    }
    assert!(begun.iter().all(|job| hands.count(*job) == 1), "each ran once");
}
