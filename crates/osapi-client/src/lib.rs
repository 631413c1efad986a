//! A client of the fleet's REST API: one typed method per endpoint.
//!
//! The program and the tests reach the API through this and nothing else. Reading calls are tried again when the server
//! cannot be reached or is too busy, and so is the submission of a job with an idempotency key; other calls that change
//! something are sent once.

mod audit;
mod call;
mod error;
mod events;
mod health;
mod jobs;
mod network;
mod packages;
mod system;
mod tokens;
mod workers;

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

pub use audit::AuditFilter;
pub use call::Answer;
pub use error::ClientError;
pub use events::Events;
pub use jobs::JobListFilter;

/// Where the API is and who asks.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Its address, such as `http://127.0.0.1:8080`.
    pub url: String,
    /// The token; without one only the probes and the metrics answer.
    pub token: Option<SecretString>,
    /// The authority the server's certificate must come from, PEM; the system's when absent.
    pub ca_file: Option<PathBuf>,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long to wait for the connection.
    pub connect_timeout: Duration,
    /// How many more times a call is tried that may be sent twice.
    pub retries: u32,
    /// W3C trace context to send along.
    pub traceparent: Option<String>,
}

impl ClientSettings {
    /// The usual bounds, for this address and token.
    #[must_use]
    pub fn new(url: impl Into<String>, token: Option<SecretString>) -> Self {
        Self {
            url: url.into(),
            token,
            ca_file: None,
            timeout: Duration::from_secs(65),
            connect_timeout: Duration::from_secs(5),
            retries: 2,
            traceparent: None,
        }
    }
}

/// The client. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
    retries: u32,
    timeout: Duration,
}

impl Client {
    /// A client with these settings; nothing is sent yet.
    ///
    /// # Errors
    /// The address, the token or the authority's file cannot be used.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientError> {
        let url = settings.url.trim_end_matches('/').to_owned();
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(ClientError::Url(settings.url.clone()));
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("osapi/", env!("CARGO_PKG_VERSION")));
        if let Some(file) = &settings.ca_file {
            let wrong = |reason: String| ClientError::Authority { file: file.clone(), reason };
            let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
            let authorities = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
            builder = builder.tls_certs_only(authorities);
        }
        Ok(Self {
            http: builder.build().map_err(|source| ClientError::Setup { source })?,
            url,
            headers: headers(settings)?,
            retries: settings.retries,
            timeout: settings.timeout,
        })
    }
}

fn headers(settings: &ClientSettings) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    if let Some(token) = &settings.token {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret().trim()))
            .map_err(|_| ClientError::Token)?;
        value.set_sensitive(true);
        headers.insert("authorization", value);
    }
    if let Some(value) = settings.traceparent.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert("traceparent", value);
    }
    Ok(headers)
}
