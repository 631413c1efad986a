//! Who gets a job, and who does not.

use std::time::Duration;

use osapi_core::worker::WorkerState;
use osapi_core::{HostStatus, JobState};
use osapi_testkit::{wait_for, wait_until};

use crate::fleet::{Fleet, Hands, PATIENCE, change, host, query, settings};

#[tokio::test]
async fn a_job_for_any_one_worker_runs_once() {
    let fleet = Fleet::start().await;
    let hands: Vec<Hands> = (0..5).map(|_| Hands::default()).collect();
    let mut workers = Vec::new();
    for (number, hands) in hands.iter().enumerate() {
        workers.push(fleet.worker(&format!("web-{number}"), hands).await);
    }
    let mut submitted = Vec::new();
    for number in 0..100 {
        let submission = if number % 2 == 0 { change("_any") } else { query("_any") };
        submitted.push(fleet.jobs.submit(submission).await.unwrap().job_id);
    }
    for job in submitted {
        let detail = fleet.jobs.wait(job, PATIENCE).await.unwrap();
        assert_eq!((detail.status, detail.results.len()), (JobState::Completed, 1));
        assert_eq!(hands.iter().map(|hands| hands.count(job)).sum::<usize>(), 1, "{job}");
    }
    assert!(hands.iter().filter(|hands| hands.total() > 0).count() > 1, "one worker did everything");
}

