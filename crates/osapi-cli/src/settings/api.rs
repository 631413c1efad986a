//! `api.server` and `nats.audit`: what the API server is told.

use std::path::PathBuf;

use osapi_core::Permission;
use osapi_jobs::AuditRetention;
use osapi_server::{AuditSettings, IssuerSettings, JobSettings, JwksSource, LimitSettings, WhenAuditFails};
use osapi_settings::{ExposeSecret as _, Reader, SecretString, Section};

use super::nats::bytes;
use super::telemetry::{LogSettings, MetricsSection};

/// What the API server is told, as far as a file can tell it: listeners and certificates are opened by its role.
#[derive(Debug)]
pub(crate) struct ApiSettings {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) keys: SigningKeys,
    pub(crate) audiences: Vec<String>,
    pub(crate) issuer: Option<IssuerSettings>,
    pub(crate) roles: Vec<(String, Vec<Permission>)>,
    pub(crate) jobs: JobSettings,
    pub(crate) audit: AuditSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) metrics: MetricsSection,
    /// Certificate and key, PEM.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
}

/// The keys tokens are signed and checked with.
#[derive(Debug)]
pub(crate) struct SigningKeys {
    pub(crate) current: Option<SecretString>,
    /// Accepted while keys are rotated.
    pub(crate) previous: Option<SecretString>,
}

impl ApiSettings {
    pub(super) fn read(reader: &Reader, log: &LogSettings) -> Self {
        let server = reader.section("api").section("server");
        let security = server.section("security");
        Self {
            host: server.text(
                "host",
                "127.0.0.1",
                "address the API server listens on; tokens go over it in clear without TLS",
            ),
            port: server.integer("port", 8080, 0..=65535, "TCP port the API server listens on; 0 for one that is free"),
            keys: SigningKeys {
                current: signing_key(
                    &security,
                    "signing_key",
                    "signs and checks tokens (HS256), at least 32 characters",
                ),
                previous: signing_key(
                    &security,
                    "previous_signing_key",
                    "still checks tokens while the key is being changed",
                ),
            },
            audiences: security.list(
                "audiences",
                "texts",
                &[],
                "audiences a token may name; those of localhost if empty",
            ),
            issuer: read_issuer(&security.section("issuer")),
            roles: security.entries("roles", |_, role| {
                role.list("permissions", "permissions", &[], "what this role may; a built-in name redefines that role")
            }),
            jobs: read_jobs(&server.section("jobs")),
            audit: read_audit(reader),
            limits: read_limits(&server.section("limits")),
            cors_origins: security.section("cors").list(
                "allow_origins",
                "URLs",
                &[],
                "pages a browser may call the API from; none if empty",
            ),
            trusted_proxies: server.list(
                "trusted_proxies",
                "networks",
                &[],
                "peers whose `X-Forwarded-For` is believed",
            ),
            metrics: MetricsSection::read(reader, log),
            tls: read_tls(&server.section("tls")),
        }
    }

    pub(super) fn require_signing_key(&self, reader: &Reader) {
        let security = reader.section("api").section("server").section("security");
        if self.issuer.is_none() {
            security.require(
                "signing_key",
                "tokens are signed and checked with it; `openssl rand -hex 32` makes a strong one",
            );
        }
    }
}

/// What is shorter than this can be guessed, and the server does not take it.
const SHORTEST_KEY: usize = 32;

fn signing_key(security: &Section<'_>, key: &str, doc: &'static str) -> Option<SecretString> {
    let secret = security.secret(key, doc);
    if secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < SHORTEST_KEY) {
        security.refuse(key, "has fewer than 32 characters; `openssl rand -hex 32` makes a strong one");
    }
    secret
}

