//! A small fleet: broker, API server and workers, all in this process but the broker.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use osapi_client::{Client, ClientSettings};
use osapi_core::worker::Registration;
use osapi_core::{Assignment, ErrorCode, Failure, HostStatus, OperationKind, Report};
use osapi_jobs::{
    Auth, Connection, ConnectionSettings, Control, Execute, Jobs, Namespace, RetentionSettings, WorkerSettings, work,
};
use osapi_server::token::{Claims, issue};
use osapi_server::{ServeError, ServerSettings, serve};
use osapi_testkit::{Broker, wait_until};
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::samples;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The key that signs the tokens of the tests.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// How a worker of a test carries things out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// It answers with a sample.
    Obliging,
    /// It fails with this code.
    Failing(ErrorCode),
    /// It is at it until called off.
    Stuck,
}

/// The fleet. It ends when this is dropped.
pub(crate) struct Fleet {
    pub(crate) broker: Broker,
    pub(crate) address: SocketAddr,
    pub(crate) connection: Connection,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
    tasks: TaskTracker,
    _end: DropGuard,
}

impl Fleet {
    /// A broker and an API server.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn with(change: impl FnOnce(&mut ServerSettings)) -> Self {
        let fleet = Self::without_waiting(change).await;
        let client = fleet.client(None);
        wait_until("the API to be ready", PATIENCE, async || {
            client.health_ready().await.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        fleet
    }

    /// The same without waiting until it is ready.
    pub(crate) async fn without_waiting(change: impl FnOnce(&mut ServerSettings)) -> Self {
        let broker = Broker::start().await;
        let connection = connect(&broker, "test").await;
        connection.prepare(&RetentionSettings::default()).await.expect("streams and buckets");
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (address, served) = serve_another(&connection, &shutdown, change).await;
        let end = shutdown.clone().drop_guard();
        Self { broker, address, connection, shutdown, served, tasks, _end: end }
    }

    /// Starts a worker and waits until the API knows it.
    pub(crate) async fn worker(&self, name: &str, labels: &[&str], manner: Manner) {
        let connection = connect(&self.broker, name).await;
        let settings = WorkerSettings {
            registration: Registration {
                hostname: name.parse().expect("a host name"),
                machine_id: None,
                instance: uuid::Uuid::new_v4(),
                labels: labels.iter().map(|label| label.parse().expect("a label")).collect(),
                version: "test".to_owned(),
                capabilities: OperationKind::ALL.to_vec(),
                max_jobs: 8,
                running: 0,
                draining: false,
                registered_at: Timestamp::now(),
                last_seen: Timestamp::now(),
                os: None,
            },
            heartbeat: Duration::from_secs(1),
            ack_wait: Duration::from_secs(5),
            drain: Duration::from_secs(1),
        };
        drop(self.tasks.spawn(work(connection, settings, manner, self.shutdown.child_token())));
        let (client, host) = (self.admin(), name.parse().expect("a host name"));
        wait_until("the worker to be known", PATIENCE, async || client.worker_get(&host).await.is_ok()).await;
    }

    /// A token with these roles and direct permissions.
    pub(crate) fn token(&self, roles: &[&str], permissions: &[&str]) -> String {
        sign(&claims(roles, permissions))
    }

    /// A client with this token.
    pub(crate) fn client(&self, token: Option<&str>) -> Client {
        let token = token.map(SecretString::from);
        let settings = ClientSettings { retries: 0, ..ClientSettings::new(self.url(""), token) };
        Client::new(&settings).expect("a client")
    }

    /// A client that may do everything.
    pub(crate) fn admin(&self) -> Client {
        self.client(Some(&self.token(&["admin"], &[])))
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Says something to the broker in its own words, past our server, and gives what it answers.
    pub(crate) async fn say(&self, subject: &str, payload: &str) -> String {
        let mut stream = TcpStream::connect(self.broker.address()).await.expect("the broker");
        let talk = format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB answer.here 1\r\nPUB {subject} answer.here {}\r\n{payload}\r\n",
            payload.len()
        );
        stream.write_all(talk.as_bytes()).await.expect("the broker listens");
        let mut heard = Vec::new();
        let listening = async {
            while !String::from_utf8_lossy(&heard).contains("MSG answer.here") || !heard.ends_with(b"}\r\n") {
                assert!(stream.read_buf(&mut heard).await.expect("its answer") > 0, "the broker hung up");
            }
        };
        tokio::time::timeout(PATIENCE, listening).await.expect("the broker answers");
        String::from_utf8_lossy(&heard).rsplit("MSG answer.here").next().unwrap_or_default().to_owned()
    }

    /// Sends a request as it stands and gives status and body.
    pub(crate) async fn send(&self, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let mut request = reqwest::Client::new().request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// Another API server on the same broker.
pub(crate) async fn serve_another(
    connection: &Connection,
    shutdown: &CancellationToken,
    change: impl FnOnce(&mut ServerSettings),
) -> (SocketAddr, JoinHandle<Result<(), ServeError>>) {
    let jobs = Jobs::start(connection.clone(), shutdown.child_token()).await.expect("the engine");
    let mut settings = ServerSettings { version: "1.2.3".to_owned(), ..ServerSettings::default() };
    settings.authentication.signing_keys = vec![SecretString::from(KEY)];
    change(&mut settings);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (address, TaskTracker::new().spawn(serve(listener, settings, jobs, shutdown.clone())))
}

/// A connection of its own to the broker.
pub(crate) async fn connect(broker: &Broker, name: &str) -> Connection {
    let settings = ConnectionSettings {
        servers: vec![broker.address()],
        client_name: name.to_owned(),
        namespace: Namespace::parse("osapi").expect("a namespace"),
        auth: Auth::None,
        tls: None,
        connect_timeout: Duration::from_secs(10),
    };
    Connection::open(settings).await.expect("a connection")
}

/// Claims of an ordinary token.
pub(crate) fn claims(roles: &[&str], permissions: &[&str]) -> Claims {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let mut claims = Claims::new("tester@example.com", roles, Timestamp::now(), 3600);
    let list: Vec<String> = permissions.iter().map(|permission| (*permission).to_owned()).collect();
    claims.permissions = Some(list).filter(|list| !list.is_empty());
    claims
}

/// A token with these claims.
pub(crate) fn sign(claims: &Claims) -> String {
    issue(&SecretString::from(KEY), claims).expect("a token")
}

impl Execute for Manner {
    async fn execute(&self, assignment: Assignment, control: Control) -> Report {
        let started = Timestamp::now();
        let mut report = Report::silent(assignment.hostname, HostStatus::Ok);
        (report.received_at, report.started_at) = (Some(assignment.received_at), Some(started));
        match self {
            Self::Obliging => {
                let kind = assignment.operation.kind();
                let data = samples::outcome(kind);
                report.changed = kind.read_outcome(data.clone()).expect("a sample").changed();
                report.data = Some(data);
            }
            Self::Failing(code) => {
                report.status = HostStatus::Failed;
                report.error = Some(Failure::new(*code, "the host could not").with_hint("try something else"));
            }
            Self::Stuck => {
                // A full channel drops lines.
                let _ = control.progress.try_send("at it".to_owned());
                control.cancel.cancelled().await;
                report.status = HostStatus::Cancelled;
            }
        }
        report.finished_at = Some(Timestamp::now());
        report
    }
}
