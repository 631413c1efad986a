//! `/system/info` and `/system/services/{name}`, in the shapes of the seed.

use axum::extract::{Path, State};
use osapi_core::operation::NoInput;
use osapi_core::system::{Hostname, OsInfo, PackageManagerName};
use osapi_core::{Operation, OperationKind};
use serde::Serialize;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::envelope::{Data, Problem};
use crate::query::Parameters;

/// What this host is.
#[derive(Serialize)]
pub(crate) struct Info {
    hostname: String,
    os: String,
    os_version: String,
    kernel: String,
    architecture: String,
    package_manager: PackageManagerName,
    init_system: String,
    boot_id: String,
    /// The agent's own version.
    version: &'static str,
    /// Unknown as long as no package operation is built.
    last_update_check: Option<jiff::Timestamp>,
    last_update_apply: Option<jiff::Timestamp>,
    pending_reboot: Option<bool>,
}

pub(crate) async fn info(State(agent): State<Agent>, parameters: Parameters) -> Result<Data<Info>, Problem> {
    let NoInput {} = parameters.read()?;
    let hostname: Hostname = agent.ask(Operation::SystemHostnameGet(NoInput {})).await?;
    let os: OsInfo = agent.ask(Operation::SystemOsGet(NoInput {})).await?;
    Ok(Data(Info {
        hostname: hostname.hostname.to_string(),
        os: os.name,
        os_version: os.version,
        kernel: os.kernel,
        architecture: os.architecture,
        package_manager: os.package_manager,
        init_system: os.init_system,
        boot_id: os.boot_id,
        version: env!("CARGO_PKG_VERSION"),
        last_update_check: None,
        last_update_apply: None,
        pending_reboot: None,
    }))
}

pub(crate) async fn service(
    State(agent): State<Agent>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Data<Value>, Problem> {
    let NoInput {} = parameters.read()?;
    agent.answer(OperationKind::SystemServiceGet, json!({ "name": name })).await.map(Data)
}
