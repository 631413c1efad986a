//! `/api/v1/tokens`.

use osapi_core::api::{Revocation, RevocationList, RevokeToken};

use crate::{Answer, Client, ClientError};

impl Client {
    /// Lists revoked tokens, newest first.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn token_revocation_list(&self) -> Result<Answer<RevocationList>, ClientError> {
        self.get("/api/v1/tokens/revocations").json(&[]).await
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn token_revoke(&self, token: &RevokeToken) -> Result<Answer<Revocation>, ClientError> {
        self.post("/api/v1/tokens/revocations").body(token).json(&[]).await
    }
}
