//! Lists, counts and what is kept.

use std::time::Duration;

use osapi_core::{JobId, JobState, OperationKind};
use osapi_jobs::{JobFilter, Jobs, JobsError, PageRequest, RetentionSettings, Submission};
use osapi_testkit::{Broker, wait_until};

use crate::fleet::{Fleet, Hands, PATIENCE, change, host, query, target};

fn page(limit: usize) -> PageRequest {
    PageRequest { limit, cursor: None, offset: 0 }
}

fn ids(jobs: &Jobs, filter: &JobFilter) -> Vec<JobId> {
    jobs.list(filter, &page(1000)).unwrap().items.iter().map(|item| item.id).collect()
}

#[tokio::test]
async fn lists_are_filtered_and_paged_newest_first() {
    let fleet = Fleet::start().await;
    let (hands, gate) = Hands::gated();
    let _worker = fleet.worker("web-01", &hands).await;
    gate.add_permits(20);
    let mut done = Vec::new();
    for number in 0..20 {
        let submission = if number % 4 == 0 { change("web-01") } else { query("_any") };
        done.push(fleet.jobs.run(submission, PATIENCE).await.unwrap());
    }
    let open = fleet.jobs.submit(query("_all")).await.unwrap().job_id;
    let everything = ids(&fleet.jobs, &JobFilter::default());
    let expected: Vec<JobId> = std::iter::once(open).chain(done.iter().rev().map(|job| job.id)).collect();
    assert_eq!(everything, expected);
    let check = |filter: JobFilter, count: usize| {
        let found = fleet.jobs.list(&filter, &page(3)).unwrap();
        assert_eq!((found.total_items, found.items.len()), (count, count.min(3)), "{filter:?}");
        assert_eq!(ids(&fleet.jobs, &filter).len(), count, "{filter:?}");
    };
    let any = JobFilter::default;
    check(JobFilter { status: Some(JobState::Completed), ..any() }, 20);
    check(JobFilter { status: Some(JobState::Expired), ..any() }, 0);
    check(JobFilter { operation: Some(OperationKind::SystemHostnameUpdate), ..any() }, 5);
    check(JobFilter { target: Some(target("_any")), status: Some(JobState::Completed), ..any() }, 15);
    check(JobFilter { hostname: Some(host("web-01")), ..any() }, 21);
    check(JobFilter { hostname: Some(host("web-02")), ..any() }, 0);
    check(JobFilter { since: Some(done[15].created_at), ..any() }, 6);
    check(JobFilter { until: Some(done[15].created_at), ..any() }, 15);
    check(JobFilter { since: Some(done[15].created_at), until: Some(done[2].created_at), ..any() }, 0);
    let mut walked = Vec::new();
    let mut request = page(4);
    loop {
        let found = fleet.jobs.list(&JobFilter::default(), &request).unwrap();
        assert_eq!(found.total_items, 21);
        walked.extend(found.items.iter().map(|item| item.id));
        request.cursor = found.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    assert_eq!(walked, everything);
    let skipped = fleet.jobs.list(&any(), &PageRequest { offset: 19, ..page(10) }).unwrap();
    assert_eq!(skipped.items.len(), 2);
    let wrong = PageRequest { cursor: Some("x".to_owned()), ..page(1) };
    assert!(matches!(fleet.jobs.list(&any(), &wrong), Err(JobsError::Invalid(_))));
    let stats = fleet.jobs.stats();
    assert_eq!((stats.total_jobs, stats.status_counts[&JobState::Completed]), (21, 20));
    assert_eq!(stats.status_counts.len(), JobState::ALL.len());
    assert_eq!(stats.operation_counts["system.hostname.update"], 5);
}

#[tokio::test]
async fn another_server_sees_the_same_however_late_it_comes() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    let mut jobs = Vec::new();
    for text in ["_any", "web-01", "_all"] {
        jobs.push(fleet.jobs.run(change(text), PATIENCE).await.unwrap());
    }
    fleet.jobs.retry(jobs[0].id, None, None).await.unwrap();
    wait_until("all to be done", PATIENCE, async || fleet.jobs.stats().status_counts[&JobState::Completed] == 4).await;
    let late = fleet.another_api().await;
    assert_eq!(ids(&late, &JobFilter::default()), ids(&fleet.jobs, &JobFilter::default()));
    assert_eq!(late.stats(), fleet.jobs.stats());
    for job in jobs {
        assert_eq!(late.get(job.id).await.unwrap(), fleet.jobs.get(job.id).await.unwrap());
    }
    let fresh = fleet.jobs.submit(query("_any")).await.unwrap();
    assert_eq!(late.get(fresh.job_id).await.unwrap().id, fresh.job_id, "at once, whatever its feed has seen");
    assert_eq!(late.wait(fresh.job_id, PATIENCE).await.unwrap().status, JobState::Completed);
}

#[tokio::test]
async fn jobs_are_kept_for_as_long_as_configured() {
    let retention = RetentionSettings { max_age: Duration::from_secs(3), ..RetentionSettings::default() };
    let fleet = Fleet::with(Broker::start().await, "", retention).await;
    let hands = Hands::default();
    let brief = Submission { expires_after: Duration::from_secs(1), ..change("web-01") };
    let _worker = fleet.worker("web-01", &hands).await;
    let job = fleet.jobs.submit(brief.clone()).await.unwrap().job_id;
    fleet.jobs.submit(brief).await.unwrap();
    wait_until("the job to be forgotten", PATIENCE, async || fleet.jobs.stats().total_jobs == 0).await;
    assert!(matches!(fleet.jobs.get(job).await, Err(JobsError::NoJob(_))));
}

#[tokio::test]
async fn a_job_may_not_wait_longer_than_it_is_kept() {
    let retention = RetentionSettings { max_age: Duration::from_secs(3600), ..RetentionSettings::default() };
    let fleet = Fleet::with(Broker::start().await, "", retention).await;
    let _worker = fleet.worker("web-01", &Hands::default()).await;
    let long = Submission { expires_after: Duration::from_secs(3600), ..change("web-01") };
    let refused = fleet.jobs.submit(long).await.unwrap_err();
    assert!(matches!(&refused, JobsError::Invalid(text) if text.contains("nats.kv.ttl")), "{refused}");
    assert_eq!(fleet.jobs.stats().total_jobs, 0);
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_full_store_refuses_new_jobs_and_loses_none() {
    let retention = RetentionSettings { max_bytes: 64 << 10, ..RetentionSettings::default() };
    let fleet = Fleet::with(Broker::start().await, "", retention.clone()).await;
    let (hands, gate) = Hands::gated();
    let _worker = fleet.worker("web-01", &hands).await;
    let mut accepted = Vec::new();
    let refused = loop {
        match fleet.jobs.submit(change("web-01")).await {
            Ok(submitted) => accepted.push(submitted.job_id),
            Err(error) => break error,
        }
        assert!(accepted.len() < 1000, "64 KiB hold no thousand jobs");
    };
    assert!(matches!(refused, JobsError::Full), "{refused}");
    assert!(refused.to_string().contains("max_bytes"), "{refused}");
    gate.add_permits(accepted.len());
    for job in &accepted {
        assert_eq!(fleet.jobs.wait(*job, PATIENCE).await.unwrap().status, JobState::Completed);
    }
    assert_eq!(hands.total(), accepted.len());
    for job in accepted {
        fleet.jobs.delete(job).await.unwrap();
    }
    wait_until("room again", PATIENCE, async || fleet.jobs.submit(change("web-01")).await.is_ok()).await;
}
