//! `/api/v1/tokens`: tokens that count no more.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use osapi_core::api::{Revocation, RevocationList, RevokeToken};

use crate::app::App;
use crate::extract::{Body, Nothing, Params};
use crate::fault::Fault;
use crate::gate::Context;

/// Lists revoked tokens, newest first.
#[utoipa::path(get, path = "/api/v1/tokens/revocations", tag = "tokens", operation_id = "token_revocation_list",
    responses((status = 200, description = "The revocations.", body = RevocationList)))]
pub(crate) async fn list(State(app): State<Arc<App>>, _query: Params<Nothing>) -> Json<RevocationList> {
    Json(RevocationList { items: app.revocations.list() })
}

/// Revokes a token: from now on no API server of this deployment accepts it. Asking twice changes nothing.
#[utoipa::path(post, path = "/api/v1/tokens/revocations", tag = "tokens", operation_id = "token_revoke",
    request_body = RevokeToken, responses((status = 201, description = "It is revoked.", body = Revocation)))]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    context: Context,
    _query: Params<Nothing>,
    Body(body): Body<RevokeToken>,
) -> Result<(StatusCode, Json<Revocation>), Fault> {
    let id = &body.token_id;
    let fine =
        (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
    if !fine {
        return Err(Fault::invalid("`token_id` must be 1 to 128 letters, digits, `.`, `_`, `:` or `-`"));
    }
    if body.reason.as_ref().is_some_and(|reason| reason.chars().count() > 200) {
        return Err(Fault::invalid("`reason` must have at most 200 characters"));
    }
    context.note(None, Some(format!("revoke {id}")));
    let revocation = Revocation {
        token_id: body.token_id,
        revoked_at: Timestamp::now(),
        revoked_by: context.subject().unwrap_or_default(),
        reason: body.reason,
    };
    Ok((StatusCode::CREATED, Json(app.revocations.revoke(revocation).await?)))
}
