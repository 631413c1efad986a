//! `/api/v1/audit`.

use futures::Stream;
use jiff::Timestamp;
use osapi_core::api::{AuditPage, AuditVerification};
use osapi_core::audit::AuditEntry;

use crate::events::Lines;
use crate::{Answer, Client, ClientError};

/// Which entries, and which part of them.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this user.
    pub user: Option<String>,
    /// Answered with this HTTP status.
    pub status: Option<u16>,
    /// Whose path begins like this.
    pub path: Option<String>,
    /// At or after.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// At most this many.
    pub limit: Option<usize>,
    /// Skip this many first.
    pub offset: Option<usize>,
    /// What the part before gave as `next_cursor`.
    pub cursor: Option<String>,
}

impl Client {
    /// Lists audit entries, newest first.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn audit_list(&self, filter: &AuditFilter) -> Result<Answer<AuditPage>, ClientError> {
        self.get("/api/v1/audit")
            .query_if("user", filter.user.as_ref())
            .query_if("status", filter.status.as_ref())
            .query_if("path", filter.path.as_ref())
            .query_if("since", filter.since.as_ref())
            .query_if("until", filter.until.as_ref())
            .query_if("limit", filter.limit.as_ref())
            .query_if("offset", filter.offset.as_ref())
            .query_if("cursor", filter.cursor.as_ref())
            .json(&[])
            .await
    }

    /// One audit entry, by its id.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn audit_get(&self, id: &str) -> Result<Answer<AuditEntry>, ClientError> {
        self.get(format!("/api/v1/audit/{}", crate::system::escaped(id))).json(&[]).await
    }

    /// All kept entries as they come, oldest first, one JSON text an item.
    ///
    /// # Errors
    /// As [`ClientError`] says; an item is an error when the stream broke, and then it is not complete.
    pub async fn audit_export(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<impl Stream<Item = Result<String, ClientError>> + use<>, ClientError> {
        let call = self.get("/api/v1/audit/export").query_if("since", since.as_ref()).query_if("until", until.as_ref());
        Ok(Lines::new(call.stream().await?).into_stream())
    }

    /// Checks that no kept entry was altered, removed, added or moved, and that the trail holds the hash an earlier
    /// check told, where one is given.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn audit_verify(&self, known_hash: Option<&str>) -> Result<Answer<AuditVerification>, ClientError> {
        self.get("/api/v1/audit/verify").query_if("known_hash", known_hash.as_ref()).json(&[]).await
    }
}
