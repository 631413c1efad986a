//! The list of revoked tokens: a bucket all API servers share, held in memory by each and fed by the broker.

use osapi_core::api::Revocation;
use tokio_util::sync::CancellationToken;

use crate::audit::StoreError;
use crate::connection::Connection;

/// The list. Cheap to clone; asking it costs no I/O.
#[derive(Clone, Debug)]
pub struct Revocations {}

impl Revocations {
    /// Makes sure of the bucket, reads it, and follows it until `shutdown`.
    ///
    /// # Errors
    /// The broker is not reachable or refuses.
    pub async fn follow(
        _connection: &Connection,
        _replicas: usize,
        _shutdown: CancellationToken,
    ) -> Result<Self, StoreError> {
        Err(StoreError::Unavailable("not built yet".to_owned()))
    }

    /// Whether the token of that identity is revoked.
    #[must_use]
    pub fn contains(&self, _token_id: &str) -> bool {
        false
    }

    /// All of them, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Revocation> {
        Vec::new()
    }

    /// Revokes a token; when this returns, it is on disk and this server refuses the token.
    ///
    /// # Errors
    /// The broker is away.
    pub async fn revoke(&self, _revocation: Revocation) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("not built yet".to_owned()))
    }
}
