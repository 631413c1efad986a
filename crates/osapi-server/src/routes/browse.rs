//! The API's document and a page to read it.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use http::header;

use crate::extract::{Nothing, Params};

/// The page needs nothing from elsewhere, and may load nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// This document, OpenAPI 3.1.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "documentation", operation_id = "openapi",
    responses((status = 200, description = "The document.", body = Object)))]
pub(crate) async fn document(_query: Params<Nothing>) -> Response {
    /// It is the same for as long as the program runs.
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| crate::document::openapi().to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}

/// A page to read this document.
#[utoipa::path(get, path = "/api/v1/docs", tag = "documentation", operation_id = "docs",
    responses((status = 200, description = "The page.", content_type = "text/html", body = String)))]
pub(crate) async fn page(_query: Params<Nothing>) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("browse.html"))).into_response()
}
