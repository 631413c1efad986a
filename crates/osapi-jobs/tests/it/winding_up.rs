//! A change that was called off may take its time to put back what it did.

use std::time::Duration;

use osapi_core::{Assignment, HostStatus, JobState, Report};
use osapi_jobs::{Control, Execute, WorkerSettings};
use osapi_testkit::{Broker, wait_until};

use crate::fleet::{Fleet, PATIENCE, change, settings, start};

/// Works until called off, then needs longer than a query would get to say so.
struct Slow;

impl Execute for Slow {
    async fn execute(&self, assignment: Assignment, control: Control) -> Report {
        control.cancel.cancelled().await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        Report::silent(assignment.hostname, HostStatus::Cancelled)
    }
}

#[tokio::test]
async fn a_worker_that_stops_lets_a_change_put_back_what_it_did() {
    let fleet = Fleet::with(Broker::start().await, "", Default::default()).await;
    let settings = WorkerSettings { drain: Duration::ZERO, ..settings("web-01", &[]) };
    let worker = start(fleet.connection().await, settings, Slow);
    wait_until("the worker", PATIENCE, async || fleet.jobs.worker(&worker.name).is_ok()).await;
    let job = fleet.jobs.submit(change("web-01")).await.unwrap().job_id;
    wait_until("the change to begin", PATIENCE, async || {
        fleet.jobs.get(job).await.unwrap().status == JobState::Processing
    })
    .await;
    worker.stop().await;
    let ended = fleet.jobs.wait(job, PATIENCE).await.unwrap();
    assert_eq!(ended.results[0].status, HostStatus::Cancelled, "{:?}", ended.results[0].error);
}

#[tokio::test]
async fn an_engine_that_is_told_to_stop_leaves_no_task_behind() {
    let fleet = Fleet::start().await;
    let _worker = fleet.worker("web-01", &Default::default()).await;
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    let early = tokio::time::timeout(Duration::ZERO, fleet.jobs.ended(PATIENCE)).await;
    assert!(early.is_err(), "it ended before it was told to");
    fleet.shutdown.cancel();
    tokio::time::timeout(PATIENCE / 2, fleet.jobs.ended(PATIENCE)).await.unwrap();
}
