//! Health tells the truth while the broker comes and goes.

use osapi_client::ClientError;
use osapi_core::api::{CreateJob, Health};
use osapi_core::operation::NoInput;
use osapi_core::worker::WorkerState;
use osapi_core::{JobState, Operation, Target};
use osapi_server::WhenAuditFails;
use osapi_testkit::wait_until;

use crate::fleet::{Fleet, Manner, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_broker_and_changes_are_refused_while_nothing_can_be_audited() {
    let mut fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let client = fleet.admin();
    let ready = async |wanted: u16| client.health_ready().await.is_ok_and(|answer| answer.status == wanted);
    assert!(ready(200).await);
    fleet.broker.kill();
    wait_until("readiness to tell", PATIENCE, async || ready(503).await).await;
    assert_eq!(client.health().await.unwrap().value.status, "ok", "the process is alive all the same");
    let status = client.health_status().await.unwrap();
    assert_eq!((status.status, status.value.status), (503, Health::Degraded));
    assert_eq!(status.value.components["audit"].status, Health::Error);
    assert!(!status.value.nats.connected);
    let job = CreateJob::new(Operation::SystemLoadGet(NoInput {}), Target::Any);
    match client.job_create(&job).await.unwrap_err() {
        ClientError::Refused { status, problem, .. } => {
            assert_eq!(
                (status, problem.error.as_str()),
                (503, "the audit trail cannot be written, so changes are refused")
            );
        }
        other => panic!("{other}"),
    }
    assert_eq!(client.job_stats().await.unwrap().value.total_jobs, 0, "reading goes on from the index");
    fleet.broker.restart().await;
    wait_until("readiness to come back", PATIENCE, async || ready(200).await).await;
    wait_until("jobs to be accepted", PATIENCE, async || client.job_create(&job).await.is_ok()).await;
    // What was refused meanwhile is in the trail all the same.
    let refused = osapi_client::AuditFilter { status: Some(503), ..osapi_client::AuditFilter::default() };
    wait_until("the trail to catch up", PATIENCE, async || {
        client.audit_list(&refused).await.is_ok_and(|page| page.value.items.iter().any(|entry| entry.method == "POST"))
    })
    .await;
    assert!(client.audit_verify(None).await.unwrap().value.intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_go_on_without_the_trail_where_configured() {
    let mut fleet = Fleet::with(|settings| settings.audit.when_unavailable = WhenAuditFails::Continue).await;
    fleet.broker.kill();
    let client = fleet.admin();
    wait_until("readiness to tell", PATIENCE, async || {
        client.health_ready().await.is_ok_and(|answer| answer.status == 503)
    })
    .await;
    let job = CreateJob::new(Operation::SystemLoadGet(NoInput {}), Target::Any);
    let error = client.job_create(&job).await.unwrap_err().to_string();
    assert!(!error.contains("audit"), "it is the broker that is missed: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_lists_components_streams_buckets_jobs_and_workers() {
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let client = fleet.admin();
    client.system_load(&Target::Any).await.unwrap();
    wait_until("the components to be looked at", PATIENCE, async || {
        client.health_status().await.is_ok_and(|answer| !answer.value.streams.is_empty())
    })
    .await;
    let status = client.health_status().await.unwrap();
    assert_eq!((status.status, status.value.status), (200, Health::Ok), "{}", status.text);
    assert_eq!(status.value.version, "1.2.3");
    assert!(status.value.nats.connected);
    assert!(status.value.streams.iter().any(|stream| stream.name == "osapi-JOBS"));
    assert!(status.value.streams.iter().any(|stream| stream.name == "osapi-AUDIT"));
    assert_eq!(status.value.components["stream:osapi-AUDIT"].status, Health::Ok);
    assert!(status.value.kv_buckets.iter().any(|bucket| bucket.name == "osapi-job-queue"));
    assert_eq!(status.value.jobs.by_state.len(), JobState::ALL.len());
    assert_eq!(status.value.jobs.by_state[&JobState::Completed], 1);
    // A worker that is late to say that it is there is missed for a while.
    wait_until("the worker to be counted", PATIENCE, async || {
        client.health_status().await.is_ok_and(|answer| answer.value.workers.by_state[&WorkerState::Ready] == 1)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_bounded_labels_and_may_have_their_own_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let fleet = Fleet::with(|settings| settings.metrics.listener = Some(listener)).await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    fleet.admin().system_load(&Target::Any).await.unwrap();
    for path in ["/api/v1/jobs/00000000-0000-7000-8000-000000000000", "/no/such/path"] {
        fleet.send("GET", path, Some(&fleet.token(&["admin"], &[])), None).await;
    }
    assert_eq!(fleet.send("GET", "/metrics", None, None).await.0, 404, "they are not on the API then");
    let text = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    for part in [
        r#"http_response_status_code="200",http_route="/api/v1/system/load""#,
        r#"http_response_status_code="404",http_route="/api/v1/jobs/{id}""#,
        r#"http_response_status_code="404",http_route="none""#,
        r#"osapi_jobs{operation="system.load.get",state="completed"} 1"#,
        r#"osapi_jobs_ended_total{operation="system.load.get",outcome="completed"} "#,
        r#"osapi_queue_jobs{target_kind="any"} 0"#,
        r#"osapi_queue_oldest_age_seconds{target_kind="any"} 0"#,
        r#"osapi_claims_total{result="granted"}"#,
        "osapi_redeliveries_total ",
        "osapi_dead_letters 0",
        "osapi_dead_letters_written_total 0",
        "osapi_audit_waiting ",
        "osapi_audit_lost_total 0",
        "http_server_active_requests ",
        r#"osapi_workers{state="ready"} "#,
        "osapi_broker_connected 1",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("00000000-0000") && !text.contains("/no/such"), "paths are no labels:\n{text}");
}