fn read_issuer(section: &Section<'_>) -> Option<IssuerSettings> {
    let file =
        section.optional_path("jwks_file", "public keys of an identity provider whose tokens count too, a JWKS file");
    let url = section.optional_text("jwks_url", "the same from an `https` address");
    let issuer = section.optional_text("issuer", "the `iss` its tokens must carry");
    let audience = section.optional_text("audience", "the `aud` its tokens must carry");
    let refresh = section.duration("refresh", "1h", "1m"..="7d", "how old its keys may get before they are read again");
    let jwks = match (file, url) {
        (None, None) => return None,
        (Some(file), None) => JwksSource::File(file),
        (None, Some(url)) => JwksSource::Url(url),
        (Some(file), Some(_)) => {
            section.refuse("jwks_url", "and `jwks_file` exclude each other");
            JwksSource::File(file)
        }
    };
    section.require("issuer", "tokens of an identity provider are checked against it");
    section.require("audience", "tokens of an identity provider are checked against it");
    Some(IssuerSettings { jwks, issuer: issuer.unwrap_or_default(), audience: audience.unwrap_or_default(), refresh })
}

fn read_jobs(section: &Section<'_>) -> JobSettings {
    JobSettings {
        wait: section.duration("wait", "30s", "1s"..="10m", "how long a request waits for the result of its operation"),
        expires_after: section.duration("expires_after", "1h", "1s"..="6d", "nobody starts a job later than this"),
        timeout: section.duration("timeout", "5m", "1s"..="24h", "how long one host may take over a job"),
    }
}

fn read_audit(reader: &Reader) -> AuditSettings {
    let audit = reader.section("nats").section("audit");
    let retention = AuditRetention {
        max_age: audit.duration("ttl", "90d", "1h"..="3660d", "how long audit entries are kept"),
        max_bytes: bytes(audit.size("max_bytes", "512MiB", "1MiB"..="1TiB", "bytes of audit entries kept")),
        replicas: audit.integer("replicas", 1, 1..=5, "copies of the audit trail in a cluster"),
    };
    for key in ["bucket", "storage"] {
        audit.retired(key, "the audit trail is a stream with a fixed name, kept on disk");
    }
    let section = reader.section("api").section("server").section("audit");
    let actions = [("refuse", WhenAuditFails::RefuseChanges), ("continue", WhenAuditFails::Continue)];
    AuditSettings {
        retention,
        buffer: section.integer("buffer", 10_000, 100..=1_000_000, "how many entries may wait to be written"),
        when_unavailable: section.choice(
            "when_unavailable",
            "refuse",
            &actions,
            "what becomes of changes while entries cannot be written",
        ),
        ..AuditSettings::default()
    }
}

fn read_limits(section: &Section<'_>) -> LimitSettings {
    let per_token: u32 =
        section.integer("per_token", 0, 0..=100_000, "requests a second one token may make; 0 for any number");
    LimitSettings {
        body_bytes: usize::try_from(section.size("body_bytes", "1MiB", "1KiB"..="64MiB", "the largest request"))
            .unwrap_or(usize::MAX),
        header_timeout: section.duration(
            "header_timeout",
            "10s",
            "1s"..="5m",
            "how long the head of a request may take to come",
        ),
        request_timeout: section.duration("request_timeout", "60s", "2s"..="15m", "how long a request may take in all"),
        connections: section.integer("connections", 4096, 1..=1_000_000, "connections at once"),
        concurrency: section.integer("concurrency", 1024, 1..=1_000_000, "requests at once; more are refused with 503"),
        per_token: (per_token > 0).then(|| f64::from(per_token)),
        drain: section.duration("drain", "3s", "0s"..="10m", "how long requests under way may take to end at a stop"),
    }
}

fn read_tls(section: &Section<'_>) -> Option<(PathBuf, PathBuf)> {
    let certificate = section.optional_path("cert_file", "certificate of the API server, PEM; HTTPS is on when set");
    let key = section.optional_path("key_file", "its private key, PEM");
    if certificate.is_some() != key.is_some() {
        section.refuse("cert_file", "and `key_file` must be set together");
    }
    certificate.zip(key)
}
