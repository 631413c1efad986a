//! A broker, an API server and workers that do nothing, quickly.

use std::time::Duration;

use jiff::Timestamp;
use osapi_core::operation::NoInput;
use osapi_core::system::HostnameUpdate;
use osapi_core::worker::Registration;
use osapi_core::{Assignment, HostStatus, Operation, Report};
use osapi_jobs::{
    Auth, Connection, ConnectionSettings, Control, Execute, Jobs, Namespace, RetentionSettings, Submission,
    WorkerSettings, work,
};
use osapi_testkit::wait_until;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Answers at once.
pub(crate) struct Idle;

impl Execute for Idle {
    async fn execute(&self, assignment: Assignment, _control: Control) -> Report {
        let data = serde_json::json!({ "hostname": assignment.hostname });
        Report { data: Some(data), ..Report::silent(assignment.hostname, HostStatus::Ok) }
    }
}

pub(crate) async fn connect(address: &str) -> Connection {
    let settings = ConnectionSettings {
        servers: vec![address.to_owned()],
        client_name: "bench".to_owned(),
        namespace: Namespace::default(),
        auth: Auth::None,
        tls: None,
        connect_timeout: Duration::from_secs(10),
    };
    Connection::open(settings).await.unwrap()
}

pub(crate) async fn prepared(address: &str) -> Connection {
    let connection = connect(address).await;
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    connection
}

pub(crate) async fn api(address: &str) -> Jobs {
    let jobs = Jobs::start(prepared(address).await, CancellationToken::new()).await.unwrap();
    wait_until("readiness", PATIENCE, async || jobs.ready().await.is_ok()).await;
    jobs
}

pub(crate) fn settings(name: &str) -> WorkerSettings {
    WorkerSettings {
        registration: Registration {
            hostname: name.parse().unwrap(),
            machine_id: None,
            instance: Uuid::new_v4(),
            labels: vec!["group:web.dev".parse().unwrap()],
            version: "0.0.0".to_owned(),
            capabilities: vec![],
            max_jobs: 16,
            running: 0,
            draining: false,
            registered_at: Timestamp::now(),
            last_seen: Timestamp::now(),
            os: None,
        },
        heartbeat: Duration::from_secs(10),
        ack_wait: Duration::from_secs(30),
        drain: Duration::from_secs(1),
    }
}

/// Starts workers, so many to a connection, and waits until all are registered.
pub(crate) async fn workers(jobs: &Jobs, address: &str, count: usize, to_a_connection: usize) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let mut connection = connect(address).await;
    for number in 0..count {
        if number % to_a_connection == 0 {
            connection = connect(address).await;
        }
        let connection = connection.clone();
        tasks.spawn(async move {
            work(connection, settings(&format!("host-{number}")), Idle, CancellationToken::new()).await.unwrap();
        });
    }
    wait_until("all workers", 5 * PATIENCE, async || jobs.workers().len() == count).await;
    tasks
}

pub(crate) fn query(target: &str) -> Submission {
    submission(Operation::SystemHostnameGet(NoInput {}), target)
}

pub(crate) fn change(target: &str) -> Submission {
    let hostname = "renamed".parse().unwrap();
    submission(Operation::SystemHostnameUpdate(HostnameUpdate { hostname }), target)
}

fn submission(operation: Operation, target: &str) -> Submission {
    Submission {
        operation,
        target: target.parse().unwrap(),
        submitted_by: Some("bench".to_owned()),
        expires_after: Duration::from_secs(600),
        timeout: Duration::from_secs(30),
        queue: false,
        idempotency_key: None,
        traceparent: None,
    }
}
