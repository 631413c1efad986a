//! An agent that serves this machine from within the test.

use std::time::Duration;

use jiff::Timestamp;
use linux_patch_api::{Prepared, run};
use osapi_host::System;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::place::Place;

pub(crate) const BOUND: Duration = Duration::from_secs(60);

pub(crate) struct Agent {
    pub(crate) place: Place,
    pub(crate) client: Client,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// What was answered, with the envelope checked.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Agent {
    pub(crate) async fn start() -> Self {
        Self::start_at(Place::new()).await
    }

    pub(crate) async fn start_at(place: Place) -> Self {
        let prepared = Prepared::load(place.source(), Timestamp::now()).unwrap();
        let listener = TcpListener::bind(prepared.settings.listen).await.unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(run(prepared, System::local(), listener, shutdown.clone()));
        let client = place.http(Some(&place.client("client")), false);
        Self { place, client, shutdown, task }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.place.url(path))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) fn begin_to_stop(&self) {
        self.shutdown.cancel();
    }

    /// Stops it and waits until nothing of it is left.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(BOUND, self.task).await.expect("it stops in time").unwrap();
    }
}

/// Reads an answer and holds it to the form of the envelope.
pub(crate) async fn answer(response: Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status} is not JSON: {text}"));
    assert_eq!(headers["content-type"], "application/json");
    let mut fields: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["data", "error", "request_id", "success", "timestamp"], "{body}");
    assert_eq!(headers["x-request-id"].to_str().unwrap(), body["request_id"]);
    assert!(body["request_id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    assert!(body["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok());
    assert_eq!(body["success"], status < 400, "{body}");
    assert_eq!(body["success"], body["error"].is_null(), "{body}");
    if let Some(error) = body["error"].as_object() {
        let mut fields: Vec<&str> = error.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["code", "details", "message", "retryable"], "{body}");
        assert!(body["data"].is_null(), "{body}");
    }
    Answer { status, body }
}
