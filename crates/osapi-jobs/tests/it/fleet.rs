//! An API server and workers in this process, against a broker of their own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use osapi_core::operation::NoInput;
use osapi_core::system::HostnameUpdate;
use osapi_core::target::Label;
use osapi_core::worker::Registration;
use osapi_core::{Assignment, Class, HostName, HostStatus, JobId, Operation, Report, Target};
use osapi_jobs::{
    Connection, ConnectionSettings, Control, Execute, Jobs, Namespace, RetentionSettings, Submission, WorkerSettings,
    work,
};
use osapi_testkit::{Broker, wait_until};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How a worker of a test carries things out.
#[derive(Clone, Default)]
pub(crate) struct Hands {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Executions by job.
    done: Mutex<BTreeMap<JobId, usize>>,
    order: Mutex<Vec<JobId>>,
    started: AtomicUsize,
    /// When set, work waits for a permit of it, or to be called off.
    gate: Mutex<Option<Arc<Semaphore>>>,
    /// Lines to say before the gate.
    lines: Mutex<Vec<String>>,
    /// What to answer instead of the host name.
    answer: Mutex<Option<Report>>,
}

impl Hands {
    /// Hands that wait before they finish anything until the gate gives permits.
    pub(crate) fn gated() -> (Self, Arc<Semaphore>) {
        let hands = Self::default();
        let gate = Arc::new(Semaphore::new(0));
        *hands.inner.gate.lock().unwrap() = Some(gate.clone());
        (hands, gate)
    }

    pub(crate) fn say(&self, lines: impl IntoIterator<Item = String>) {
        *self.inner.lines.lock().unwrap() = lines.into_iter().collect();
    }

    pub(crate) fn answer(&self, report: Report) {
        *self.inner.answer.lock().unwrap() = Some(report);
    }

    /// How often a job was carried out.
    pub(crate) fn count(&self, job: JobId) -> usize {
        self.inner.done.lock().unwrap().get(&job).copied().unwrap_or(0)
    }

    pub(crate) fn total(&self) -> usize {
        self.inner.done.lock().unwrap().values().sum()
    }

    pub(crate) fn order(&self) -> Vec<JobId> {
        self.inner.order.lock().unwrap().clone()
    }

    pub(crate) fn started(&self) -> usize {
        self.inner.started.load(Ordering::SeqCst)
    }
}

impl Execute for Hands {
    async fn execute(&self, assignment: Assignment, control: Control) -> Report {
        self.inner.started.fetch_add(1, Ordering::SeqCst);
        let lines = self.inner.lines.lock().unwrap().clone();
        for line in lines {
            let _ = control.progress.send(line).await;
        }
        let gate = self.inner.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            tokio::select! {
                permit = gate.acquire() => permit.unwrap().forget(),
                () = control.cancel.cancelled() => {
                    return Report::silent(assignment.hostname, HostStatus::Cancelled);
                }
            }
        }
        *self.inner.done.lock().unwrap().entry(assignment.job_id).or_default() += 1;
        self.inner.order.lock().unwrap().push(assignment.job_id);
        if let Some(report) = self.inner.answer.lock().unwrap().clone() {
            return report;
        }
        let data = serde_json::json!({ "hostname": assignment.hostname });
        let changed = (assignment.operation.class() == Class::Modify).then_some(true);
        Report { data: Some(data), changed, ..Report::silent(assignment.hostname, HostStatus::Ok) }
    }
}

/// A worker that runs until it is stopped or dropped.
pub(crate) struct TestWorker {
    pub(crate) name: HostName,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl TestWorker {
    /// Stops it in good order and waits until it has left.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Lets go of it in the midst of things, as a crash would; its heartbeat ends.
    pub(crate) fn crash(self) {
        drop(self);
    }
}

/// A deployment.
pub(crate) struct Fleet {
    pub(crate) broker: Broker,
    pub(crate) namespace: &'static str,
    pub(crate) jobs: Jobs,
    pub(crate) shutdown: CancellationToken,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        Self::with(Broker::start().await, "", RetentionSettings::default()).await
    }

