//! The audit trail: one line for each request and each refusal, under a target of its own in the log.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, StatusCode};
use osapi_pki::Identity;
use tracing::info;
use uuid::Uuid;

/// The target of the lines, by which a log collector picks them out.
pub(crate) const TARGET: &str = "audit";

/// What is put down of a request.
pub(crate) struct Entry<'a> {
    pub(crate) request_id: Uuid,
    pub(crate) source: IpAddr,
    pub(crate) identity: &'a Identity,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    /// Of the answer; absent when the client was gone before there was one.
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<&'static str>,
    pub(crate) duration: Duration,
}

/// A request that was answered, or whose client did not wait for that.
pub(crate) fn request(entry: &Entry<'_>) {
    info!(
        target: TARGET,
        event = "request",
        request_id = %entry.request_id,
        source = %entry.source,
        client = entry.identity.common_name,
        serial = entry.identity.serial,
        fingerprint = entry.identity.fingerprint_sha256,
        method = entry.method.as_str(),
        path = entry.path,
        status = entry.status.map(|status| status.as_u16()),
        code = entry.code,
        duration_ms = u64::try_from(entry.duration.as_millis()).unwrap_or(u64::MAX),
        "request"
    );
}

/// Peers that are not on the whitelist; `suppressed` more came since the last line.
pub(crate) fn denied(source: IpAddr, suppressed: u64) {
    info!(target: TARGET, event = "whitelist_denied", source = %source, suppressed, "not on the whitelist");
}

/// A peer whose handshake failed: no certificate, a wrong one, or no TLS at all.
pub(crate) fn handshake_failed(source: IpAddr, reason: &str) {
    info!(target: TARGET, event = "authentication_failed", source = %source, reason, "handshake failed");
}

/// A peer that was let in and would not be now: its certificate was revoked, or its authority taken away.
pub(crate) fn cut_off(source: IpAddr, identity: &Identity, reason: &str) {
    info!(
        target: TARGET,
        event = "cut_off",
        source = %source,
        client = identity.common_name,
        serial = identity.serial,
        fingerprint = identity.fingerprint_sha256,
        reason,
        "not let in any more"
    );
}

/// A part of the configuration that was read again and replaced the old, or was kept because the new one is wrong.
pub(crate) fn reloaded(part: &'static str, accepted: bool) {
    info!(target: TARGET, event = "reload", part, accepted, "configuration read again");
}
