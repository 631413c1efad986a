//! What every request passes, in order: its identity, who asks, what they may, whether there is room, and afterwards
//! the body of an error, the metrics, the log and the audit trail.
//!
//! Nothing of a request but its head is looked at before it is known who asks and that they may.

mod context;
mod record;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use osapi_core::ErrorCode;
use osapi_core::api::Problem;
use tracing::Instrument as _;

pub(crate) use context::{Context, RequestContext};
use record::Record;

use crate::access::Access;
use crate::app::App;
use crate::fault::Fault;
use crate::router::Route;
use crate::settings::WhenAuditFails;

/// The header a request is known by.
const REQUEST_ID: header::HeaderName = header::HeaderName::from_static("x-request-id");

/// The middleware round every route and round what answers where there is none.
pub(crate) async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = app.routes.of(&request);
    let template = route.as_ref().map(|route| route.template.clone());
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {}", template.as_deref().unwrap_or("none")),
        otel.kind = "server",
        http.request.method = method.as_str(),
        http.route = template.as_deref(),
        http.response.status_code = tracing::field::Empty,
        request_id = tracing::field::Empty,
    );
    let context = Arc::new(RequestContext::of(&app, &request, &span));
    span.record("request_id", &context.id);
    // Should the client go away, the record is written all the same, when it is dropped.
    let mut record = Record::begin(&app, &context, &request, route.as_deref());
    let under_way = app.metrics.begin();
    let answer = AssertUnwindSafe(admit(&app, &context, route.as_deref(), request, next)).catch_unwind();
    let response = answer.instrument(span.clone()).await.unwrap_or_else(|_| {
        tracing::error!(request_id = context.id, "a handler panicked");
        Fault::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
    });
    drop(under_way);
    let response = finish(response, &context.id);
    app.metrics.answered(&method, template.as_deref(), response.status().as_u16(), started.elapsed());
    span.record("http.response.status_code", response.status().as_u16());
    record.finish(response.status()).instrument(span).await;
    response
}

/// Lets the request through to its handler, or says why not.
async fn admit(
    app: &App,
    context: &Arc<RequestContext>,
    route: Option<&Route>,
    mut request: Request,
    next: Next,
) -> Response {
    // What nobody has declared public is not.
    let access = route.map_or(Access::Token, |route| route.access);
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let checked = async {
        let room = app.concurrency.try_acquire();
        let Ok(permit) = room else {
            app.metrics.refuse();
            return Err(Fault::new(ErrorCode::Unavailable, "the server has too many requests at once").retry_after(1));
        };
        authorise(app, context, access, &headers).await?;
        if changes(&method) && access != Access::Public {
            audit_works(app)?;
        }
        Ok(permit)
    };
    let _permit = match checked.await {
        Ok(permit) => permit,
        Err(fault) => return fault.into_response(),
    };
    request.extensions_mut().insert(Arc::clone(context));
    match tokio::time::timeout(app.settings.limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Fault::new(ErrorCode::Timeout, "the request took too long").into_response(),
    }
}

async fn authorise(app: &App, context: &RequestContext, access: Access, headers: &HeaderMap) -> Result<(), Fault> {
    if access == Access::Public {
        return Ok(());
    }
    let claims = bearer(headers);
    let claims = match claims {
        Some(token) => app.verifier.verify(token).await,
        None => return Err(unauthenticated()),
    };
    let claims = match claims {
        Ok(claims) if !claims.jti.as_deref().is_some_and(|jti| app.revocations.contains(jti)) => claims,
        Ok(claims) => {
            tracing::info!(user = claims.sub, "a revoked token was used");
            return Err(unauthenticated());
        }
        Err(fault) => {
            tracing::info!(fault = &fault as &dyn std::error::Error, "a token does not count");
            return Err(unauthenticated());
        }
    };
    let limited = app
        .per_token
        .as_ref()
        .map_or(Ok(()), |limit| limit.take(claims.jti.as_deref().unwrap_or(&claims.sub), Instant::now()));
    let caller = context.proved(app.roles.caller(claims));
    if let Err(seconds) = limited {
        app.metrics.refuse();
        return Err(Fault::new(ErrorCode::Unavailable, "this token makes too many requests")
            .with_status(StatusCode::TOO_MANY_REQUESTS)
            .retry_after(seconds));
    }
    match access {
        Access::Needs(permission) => caller.require(permission),
        Access::Public | Access::Token => Ok(()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut headers = headers.get_all(header::AUTHORIZATION).iter();
    let (only, None) = (headers.next()?, headers.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unauthenticated() -> Fault {
    Fault::new(ErrorCode::Unauthenticated, "a valid bearer token is required")
}

/// Whether a request may change something: every method but the reading ones.
pub(crate) fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn audit_works(app: &App) -> Result<(), Fault> {
    match app.settings.audit.when_unavailable {
        WhenAuditFails::RefuseChanges if !app.audit.works() => {
            Err(Fault::new(ErrorCode::Unavailable, "the audit trail cannot be written, so changes are refused")
                .retry_after(5))
        }
        WhenAuditFails::RefuseChanges | WhenAuditFails::Continue => Ok(()),
    }
}

/// Gives an error its body and every answer the request's identity.
fn finish(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    let fault = response.extensions_mut().remove::<Fault>();
    let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
    let framework = (status.is_client_error() || status.is_server_error()) && !json;
    if let Some(fault) = fault.or_else(|| framework.then(|| Fault::of_status(status))) {
        response = answer(fault, request_id, response.headers().get(header::ALLOW).cloned());
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn answer(fault: Fault, request_id: &str, allow: Option<HeaderValue>) -> Response {
    let problem = Problem {
        error: fault.message,
        code: fault.code,
        details: Some(fault.details).filter(|details| !details.is_empty()),
        request_id: request_id.to_owned(),
    };
    let mut response = (fault.status, Json(problem)).into_response();
    let headers = response.headers_mut();
    if let Some(seconds) = fault.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if fault.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(allow) = allow {
        headers.insert(header::ALLOW, allow);
    }
    response
}
