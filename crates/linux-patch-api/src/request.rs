//! What every request passes through: an id, a span, a bound on its time, the envelope and a line of the audit trail.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::StatusCode;
use osapi_pki::Identity;
use osapi_telemetry::trace_context;
use tracing::{Instrument, error, info_span};
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
    async {
        let (response, code) = seal(bounded(next.run(request), bound).await, request_id);
        audit_log::request(&Entry {
            request_id,
            source: peer.address,
            identity: &peer.identity,
            method: &method,
            path: &path,
            status: response.status(),
            code,
            duration: begun.elapsed(),
        });
        response
    }
    .instrument(span)
    .await
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
