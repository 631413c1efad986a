//! What a request costs: a probe, a refusal, a job read and a synchronous hostname, beside a bare handler of the same
//! framework and beside the engine without HTTP, all from one run. `cargo bench -p osapi-server 2>/dev/null`; logs go to
//! stderr as the program's do, and spans to a collector.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking and prints its figures")]
#![allow(dead_code, reason = "fleet and samples are those of the tests, and not all of them is needed here")]

#[path = "../tests/it/fleet.rs"]
mod fleet;
#[path = "../tests/it/samples.rs"]
mod samples;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use futures::StreamExt as _;
use osapi_core::audit::AuditEntry;
use osapi_core::operation::NoInput;
use osapi_core::{Operation, Target};
use osapi_jobs::{AuditLog, AuditRetention, Jobs, Submission};
use osapi_telemetry::{Exporter, LogFormat, Telemetry, TelemetrySettings};
use osapi_testkit::Collector;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use fleet::{Fleet, Manner};

/// Requests before counting begins.
const WARM_UP: usize = 300;

/// Requests counted, one after the other.
const COUNTED: usize = 3000;

/// Connections for the rate, and for how long each is used.
const CONNECTIONS: usize = 16;
const RATE_FOR: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let (_collector, telemetry) = telemetry().await;
    let fleet = Fleet::start().await;
    fleet.worker("web-01", &[], Manner::Obliging).await;
    let job = fleet.admin().system_hostname(&Target::Any).await.unwrap().value.job_id;
    let bare = bare().await;
    let (reader, admin) = (fleet.token(&["read"], &[]), fleet.token(&["admin"], &[]));
    println!("{:<44} {:>10} {:>10} {:>12}", "", "p50 µs", "p99 µs", "requests/s");
    let job = format!("/api/v1/jobs/{job}");
    let mut medians = Vec::new();
    for (name, address, path, token, status) in [
        ("bare axum handler", bare, "/api/v1/version", "", 200),
        ("the same with all a request passes", fleet.address, "/api/v1/version", reader.as_str(), 200),
        ("GET /health", fleet.address, "/health", "", 200),
        ("GET /api/v1/audit, refused with 403", fleet.address, "/api/v1/audit", reader.as_str(), 403),
        ("GET /api/v1/jobs/{id}", fleet.address, job.as_str(), reader.as_str(), 200),
        ("GET /api/v1/system/hostname, synchronous", fleet.address, "/api/v1/system/hostname", admin.as_str(), 200),
    ] {
        let request = request(path, token);
        drained(&fleet).await;
        let (p50, p99) = latency(address, &request, status).await;
        let rate = rate(address, &request, status).await;
        println!("{name:<44} {p50:>10.0} {p99:>10.0} {rate:>12.0}");
        medians.push(p50);
    }
    let added = medians[1] - medians[0];
    println!(
        "authentication, audit, tracing and all else a request passes add {added:.0} µs at the median (at most 150)"
    );
    for (name, audited) in
        [("the engine's `run` of the same, no HTTP", false), ("the same, an audit entry written beside each", true)]
    {
        drained(&fleet).await;
        let (p50, p99) = engine(&fleet, audited).await;
        println!("{name:<44} {p50:>10.0} {p99:>10.0} {:>12}", "");
    }
    telemetry.shutdown(Duration::from_secs(1));
}

/// Logs and traces as a server has them that exports its traces.
async fn telemetry() -> (Collector, Telemetry) {
    let collector = Collector::start().await;
    let settings = TelemetrySettings {
        service: "bench",
        version: "0",
        filter: "info".to_owned(),
        format: LogFormat::Json,
        exporter: Exporter::Otlp { endpoint: collector.endpoint() },
    };
    (collector, osapi_telemetry::start(&settings).unwrap())
}

/// Waits until all audit entries are on disk: what is left of the row before would be measured with the next.
async fn drained(fleet: &Fleet) {
    let client = fleet.client(None);
    osapi_testkit::wait_until("the audit trail to catch up", fleet::PATIENCE, async || {
        client.metrics("/metrics").await.is_ok_and(|text| text.contains("\nosapi_audit_waiting 0\n"))
    })
    .await;
}

