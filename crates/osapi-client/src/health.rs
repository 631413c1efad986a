//! `/health`, `/metrics` and `/api/v1/version`.

use osapi_core::api::{HealthStatus, Liveness, Readiness, Version};
use reqwest::StatusCode;

use crate::{Answer, Client, ClientError};

impl Client {
    /// Whether the process is alive.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn health(&self) -> Result<Answer<Liveness>, ClientError> {
        self.get("/health").json(&[]).await
    }

    /// Whether it can serve; "not ready" is an answer, with status 503.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn health_ready(&self) -> Result<Answer<Readiness>, ClientError> {
        self.get("/health/ready").json(&[StatusCode::SERVICE_UNAVAILABLE]).await
    }

    /// How every component does; "degraded" is an answer, with status 503.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn health_status(&self) -> Result<Answer<HealthStatus>, ClientError> {
        self.get("/health/status").json(&[StatusCode::SERVICE_UNAVAILABLE]).await
    }

    /// The metrics as text.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn metrics(&self, path: &str) -> Result<String, ClientError> {
        self.get(path).text().await
    }

    /// Which version serves.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn version(&self) -> Result<Answer<Version>, ClientError> {
        self.get("/api/v1/version").json(&[]).await
    }
}
