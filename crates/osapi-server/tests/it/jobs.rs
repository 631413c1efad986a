//! Jobs submitted, listed, repeated, called off and removed.

use osapi_client::{ClientError, JobListFilter};
use osapi_core::api::{CreateJob, RetryJob};
use osapi_core::operation::NoInput;
use osapi_core::system::HostnameUpdate;
use osapi_core::{JobId, JobState, Operation, OperationKind, Target};
use osapi_testkit::wait_for;
use serde_json::Value;

use crate::fleet::{Fleet, Manner, PATIENCE};

fn load() -> CreateJob {
    CreateJob::new(Operation::SystemLoadGet(NoInput {}), Target::Any)
}

async fn in_state(fleet: &Fleet, job: JobId, state: JobState) {
    let client = fleet.admin();
    wait_for("the state of the job", PATIENCE, async || {
        client.job_get(job).await.ok().filter(|answer| answer.value.status == state)
    })
    .await;
}

fn status<T: std::fmt::Debug>(result: Result<T, ClientError>) -> u16 {
    match result {
        Err(ClientError::Refused { status, .. }) => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_accepted_carried_out_and_shown() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let client = fleet.admin();
    let created = client.job_create(&load()).await.unwrap();
    assert_eq!((created.status, created.value.status.as_str()), (201, "created"));
    in_state(&fleet, created.value.job_id, JobState::Completed).await;
    let detail = client.job_get(created.value.job_id).await.unwrap().value;
    assert_eq!(detail.submitted_by.as_deref(), Some("tester@example.com"));
    assert_eq!(detail.results.len(), 1);
    let stats = client.job_stats().await.unwrap().value;
    assert_eq!((stats.total_jobs, stats.status_counts[&JobState::Completed]), (1, 1));
    assert_eq!(status(client.job_cancel(detail.id).await), 409);
    client.job_delete(detail.id).await.unwrap();
    assert_eq!(status(client.job_get(detail.id).await), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn submitting_needs_the_permission_of_the_operation_too() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let update = Operation::SystemHostnameUpdate(HostnameUpdate { hostname: "web-02".parse().unwrap() });
    let job = CreateJob::new(update, "web-01".parse().unwrap());
    let only_jobs = fleet.client(Some(&fleet.token(&[], &["job:read", "job:write"])));
    let error = only_jobs.job_create(&job).await.unwrap_err();
    assert_eq!(error.to_string(), "the permission `system:write` is missing");
    let both = fleet.client(Some(&fleet.token(&[], &["job:write", "system:write"])));
    let created = both.job_create(&job).await.unwrap().value;
    in_state(&fleet, created.job_id, JobState::Completed).await;
    assert_eq!(status(only_jobs.job_retry(created.job_id, &RetryJob::default()).await), 403);
    let retried = both.job_retry(created.job_id, &RetryJob::default()).await.unwrap();
    assert_eq!(retried.status, 201);
    in_state(&fleet, retried.value.job_id, JobState::Completed).await;
    let detail = fleet.admin().job_get(retried.value.job_id).await.unwrap().value;
    assert_eq!((detail.retry_of, detail.target.to_string().as_str()), (Some(created.job_id), "web-01"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_makes_one_job() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let client = fleet.admin();
    let job = CreateJob { idempotency_key: Some("deploy:42".to_owned()), ..load() };
    let (first, second) = (client.job_create(&job).await.unwrap(), client.job_create(&job).await.unwrap());
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!((first.value.job_id, second.value.status.as_str()), (second.value.job_id, "existing"));
    let bad = CreateJob { idempotency_key: Some("no blanks".to_owned()), ..load() };
    assert_eq!(status(client.job_create(&bad).await), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_called_off() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Stuck).await;
    let client = fleet.admin();
    let job = client.job_create(&load()).await.unwrap().value.job_id;
    in_state(&fleet, job, JobState::Processing).await;
    assert_eq!(status(client.job_delete(job).await), 409, "it is not final");
    client.job_cancel(job).await.unwrap();
    in_state(&fleet, job, JobState::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged_without_gaps() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let client = fleet.admin();
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(client.job_create(&load()).await.unwrap().value.job_id);
    }
    for job in &jobs {
        in_state(&fleet, *job, JobState::Completed).await;
    }
    jobs.reverse();
    let mut seen = Vec::new();
    let mut filter = JobListFilter {
        limit: Some(2),
        status: Some(JobState::Completed),
        operation: Some(OperationKind::SystemLoadGet),
        hostname: Some("web-01".parse().unwrap()),
        ..JobListFilter::default()
    };
    loop {
        let page = client.job_list(&filter).await.unwrap().value;
        assert_eq!(page.total_items, 5);
        seen.extend(page.items.iter().map(|item| item.id));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, jobs, "newest first");
    let none = JobListFilter { status: Some(JobState::Failed), ..JobListFilter::default() };
    assert_eq!(client.job_list(&none).await.unwrap().value.total_items, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_about_jobs_is_named() {
    let fleet = Fleet::start().await;
    let admin = fleet.token(&["admin"], &[]);
    let nobody = r#"{"operation":{"type":"system.load.get"},"target":"nobody"}"#;
    for (method, path, body, status, part) in [
        ("GET", "/api/v1/jobs?limit=1001", None, 400, "`limit` must be at most 1000"),
        ("GET", "/api/v1/jobs?limit=-1", None, 400, "invalid digit"),
        ("GET", "/api/v1/jobs?status=done", None, 400, "unknown variant `done`"),
        ("GET", "/api/v1/jobs?cursor=%2F", None, 400, "cursor"),
        ("GET", "/api/v1/jobs/x", None, 400, "the path is wrong"),
        ("GET", "/api/v1/jobs/00000000-0000-7000-8000-000000000000", None, 404, "there is no job"),
        (
            "POST",
            "/api/v1/jobs",
            Some(r#"{"operation":{"type":"system.nothing.get"}}"#),
            400,
            "`operation` in the body",
        ),
        ("POST", "/api/v1/jobs", Some(r#"{"operation":{}}"#), 400, "missing field `type`"),
        (
            "POST",
            "/api/v1/jobs",
            Some(r#"{"operation":{"type":"system.load.get"},"timeout_seconds":0}"#),
            400,
            "`timeout_seconds` must be 1 to 86400",
        ),
        ("POST", "/api/v1/jobs", Some(nobody), 404, "no worker answers to `nobody`"),
    ] {
        let (got, answer) = fleet.send(method, path, Some(&admin), body).await;
        assert_eq!(got, status, "{method} {path} {body:?}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(part), "{method} {path}: {answer}");
        assert_ne!(answer["request_id"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_listed_drained_and_resumed() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &["group:web"], Manner::Obliging).await;
    let (client, name) = (fleet.admin(), "web-01".parse().unwrap());
    let list = client.worker_list().await.unwrap().value;
    assert_eq!((list.total, list.workers[0].labels[0].to_string().as_str()), (1, "group:web"));
    let state = async |wanted: &str| {
        wait_for("the state of the worker", PATIENCE, async || {
            client.worker_get(&name).await.ok().filter(|answer| answer.value.state.as_str() == wanted)
        })
        .await
    };
    client.worker_drain(&name).await.unwrap();
    state("draining").await;
    client.worker_resume(&name).await.unwrap();
    state("ready").await;
    assert_eq!(status(client.worker_forget(&name).await), 409, "it is alive");
    assert_eq!(status(client.worker_drain(&"nobody".parse().unwrap()).await), 404);
}
