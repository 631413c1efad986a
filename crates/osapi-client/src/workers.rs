//! `/api/v1/workers`.

use osapi_core::HostName;
use osapi_core::api::WorkerList;
use osapi_core::worker::Worker;
use reqwest::Method;

use crate::{Answer, Client, ClientError};

impl Client {
    /// Lists the workers, sorted by name.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn worker_list(&self) -> Result<Answer<WorkerList>, ClientError> {
        self.get("/api/v1/workers").json(&[]).await
    }

    /// One worker.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn worker_get(&self, name: &HostName) -> Result<Answer<Worker>, ClientError> {
        self.get(format!("/api/v1/workers/{name}")).json(&[]).await
    }

    /// Tells a worker to finish what it has and take no more.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn worker_drain(&self, name: &HostName) -> Result<(), ClientError> {
        self.post(format!("/api/v1/workers/{name}/drain")).nothing().await
    }

    /// Tells a drained worker to take jobs again.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn worker_resume(&self, name: &HostName) -> Result<(), ClientError> {
        self.post(format!("/api/v1/workers/{name}/resume")).nothing().await
    }

    /// Forgets a worker that is stopped or lost.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn worker_forget(&self, name: &HostName) -> Result<(), ClientError> {
        self.call(Method::DELETE, format!("/api/v1/workers/{name}")).nothing().await
    }
}
