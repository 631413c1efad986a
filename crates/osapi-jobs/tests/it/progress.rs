//! What a host says while it is at it: live, resumable, bounded, and readable afterwards.

use futures::StreamExt as _;
use osapi_core::job::{JobEvent, JobEventKind};
use osapi_core::{JobId, JobState};
use osapi_jobs::{Jobs, JobsError};
use osapi_testkit::wait_until;
use uuid::Uuid;

use crate::fleet::{Fleet, Hands, PATIENCE, change, query};

async fn next(events: &mut (impl futures::Stream<Item = JobEvent> + Unpin)) -> JobEvent {
    tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time").expect("more events")
}

fn lines(events: &[JobEvent]) -> Vec<String> {
    events
        .iter()
        .filter(|event| event.event == JobEventKind::Progress)
        .filter_map(|event| event.message.clone())
        .collect()
}

async fn all(jobs: &Jobs, job: JobId, after: u64) -> Vec<JobEvent> {
    let events = jobs.events(job, after).await.unwrap();
    tokio::time::timeout(PATIENCE, events.collect()).await.expect("the stream ends with the job")
}

#[tokio::test]
async fn lines_are_live_resumable_and_stay_with_the_job() {
    let fleet = Fleet::start().await;
    let another = fleet.another_api().await;
    let (hands, gate) = Hands::gated();
    hands.say((0..30).map(|number| format!("line {number}")));
    let _worker = fleet.worker("web-01", &hands).await;
    let job = fleet.jobs.submit(change("web-01")).await.unwrap().job_id;
    let mut live = fleet.jobs.events(job, 0).await.unwrap();
    let mut seen = Vec::new();
    while lines(&seen).len() < 30 {
        seen.push(next(&mut live).await);
    }
    assert_eq!(lines(&seen), (0..30).map(|number| format!("line {number}")).collect::<Vec<_>>());
    let kinds: Vec<_> = seen.iter().map(|event| event.event).collect();
    for kind in [JobEventKind::Submitted, JobEventKind::Acknowledged, JobEventKind::Started] {
        assert!(kinds.contains(&kind), "{kind:?} in {kinds:?}");
    }
    assert!(seen.is_sorted_by_key(|event| event.sequence), "{seen:?}");
    gate.add_permits(1);
    while let Some(event) = tokio::time::timeout(PATIENCE, live.next()).await.unwrap() {
        seen.push(event);
    }
    assert_eq!(seen.last().unwrap().event, JobEventKind::Completed);
    // Whoever reads later sees the same, here and at another server, from the beginning or from anywhere.
    assert_eq!(all(&fleet.jobs, job, 0).await, seen);
    wait_until("the other server", PATIENCE, async || {
        another.get(job).await.is_ok_and(|detail| detail.status == JobState::Completed)
    })
    .await;
    for split in [0, 1, 10, 20, seen.len() - 1] {
        assert_eq!(all(&another, job, seen[split].sequence).await, seen[split + 1..], "resumed after {split}");
    }
    let detail = fleet.jobs.get(job).await.unwrap();
    assert_eq!(detail.timeline, seen);
}

#[tokio::test]
async fn a_host_that_says_too_much_is_cut_short() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    hands.say((0..2500).map(|number| format!("{number} {}", "é".repeat(3000))));
    let _worker = fleet.worker("web-01", &hands).await;
    let job = fleet.jobs.run(query("web-01"), PATIENCE).await.unwrap().id;
    let lines = lines(&all(&fleet.jobs, job, 0).await);
    assert!(lines.len() < 200, "{} lines", lines.len());
    assert!(lines.iter().map(String::len).sum::<usize>() < 600 << 10);
    assert!(lines.last().unwrap().contains("more lines are left out"), "{:?}", lines.last());
}

#[tokio::test]
async fn quick_work_has_a_timeline_and_costs_no_events() {
    let fleet = Fleet::start().await;
    let _worker = fleet.worker("web-01", &Hands::default()).await;
    let detail = fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    let kinds: Vec<_> = detail.timeline.iter().map(|event| event.event).collect();
    assert_eq!(
        kinds,
        [JobEventKind::Submitted, JobEventKind::Acknowledged, JobEventKind::Started, JobEventKind::Completed]
    );
    let nobody = JobId::new(Uuid::now_v7());
    assert!(matches!(fleet.jobs.events(nobody, 0).await.map(|_| ()), Err(JobsError::NoJob(_))));
}
