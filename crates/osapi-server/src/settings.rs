//! What the server is told: total, checked by whoever reads the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use osapi_core::Permission;
use osapi_jobs::AuditRetention;
use osapi_telemetry::metrics::MetricsExport;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::rustls;

/// Everything the server is told.
#[derive(Debug, Default)]
pub struct ServerSettings {
    /// The program's version, as `/api/v1/version` tells it.
    pub version: String,
    /// Whose tokens count.
    pub authentication: AuthenticationSettings,
    /// Roles beside the built-in ones; a built-in name here redefines that role.
    pub roles: BTreeMap<String, BTreeSet<Permission>>,
    /// How jobs are submitted and waited for.
    pub jobs: JobSettings,
    /// The audit trail.
    pub audit: AuditSettings,
    /// What one caller and all callers together may use.
    pub limits: LimitSettings,
    /// Origins a browser may call from, such as `https://console.example.com`; none when empty.
    pub cors_origins: Vec<String>,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Metrics.
    pub metrics: MetricsSettings,
    /// TLS; plain HTTP when absent. What is in the channel serves each new connection.
    pub tls: Option<watch::Receiver<Arc<rustls::ServerConfig>>>,
}

/// Whose tokens count. There must be a signing key or an issuer.
#[derive(Debug, Default)]
pub struct AuthenticationSettings {
    /// Keys of HS256 tokens, the current one first; a second one is accepted while keys are rotated.
    pub signing_keys: Vec<SecretString>,
    /// The audiences an HS256 token may name; `https://localhost` and `http://localhost` when empty.
    pub audiences: Vec<String>,
    /// An identity provider whose RS256 and ES256 tokens count too.
    pub issuer: Option<IssuerSettings>,
}

/// An identity provider.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Where its public keys are.
    pub jwks: JwksSource,
    /// The `iss` its tokens must carry.
    pub issuer: String,
    /// The `aud` its tokens must carry.
    pub audience: String,
    /// How old the keys may get before they are read again.
    pub refresh: Duration,
}

/// Where the public keys of an identity provider are.
#[derive(Clone, Debug)]
pub enum JwksSource {
    /// In a file.
    File(PathBuf),
    /// At an `https` address (or `http` on loopback).
    Url(String),
}

/// How jobs are submitted and waited for.
#[derive(Clone, Debug)]
pub struct JobSettings {
    /// How long a request waits for the result of its operation.
    pub wait: Duration,
    /// Nobody starts a job later than this after submission, unless the request says otherwise.
    pub expires_after: Duration,
    /// How long one host may take over a job, unless the request says otherwise.
    pub timeout: Duration,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(30),
            expires_after: Duration::from_secs(3600),
            timeout: Duration::from_secs(300),
        }
    }
}

/// The audit trail.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// How much is kept and for how long.
    pub retention: AuditRetention,
    /// How many entries may wait to be written.
    pub buffer: usize,
    /// What to do with requests that change something while entries cannot be written.
    pub when_unavailable: WhenAuditFails,
    /// How many entries one request looks through at most.
    pub look_through: u64,
}

impl Default for AuditSettings {
    fn default() -> Self {
        let (retention, when_unavailable) = (AuditRetention::default(), WhenAuditFails::RefuseChanges);
        Self { retention, buffer: 10_000, when_unavailable, look_through: 10_000 }
    }
}

/// What to do with requests that change something while the audit trail cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAuditFails {
    /// Refuse them with 503.
    RefuseChanges,
    /// Carry them out; their entries wait in the buffer.
    Continue,
}

/// What one caller and all callers together may use.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// The largest request body in bytes.
    pub body_bytes: usize,
    /// How long the head of a request may take to come.
    pub header_timeout: Duration,
    /// How long a request may take in all; longer than [`JobSettings::wait`].
    pub request_timeout: Duration,
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Requests at once; more are refused with 503.
    pub concurrency: usize,
    /// Requests a second one token may make on average, with bursts of ten seconds' worth; unlimited when absent.
    pub per_token: Option<f64>,
    /// How long requests under way may take to end at shutdown.
    pub drain: Duration,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            connections: 4096,
            concurrency: 1024,
            per_token: None,
            drain: Duration::from_secs(5),
        }
    }
}

/// Metrics.
#[derive(Debug)]
pub struct MetricsSettings {
    /// The path they are at.
    pub path: String,
    /// A listener of their own; on the API's when absent.
    pub listener: Option<TcpListener>,
    /// Where they are sent beside that; nowhere when absent.
    pub export: Option<MetricsExport>,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { path: "/metrics".to_owned(), listener: None, export: None }
    }
}
