//! What is tried again and what is not, against a server that fails first.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use osapi_client::{Client, ClientError, ClientSettings};
use osapi_core::api::CreateJob;
use osapi_core::operation::NoInput;
use osapi_core::{ErrorCode, JobId, Operation, Target};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How a server fails before it does what it is asked.
#[derive(Clone, Copy, Debug)]
enum Failing {
    /// It hangs up on the first so many connections, after it has read something of the request.
    HangingUp(usize),
    /// It answers the first so many requests with this status, and asks for patience where told.
    Refusing(usize, u16, Option<&'static str>),
}

/// A server and the bodies of the requests it got, lost ones as empty. It ends when this is dropped.
struct Server {
    client: Client,
    seen: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(failing: Failing) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = ClientSettings::new(format!("http://{}", listener.local_addr().unwrap()), None);
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (lost, refused, status, patience) = match failing {
            Failing::HangingUp(lost) => (lost, 0, 503, None),
            Failing::Refusing(refused, status, patience) => (0, refused, status, patience),
        };
        let answered = Arc::clone(&seen);
        let router = Router::new().fallback(move |request: Request| {
            let answered = Arc::clone(&answered);
            async move {
                let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap();
                let number = {
                    let mut answered = answered.lock().unwrap();
                    answered.push(String::from_utf8_lossy(&body).into_owned());
                    answered.len()
                };
                if number <= refused { problem(status, patience) } else { good() }
            }
        });
        let mut serving = JoinSet::new();
        let counted = Arc::clone(&seen);
        serving.spawn(async move {
            for _ in 0..lost {
                let (stream, _) = listener.accept().await.unwrap();
                stream.readable().await.unwrap();
                counted.lock().unwrap().push(String::new());
            }
            axum::serve(listener, router).await.unwrap();
        });
        Self { client: Client::new(&settings).unwrap(), seen, _serving: serving }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn problem(status: u16, patience: Option<&str>) -> Response {
    let body = format!(r#"{{"error":"not now","code":"{}","request_id":"r"}}"#, ErrorCode::Unavailable);
    let mut response = (axum::http::StatusCode::from_u16(status).unwrap(), body).into_response();
    if let Some(patience) = patience {
        response.headers_mut().insert("retry-after", patience.parse().unwrap());
    }
    response
}

/// Fits both a health probe and a created job.
fn good() -> Response {
    let job = JobId::new("01a20053-689a-765f-81d1-c7b88feca1d0".parse().unwrap());
    format!(r#"{{"status":"ok","job_id":"{job}","revision":1,"timestamp":"2026-01-01T00:00:00Z"}}"#).into_response()
}

fn job(key: Option<&str>) -> CreateJob {
    let job = CreateJob::new(Operation::SystemLoadGet(NoInput {}), Target::Any);
    CreateJob { idempotency_key: key.map(str::to_owned), ..job }
}

const BUSY: Failing = Failing::Refusing(1, 503, Some("0"));

#[tokio::test]
async fn reading_is_tried_again_when_the_connection_breaks_or_the_server_is_busy() {
    for failing in [Failing::HangingUp(1), BUSY, Failing::Refusing(2, 429, Some("0"))] {
        let server = Server::start(failing).await;
        assert_eq!(server.client.health().await.unwrap().value.status, "ok", "{failing:?}");
        assert!(server.seen().len() >= 2, "{failing:?}");
    }
}

#[tokio::test]
async fn reading_is_not_tried_for_ever() {
    let server = Server::start(Failing::Refusing(usize::MAX, 503, Some("0"))).await;
    assert!(matches!(server.client.health().await, Err(ClientError::Refused { status: 503, .. })));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_refusal_that_waiting_does_not_help_is_final() {
    for failing in [Failing::Refusing(1, 403, None), Failing::Refusing(1, 500, Some("0"))] {
        let server = Server::start(failing).await;
        assert!(server.client.health().await.is_err(), "{failing:?}");
        assert_eq!(server.seen().len(), 1, "{failing:?}");
    }
}

#[tokio::test]
async fn what_changes_something_is_sent_once() {
    for failing in [Failing::HangingUp(1), BUSY] {
        let server = Server::start(failing).await;
        assert!(server.client.job_create(&job(None)).await.is_err(), "{failing:?}");
        assert_eq!(server.seen().len(), 1, "{failing:?}");
    }
}

#[tokio::test]
async fn a_job_with_an_idempotency_key_is_submitted_again_under_the_same_key() {
    for failing in [Failing::HangingUp(1), BUSY] {
        let server = Server::start(failing).await;
        server.client.job_create(&job(Some("deploy-42"))).await.unwrap();
        let seen = server.seen();
        assert!(seen.len() >= 2 && seen.last().unwrap().contains(r#""idempotency_key":"deploy-42""#), "{seen:?}");
    }
}