    pub(crate) async fn with(broker: Broker, namespace: &'static str, retention: RetentionSettings) -> Self {
        let connection = connect(&[broker.address()], namespace).await;
        // So that what a dead worker held comes again soon.
        let retention = RetentionSettings { ack_wait: Duration::from_secs(2), ..retention };
        connection.prepare(&retention).await.unwrap();
        let shutdown = CancellationToken::new();
        let jobs = api(connection, shutdown.clone()).await;
        Self { broker, namespace, jobs, shutdown }
    }

    pub(crate) async fn connection(&self) -> Connection {
        connect(&[self.broker.address()], self.namespace).await
    }

    /// Another API server on the same broker.
    pub(crate) async fn another_api(&self) -> Jobs {
        api(self.connection().await, self.shutdown.clone()).await
    }

    pub(crate) async fn worker(&self, name: &str, hands: &Hands) -> TestWorker {
        self.worker_with(settings(name, &[]), hands).await
    }

    /// Starts a worker and waits until this API server can target it.
    pub(crate) async fn worker_with(&self, settings: WorkerSettings, hands: &Hands) -> TestWorker {
        let since = Timestamp::now();
        let worker = start(self.connection().await, settings, hands.clone());
        wait_until("the worker's registration", PATIENCE, async || {
            self.jobs.worker(&worker.name).is_ok_and(|seen| seen.registered_at >= since)
        })
        .await;
        worker
    }
}

pub(crate) fn start(connection: Connection, settings: WorkerSettings, hands: impl Execute) -> TestWorker {
    let shutdown = CancellationToken::new();
    let name = settings.registration.hostname.clone();
    let mut tasks = JoinSet::new();
    let stop = shutdown.clone();
    tasks.spawn(async move { work(connection, settings, hands, stop).await.unwrap() });
    TestWorker { name, shutdown, tasks }
}

pub(crate) async fn connect(servers: &[String], namespace: &str) -> Connection {
    Connection::open(ConnectionSettings {
        servers: servers.to_vec(),
        client_name: "test".to_owned(),
        namespace: Namespace::parse(namespace).unwrap(),
        auth: osapi_jobs::Auth::None,
        tls: None,
        connect_timeout: Duration::from_secs(10),
    })
    .await
    .unwrap()
}

pub(crate) async fn api(connection: Connection, shutdown: CancellationToken) -> Jobs {
    let jobs = Jobs::start(connection, shutdown).await.unwrap();
    wait_until("the engine to be ready", PATIENCE, async || jobs.ready().await.is_ok()).await;
    jobs
}

pub(crate) fn settings(name: &str, labels: &[&str]) -> WorkerSettings {
    WorkerSettings {
        registration: Registration {
            hostname: host(name),
            machine_id: None,
            instance: Uuid::new_v4(),
            labels: labels.iter().map(|label| label.parse::<Label>().unwrap()).collect(),
            version: "0.0.0".to_owned(),
            capabilities: vec![],
            max_jobs: 8,
            running: 0,
            draining: false,
            registered_at: Timestamp::now(),
            last_seen: Timestamp::now(),
            os: None,
        },
        // Three and a half of them make a worker lost, which a busy machine must not.
        heartbeat: Duration::from_secs(1),
        ack_wait: Duration::from_secs(2),
        drain: Duration::from_secs(5),
    }
}

pub(crate) fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

pub(crate) fn target(text: &str) -> Target {
    text.parse().unwrap()
}

pub(crate) fn query(text: &str) -> Submission {
    submission(Operation::SystemHostnameGet(NoInput {}), text)
}

pub(crate) fn change(text: &str) -> Submission {
    submission(Operation::SystemHostnameUpdate(HostnameUpdate { hostname: host("renamed") }), text)
}

fn submission(operation: Operation, text: &str) -> Submission {
    Submission {
        operation,
        target: target(text),
        submitted_by: Some("ops@example.com".to_owned()),
        expires_after: Duration::from_secs(60),
        timeout: Duration::from_secs(30),
        queue: false,
        idempotency_key: None,
        traceparent: None,
    }
}
