//! What every request passes through: an id, a span, a bound on its time, the envelope and a line of the audit trail.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::{Method, StatusCode};
use osapi_pki::Identity;
use osapi_telemetry::trace_context;
use tracing::{Instrument, Span, error, info_span};
use uuid::Uuid;

use crate::audit_log::{self, Entry};
use crate::envelope::{Problem, seal};
use crate::live::Live;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) identity: Arc<Identity>,
}

pub(crate) async fn pass(
    State(live): State<Live>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let (begun, request_id) = (Instant::now(), Uuid::new_v4());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = info_span!("request", %request_id, method = method.as_str(), path);
    trace_context::adopt(&span, |name| request.headers().get(name)?.to_str().ok());
    let bound = live.settings.borrow().timeout;
    let mut trail = Trail { request_id, peer, method, path, begun, span: span.clone(), answered: false };
    async {
        let (response, code) = seal(bounded(next.run(request), bound).await, request_id);
        trail.put_down(Some(response.status()), code);
        response
    }
    .instrument(span)
    .await
}

/// A request's line of the audit trail, which is put down when it is answered or, if its client is gone before that,
/// when this is dropped: a change goes on without its client.
struct Trail {
    request_id: Uuid,
    peer: Peer,
    method: Method,
    path: String,
    begun: Instant,
    span: Span,
    answered: bool,
}

impl Trail {
    fn put_down(&mut self, status: Option<StatusCode>, code: Option<&'static str>) {
        self.answered = true;
        audit_log::request(&Entry {
            request_id: self.request_id,
            source: self.peer.address,
            identity: &self.peer.identity,
            method: &self.method,
            path: &self.path,
            status,
            code,
            duration: self.begun.elapsed(),
        });
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if !self.answered {
            self.span.clone().in_scope(|| self.put_down(None, Some("CLIENT_GONE")));
        }
    }
}

async fn bounded(answer: impl Future<Output = Response>, bound: Duration) -> Response {
    match tokio::time::timeout(bound, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            error!("the handler panicked; the message is above");
            Problem::internal().into_response()
        }
        Err(_) => {
            let message = format!("there was no answer within {} seconds", bound.as_secs());
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT", message).retryable().into_response()
        }
    }
}
