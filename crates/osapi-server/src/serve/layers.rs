//! What every answer passes on its way out, round the gate: compression, CORS, security headers.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::ServeError;
use crate::app::App;
use crate::fault::Fault;
use crate::gate::gate;
use crate::routes::metrics;

/// Headers every answer carries unless its handler says otherwise.
const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

/// How long a browser is to insist on TLS, where there is TLS.
const STRICT: &str = "max-age=31536000";

/// The router with all its layers and its state.
pub(super) fn wrap(router: Router<Arc<App>>, app: &Arc<App>) -> Result<Router, ServeError> {
    let path = &app.settings.metrics.path;
    if !path.starts_with('/') || path.starts_with("/api/") || path.starts_with("/health") {
        return Err(ServeError::MetricsPath(path.clone()));
    }
    let router = router
        .fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(app), gate))
        .layer(DefaultBodyLimit::max(app.settings.limits.body_bytes))
        .layer(CompressionLayer::new().gzip(true))
        .with_state(Arc::clone(app));
    let mut router = match cors(&app.settings.cors_origins)? {
        Some(cors) => router.layer(cors),
        None => router,
    };
    for (name, value) in SECURITY {
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    if app.settings.tls.is_some() {
        let strict = HeaderValue::from_static(STRICT);
        router = router.layer(SetResponseHeaderLayer::if_not_present(header::STRICT_TRANSPORT_SECURITY, strict));
    }
    Ok(router)
}

/// Nothing but the metrics, for their own listener.
pub(super) fn metrics_only(app: &Arc<App>) -> Router {
    Router::new().route("/metrics", get(metrics::alone)).with_state(Arc::clone(app))
}

fn cors(origins: &[String]) -> Result<Option<CorsLayer>, ServeError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let origins = origins.iter().map(|origin| {
        let fine = origin.starts_with("https://") || origin.starts_with("http://");
        HeaderValue::from_str(origin).ok().filter(|_| fine).ok_or_else(|| ServeError::Origin(origin.clone()))
    });
    let layer = CorsLayer::new()
        .allow_origin(origins.collect::<Result<Vec<_>, _>>()?)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("traceparent"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers([HeaderName::from_static("x-request-id"), header::LOCATION, header::RETRY_AFTER]);
    Ok(Some(layer))
}

async fn nothing_here() -> Response {
    Fault::of_status(StatusCode::NOT_FOUND).into_response()
}
