//! What every answer carries, and what no caller can do to the server.

use std::time::Duration;

use http::StatusCode;
use osapi_client::{Client, ClientSettings};
use osapi_core::Target;
use osapi_pki::OwnCertificate;
use osapi_testkit::wait_until;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fleet::{Fleet, Manner, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_an_identity_and_security_headers_and_errors_have_one_shape() {
    let fleet = Fleet::start().await;
    let admin = fleet.token(&["admin"], &[]);
    let http = reqwest::Client::new();
    for (method, path, status) in [
        ("GET", "/health", 200),
        ("GET", "/api/v1/version", 200),
        ("GET", "/nothing", 404),
        ("DELETE", "/api/v1/version", 405),
        ("TRACE", "/api/v1/version", 405),
        ("GET", "/api/v1/version/", 404),
        ("GET", "/api/v1/jobs/%ff", 400),
    ] {
        let request = http.request(method.parse().unwrap(), fleet.url(path)).bearer_auth(&admin);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
        let headers = answer.headers().clone();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(headers.contains_key("content-security-policy") && headers.contains_key("x-frame-options"));
        assert!(!headers.contains_key("access-control-allow-origin"), "CORS is off unless configured");
        if status >= 400 {
            let problem: osapi_core::api::Problem = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert_eq!(headers["x-request-id"], problem.request_id.as_str());
        }
        if status == 405 {
            assert_eq!(headers["allow"], "GET,HEAD");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_request_id_is_taken_over_only_when_it_is_fit_to_print() {
    let fleet = Fleet::start().await;
    let id = async |sent: &str| {
        let request = reqwest::Client::new().get(fleet.url("/health")).header("x-request-id", sent);
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id("deploy-42").await, "deploy-42");
    for unfit in ["a b", "a\tb", "\"quoted\"", &"x".repeat(65), ""] {
        assert_ne!(id(unfit).await, unfit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded_and_must_be_json() {
    let fleet = Fleet::start().await;
    let admin = fleet.token(&["admin"], &[]);
    let send = async |content_type: Option<&str>, body: String| {
        let mut request =
            reqwest::Client::new().put(fleet.url("/api/v1/system/hostname")).bearer_auth(&admin).body(body);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let large = format!(r#"{{"hostname":"{}"}}"#, "a".repeat(2 << 20));
    assert_eq!(send(Some("application/json"), large).await, 413);
    assert_eq!(send(Some("text/plain"), "{}".to_owned()).await, 415);
    assert_eq!(send(None, r#"{"hostname":"web"}"#.to_owned()).await, 415);
    assert_eq!(send(Some("application/json; charset=utf-8"), "{}".to_owned()).await, 400);
    let deep = "[".repeat(100_000);
    assert_eq!(send(Some("application/json"), deep).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_at_once_are_refused_and_the_server_recovers() {
    let fleet = Fleet::with(|settings| settings.limits.concurrency = 1).await;
    fleet.worker("web-01", &[], Manner::Stuck).await;
    let client = fleet.admin();
    // It may itself be the one too many, when a probe is just there.
    let slow = async {
        loop {
            drop(client.system_load(&Target::Any).await);
        }
    };
    let refused = async {
        let full = async || {
            let answer = reqwest::get(fleet.url("/health")).await.unwrap();
            (answer.status() == StatusCode::SERVICE_UNAVAILABLE && answer.headers().contains_key("retry-after"))
                .then_some(())
        };
        osapi_testkit::wait_for("a refusal", PATIENCE, full).await;
    };
    tokio::select! {
        () = refused => {}
        () = slow => {}
    }
    let anybody = fleet.client(None);
    wait_until("room", PATIENCE, async || anybody.health().await.is_ok_and(|answer| answer.status == 200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_its_head_slowly_is_cut_off() {
    let fleet = Fleet::with(|settings| settings.limits.header_timeout = Duration::from_millis(300)).await;
    let mut stream = TcpStream::connect(fleet.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is cut off");
    assert!(read.is_ok() && !String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_never_comes_is_given_up() {
    let fleet = Fleet::with(|settings| settings.limits.request_timeout = Duration::from_millis(500)).await;
    let mut stream = TcpStream::connect(fleet.address).await.unwrap();
    let head = format!(
        "PUT /api/v1/system/hostname HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        fleet.token(&["admin"], &[])
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer").unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 504");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_answered_when_the_server_stops_and_then_it_ends() {
    let fleet = Fleet::with(|settings| settings.jobs.wait = Duration::from_secs(1)).await;
    fleet.worker("web-01", &[], Manner::Stuck).await;
    let client = fleet.admin();
    let under_way = client.system_load(&Target::Any);
    let stop = async {
        let begun = async || {
            fleet
                .client(None)
                .metrics("/metrics")
                .await
                .is_ok_and(|text| text.contains("osapi_jobs{operation=\"system.load.get\",state=\"processing\"} 1"))
        };
        wait_until("the request to be under way", PATIENCE, begun).await;
        fleet.shutdown.cancel();
    };
    let (answer, ()) = tokio::join!(under_way, stop);
    let error = answer.unwrap_err();
    assert_eq!(error.code(), osapi_core::ErrorCode::Timeout, "it is answered in good order: {error}");
    tokio::time::timeout(PATIENCE, fleet.served).await.expect("the server ends").unwrap().unwrap();
    assert!(TcpStream::connect(fleet.address).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_lists_are_compressed_for_who_asks() {
    let fleet = Fleet::start().await;
    let request = reqwest::Client::new().get(fleet.url("/api/v1/openapi.json"));
    let answer = request.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let answer = reqwest::get(fleet.url("/api/v1/openapi.json")).await.unwrap();
    assert!(!answer.headers().contains_key("content-encoding"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_origins_may_call_from_a_browser() {
    let console = "https://console.example.com";
    let fleet = Fleet::with(|settings| settings.cors_origins = vec![console.to_owned()]).await;
    let preflight = async |origin: &str| {
        let request = reqwest::Client::new().request(http::Method::OPTIONS, fleet.url("/api/v1/jobs"));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        let answer = request.send().await.unwrap();
        answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(preflight(console).await.as_deref(), Some(console));
    assert_eq!(preflight("https://evil.example.com").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken() {
    let fleet = Fleet::start().await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let answer = client.get(fleet.url("/health")).send().await.unwrap();
    assert_eq!((answer.version(), answer.status()), (http::Version::HTTP_2, StatusCode::OK));
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_where_configured_and_nothing_else_then() {
    let now = jiff::Timestamp::now();
    let folder = tempfile::tempdir().unwrap();
    osapi_pki::folder::init(folder.path(), &["localhost".to_owned()], "tester", now).unwrap();
    let file = |name: &str| folder.path().join(name);
    let (mut own, tls) = OwnCertificate::start(file("server.pem"), file("server.key"), now).unwrap();
    let fleet = Fleet::without_waiting(|settings| settings.tls = Some(tls)).await;
    let settings = ClientSettings {
        ca_file: Some(file("ca.pem")),
        ..ClientSettings::new(format!("https://localhost:{}", fleet.address.port()), None)
    };
    let client = Client::new(&settings).unwrap();
    wait_until("an answer over TLS", PATIENCE, async || client.health().await.is_ok()).await;
    let stranger = ClientSettings { ca_file: None, retries: 0, ..settings.clone() };
    assert!(Client::new(&stranger).unwrap().health().await.is_err(), "its authority is not known to all the world");
    assert!(reqwest::get(fleet.url("/health")).await.is_err(), "plain HTTP is not answered");

    let other = tempfile::tempdir().unwrap();
    osapi_pki::folder::init(other.path(), &["localhost".to_owned()], "tester", now).unwrap();
    for name in ["server.pem", "server.key"] {
        std::fs::copy(other.path().join(name), file(name)).unwrap();
    }
    own.reload(now).unwrap();
    assert!(client.health().await.is_ok(), "a connection that is open goes on");
    let settings = ClientSettings { ca_file: Some(other.path().join("ca.pem")), ..settings };
    assert!(Client::new(&settings).unwrap().health().await.is_ok(), "a new one gets the new certificate");
}
