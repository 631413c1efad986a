//! The audit entry of a request, begun when it comes and written when it is answered or its client has gone.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use http::{Method, StatusCode};
use jiff::Timestamp;
use osapi_core::audit::AuditEntry;
use uuid::Uuid;

use super::changes;
use super::context::RequestContext;
use crate::aliases::Asked;
use crate::app::App;
use crate::router::Route;

/// What is noted when the client goes away before the answer; nginx's number for it.
const CLIENT_GONE: u16 = 499;

/// A method or path longer than this is cut in the trail.
const MAX_TEXT: usize = 512;

/// The longest summary of a change, in bytes.
const MAX_SUMMARY: usize = 2048;

/// The entry of a request under way. Dropping it writes it too.
pub(super) struct Record {
    app: Arc<App>,
    context: Arc<RequestContext>,
    started: Instant,
    method: Method,
    /// Taken when it is written; absent from the start for what is not audited.
    entry: Option<AuditEntry>,
}

impl Record {
    pub(super) fn begin(
        app: &Arc<App>,
        context: &Arc<RequestContext>,
        request: &Request,
        route: Option<&Route>,
    ) -> Self {
        let audited = route.is_none_or(|route| route.audited);
        Self {
            app: Arc::clone(app),
            context: Arc::clone(context),
            started: Instant::now(),
            method: request.method().clone(),
            entry: audited.then(|| entry(context, request, route)),
        }
    }

    /// Completes the entry. For a change it waits until the entry is on disk.
    pub(super) async fn finish(&mut self, status: StatusCode) {
        let took = self.started.elapsed();
        let Some(entry) = self.complete(status.as_u16()) else { return };
        tracing::info!(
            method = entry.method,
            path = entry.path,
            status = entry.response_code,
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            user = entry.user,
            source_ip = entry.source_ip,
            job_id = entry.job_id.map(tracing::field::display),
            "request answered"
        );
        // Refused before anything happened: the trail may be slow or away, and the caller need not wait for it.
        let carried_out = !(status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE);
        if changes(&self.method) && carried_out {
            self.app.audit.record_durably(entry).await;
        } else {
            self.app.audit.record(entry);
        }
    }

    fn complete(&mut self, status: u16) -> Option<AuditEntry> {
        let mut entry = self.entry.take()?;
        entry.response_code = status;
        entry.duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(caller) = self.context.caller() {
            entry.user.clone_from(&caller.subject);
            entry.roles.clone_from(&caller.roles);
        }
        let notes = self.context.notes().clone();
        entry.job_id = notes.job;
        entry.target = notes.target.map(|target| target.to_string());
        entry.summary = notes.summary.map(|summary| cut(&summary, MAX_SUMMARY));
        Some(entry)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(entry) = self.complete(CLIENT_GONE) {
            self.app.audit.record(entry);
        }
    }
}

fn entry(context: &RequestContext, request: &Request, route: Option<&Route>) -> AuditEntry {
    let asked = request.extensions().get::<Asked>().map(|asked| asked.0.clone());
    let path = asked.unwrap_or_else(|| request.uri().path().to_owned());
    AuditEntry {
        sequence: 0,
        id: Uuid::now_v7(),
        timestamp: Timestamp::now(),
        user: String::new(),
        roles: Vec::new(),
        method: cut(request.method().as_str(), MAX_TEXT),
        path: cut(&path, MAX_TEXT),
        operation_id: route.map(|route| route.operation_id.clone()),
        source_ip: context.source.map(|source| source.to_string()).unwrap_or_default(),
        response_code: 0,
        duration_ms: 0,
        job_id: None,
        target: None,
        trace_id: context.trace_id().map(str::to_owned),
        request_id: context.id.clone(),
        summary: None,
        previous_hash: String::new(),
        hash: String::new(),
    }
}

fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}
