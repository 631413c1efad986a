//! `client health`, `metrics`, `version` and `openapi`.

use osapi_core::api::Health as State;

use crate::arguments::client::Health;
use crate::exit_status::ExitStatus;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::render;

/// How the API server does.
pub(crate) async fn health(remote: &Remote, question: Option<&Health>) -> Result<ExitStatus, Failure> {
    let client = &remote.client;
    let failed = |error| remote.failure(&error);
    match question {
        None => {
            let answer = client.health().await.map_err(failed)?;
            remote.show(&answer, |it, _| it.status.clone()).map(|()| ExitStatus::Ok)
        }
        Some(Health::Ready) => {
            let answer = client.health_ready().await.map_err(failed)?;
            remote.show(&answer, |it, _| {
                it.error.clone().map_or_else(|| it.status.clone(), |error| format!("{}: {error}", it.status))
            })?;
            Ok(if answer.status == 200 { ExitStatus::Ok } else { ExitStatus::Unreachable })
        }
        Some(Health::Status) => {
            let answer = client.health_status().await.map_err(failed)?;
            remote.show(&answer, render::health_status)?;
            Ok(match answer.value.status {
                State::Ok => ExitStatus::Ok,
                State::Degraded => ExitStatus::SomeFailed,
                State::Error => ExitStatus::Failed,
            })
        }
    }
}

/// The metrics, as they come.
pub(crate) async fn metrics(remote: &Remote) -> Result<ExitStatus, Failure> {
    let text = remote.client.metrics(&remote.metrics_path).await.map_err(|error| remote.failure(&error))?;
    remote.printer.data(&text).map(|()| ExitStatus::Ok)
}

/// Which version serves.
pub(crate) async fn version(remote: &Remote) -> Result<ExitStatus, Failure> {
    let answer = remote.client.version().await.map_err(|error| remote.failure(&error))?;
    remote.show(&answer, |it, _| it.version.clone()).map(|()| ExitStatus::Ok)
}

/// The document of the API, as it comes.
pub(crate) async fn openapi(remote: &Remote) -> Result<ExitStatus, Failure> {
    let text = remote.client.metrics("/api/v1/openapi.json").await.map_err(|error| remote.failure(&error))?;
    remote.printer.data(&text).map(|()| ExitStatus::Ok)
}