async fn bare() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/api/v1/version", get(async || r#"{"version":"1.2.3"}"#));
    let serving = async move { axum::serve(listener, router).await };
    drop(tokio_util::task::TaskTracker::new().spawn(serving));
    address
}

fn request(path: &str, token: &str) -> Vec<u8> {
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n").into_bytes()
}

/// A connection that sends one request at a time and costs next to nothing itself.
struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Peer {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(16 << 10) }
    }

    /// Sends the request and reads the whole answer.
    async fn ask(&mut self, request: &[u8], status: u16) {
        self.buffer.clear();
        self.stream.write_all(request).await.unwrap();
        let mut whole = usize::MAX;
        while self.buffer.len() < whole {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "the server hung up");
            if whole == usize::MAX
                && let Some(head) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n")
            {
                let text = std::str::from_utf8(&self.buffer[..head]).unwrap().to_ascii_lowercase();
                assert!(text.starts_with(&format!("http/1.1 {status} ")), "{text}");
                let length = text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
                whole = head + 4 + length.parse::<usize>().unwrap();
            }
        }
    }
}

async fn latency(address: SocketAddr, request: &[u8], status: u16) -> (f64, f64) {
    let mut peer = Peer::connect(address).await;
    let mut took = Vec::with_capacity(COUNTED);
    for number in 0..WARM_UP + COUNTED {
        let begun = Instant::now();
        peer.ask(request, status).await;
        if number >= WARM_UP {
            took.push(begun.elapsed());
        }
    }
    percentiles(took)
}

async fn rate(address: SocketAddr, request: &[u8], status: u16) -> f64 {
    let asking = (0..CONNECTIONS).map(async |_| {
        let mut peer = Peer::connect(address).await;
        let (begun, mut count) = (Instant::now(), 0_u32);
        while begun.elapsed() < RATE_FOR {
            peer.ask(request, status).await;
            count += 1;
        }
        count
    });
    let counts = futures::future::join_all(asking).await;
    f64::from(counts.iter().sum::<u32>()) / RATE_FOR.as_secs_f64()
}

async fn engine(fleet: &Fleet, audited: bool) -> (f64, f64) {
    let log = AuditLog::open(&fleet.connection, &AuditRetention::default()).await.unwrap();
    let extent = log.extent().await.unwrap();
    let sample: AuditEntry = log.read(extent.last, extent.last).next().await.unwrap().unwrap();
    let (entries, mut waiting) = mpsc::unbounded_channel();
    let mut writing = JoinSet::new();
    writing.spawn(async move {
        let mut batch = Vec::new();
        while waiting.recv_many(&mut batch, 128).await > 0 {
            log.append(&batch).await.unwrap();
            batch.clear();
        }
    });
    let jobs = Jobs::start(fleet.connection.clone(), CancellationToken::new()).await.unwrap();
    osapi_testkit::wait_until("the engine", fleet::PATIENCE, async || jobs.ready().await.is_ok()).await;
    let mut took = Vec::new();
    for number in 0..WARM_UP + COUNTED {
        let submission = Submission {
            operation: Operation::SystemHostnameGet(NoInput {}),
            target: Target::Any,
            submitted_by: None,
            expires_after: Duration::from_secs(60),
            timeout: Duration::from_secs(60),
            queue: false,
            idempotency_key: None,
            traceparent: None,
        };
        let begun = Instant::now();
        jobs.run(submission, Duration::from_secs(10)).await.unwrap();
        if audited {
            entries.send(AuditEntry { id: uuid::Uuid::new_v4(), ..sample.clone() }).unwrap();
        }
        if number >= WARM_UP {
            took.push(begun.elapsed());
        }
    }
    percentiles(took)
}

fn percentiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let micros = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1e6;
    (micros(50), micros(99))
}