#[tokio::test]
async fn hosts_that_differ_in_punctuation_are_distinct() {
    let fleet = Fleet::start().await;
    let names = ["web-01", "web.01", "web_01"];
    let mut hands = Vec::new();
    let mut workers = Vec::new();
    for name in names {
        let of_name = Hands::default();
        workers.push(fleet.worker(name, &of_name).await);
        hands.push(of_name);
    }
    for (name, of_name) in names.iter().zip(&hands) {
        let detail = fleet.jobs.run(change(name), PATIENCE).await.unwrap();
        assert_eq!(detail.results[0].hostname, host(name));
        assert_eq!((of_name.count(detail.id), of_name.total()), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn a_new_a_renamed_and_a_relabelled_worker_run_no_history() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let old = fleet.worker_with(settings("old", &["group:web"]), &hands).await;
    for text in ["_all", "group:web", "old"] {
        fleet.jobs.run(change(text), PATIENCE).await.unwrap();
    }
    old.stop().await;
    // Still to be run by whoever it was meant for, and by nobody who comes later.
    fleet.jobs.submit(change("_all")).await.unwrap();
    fleet.jobs.submit(change("group:web")).await.unwrap();
    let (renamed, relabelled) = (Hands::default(), Hands::default());
    let _renamed = fleet.worker_with(settings("new", &["group:web"]), &renamed).await;
    let first = fleet.worker("db", &relabelled).await;
    let before = fleet.jobs.submit(change("group:web")).await.unwrap().job_id;
    first.stop().await;
    let _second = fleet.worker_with(settings("db", &["group:web"]), &relabelled).await;
    // What is meant for them passes through the same consumer after all that is not.
    for text in ["new", "db"] {
        fleet.jobs.run(change(text), PATIENCE).await.unwrap();
    }
    let detail = fleet.jobs.get(before).await.unwrap();
    let hosts: Vec<_> = detail.results.iter().map(|report| report.hostname.as_str()).collect();
    assert_eq!(hosts, ["new", "old"], "`db` did not carry the label then");
    assert_eq!(renamed.total(), 2, "its own job, and the one submitted after it joined");
    assert_eq!(relabelled.total(), 1, "its own job only");
    let after = fleet.jobs.submit(change("group:web")).await.unwrap().job_id;
    wait_until("both to run what is new", PATIENCE, async || renamed.count(after) == 1 && relabelled.count(after) == 1)
        .await;
}

#[tokio::test]
async fn a_worker_that_was_off_runs_what_is_valid_in_order_and_nothing_expired() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    fleet.worker("web-01", &hands).await.stop().await;
    let mut valid = Vec::new();
    let mut expired = Vec::new();
    for number in 0..10 {
        let mut brief = change("web-01");
        brief.expires_after = Duration::from_millis(100);
        expired.push(fleet.jobs.submit(brief).await.unwrap().job_id);
        let lasting = if number % 2 == 0 { change("web-01") } else { query("_all") };
        valid.push(fleet.jobs.submit(lasting).await.unwrap().job_id);
    }
    wait_until("the brief jobs to expire", PATIENCE, async || {
        let last = fleet.jobs.get(expired[9]).await.unwrap();
        last.expires_at < jiff::Timestamp::now()
    })
    .await;
    let _worker = fleet.worker("web-01", &hands).await;
    for job in &valid {
        let detail = wait_for("the job to be done after all", PATIENCE, async || {
            let detail = fleet.jobs.get(*job).await.unwrap();
            (detail.status == JobState::Completed).then_some(detail)
        })
        .await;
        assert_eq!(detail.results[0].status, HostStatus::Ok);
    }
    assert_eq!(hands.order(), valid);
    for job in expired {
        wait_until("the job to read expired", PATIENCE, async || {
            fleet.jobs.get(job).await.unwrap().status == JobState::Expired
        })
        .await;
    }
}

#[tokio::test]
async fn a_job_may_wait_for_a_worker_that_does_not_exist_yet() {
    let fleet = Fleet::start().await;
    let mut waiting = Vec::new();
    for text in ["web-01", "group:web", "_all", "_any"] {
        let submission = osapi_jobs::Submission { queue: true, ..change(text) };
        waiting.push((text, fleet.jobs.submit(submission).await.unwrap().job_id));
    }
    let mut brief = query("web-02");
    (brief.queue, brief.expires_after) = (true, Duration::from_millis(50));
    let brief = fleet.jobs.submit(brief).await.unwrap().job_id;
    for (text, job) in &waiting {
        assert_eq!(fleet.jobs.get(*job).await.unwrap().status, JobState::Submitted, "{text}");
    }
    let hands = Hands::default();
    let _worker = fleet.worker_with(settings("web-01", &["group:web"]), &hands).await;
    for (text, job) in waiting {
        let detail = fleet.jobs.wait(job, PATIENCE).await.unwrap();
        assert_eq!((detail.status, hands.count(job)), (JobState::Completed, 1), "{text}");
        assert_eq!(detail.results[0].hostname, host("web-01"), "{text}");
    }
    let detail = fleet.jobs.wait(brief, PATIENCE).await.unwrap();
    assert_eq!(detail.status, JobState::Expired);
}

#[tokio::test]
async fn a_drained_worker_takes_nothing_until_it_is_resumed_even_after_a_restart() {
    let fleet = Fleet::start().await;
    let (drained, other) = (Hands::default(), Hands::default());
    let worker = fleet.worker("web-01", &drained).await;
    let _other = fleet.worker("web-02", &other).await;
    fleet.jobs.set_draining(&worker.name, true).await.unwrap();
    assert_eq!(fleet.jobs.worker(&worker.name).unwrap().state, WorkerState::Draining);
    let name = worker.name.clone();
    worker.stop().await;
    let _worker = fleet.worker("web-01", &drained).await;
    assert_eq!(fleet.jobs.worker(&name).unwrap().state, WorkerState::Draining);
    for _ in 0..10 {
        fleet.jobs.run(change("_any"), PATIENCE).await.unwrap();
    }
    let detail = fleet.jobs.run(query("_all"), PATIENCE).await.unwrap();
    let rows: Vec<_> = detail.results.iter().map(|report| report.status).collect();
    assert_eq!(rows, [HostStatus::Unreachable, HostStatus::Ok]);
    assert_eq!((drained.total(), other.total()), (0, 11));
    fleet.jobs.set_draining(&name, false).await.unwrap();
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    assert!(drained.total() > 0);
}
