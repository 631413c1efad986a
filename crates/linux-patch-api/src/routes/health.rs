//! `/health`: whether this agent does what it is for. It is 200 also when degraded; who gets no answer knows the worst.

use axum::extract::State;
use jiff::Timestamp;
use osapi_core::Operation;
use osapi_core::operation::NoInput;
use osapi_core::system::{OsInfo, PackageManagerName};
use serde::Serialize;

use crate::agent::Agent;
use crate::envelope::{Data, Problem};
use crate::query::Parameters;

/// The seed's fields, and what the verdict is made of.
#[derive(Serialize)]
pub(crate) struct Health {
    status: Status,
    /// Of the agent, not of the host.
    uptime_seconds: u64,
    version: &'static str,
    last_cache_update: Option<Timestamp>,
    cache_status: CacheStatus,
    checks: Checks,
}

#[derive(Serialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
enum Status {
    Healthy,
    Degraded,
}

/// How old the index of packages is.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum CacheStatus {
    /// It was not refreshed since the agent is there; refreshing is not built yet.
    Unknown,
}

/// Each is true where all is well.
#[derive(Serialize)]
struct Checks {
    /// The file on disk is what holds.
    configuration: bool,
    whitelist: bool,
    /// The files on disk are what holds, and neither the certificate's time is over nor the revocation list's.
    certificates: bool,
    certificate_expires_at: Timestamp,
    /// After this nobody is let in; null where no revocation list is looked up.
    revocation_list_expires_at: Option<Timestamp>,
    /// The host has one and it is installed.
    package_manager: bool,
}

impl Checks {
    const fn verdict(&self) -> Status {
        let Self {
            configuration,
            whitelist,
            certificates,
            package_manager,
            certificate_expires_at: _,
            revocation_list_expires_at: _,
        } = *self;
        if configuration && whitelist && certificates && package_manager { Status::Healthy } else { Status::Degraded }
    }
}

pub(crate) async fn show(State(agent): State<Agent>, parameters: Parameters) -> Result<Data<Health>, Problem> {
    let NoInput {} = parameters.read()?;
    let os: Result<OsInfo, Problem> = agent.ask(Operation::SystemOsGet(NoInput {})).await;
    let faults = *agent.live.faults.borrow();
    let (certificate_expires_at, revocation_list_expires_at) = {
        let tls = agent.live.tls.borrow();
        (tls.certificate.not_after, tls.revocations_until)
    };
    let ends_at = revocation_list_expires_at.map_or(certificate_expires_at, |list| list.min(certificate_expires_at));
    let checks = Checks {
        configuration: !faults.configuration,
        whitelist: !faults.whitelist,
        certificates: !faults.certificates && Timestamp::now() <= ends_at,
        certificate_expires_at,
        revocation_list_expires_at,
        package_manager: os.is_ok_and(|os| os.package_manager != PackageManagerName::None),
    };
    Ok(Data(Health {
        status: checks.verdict(),
        uptime_seconds: agent.started.elapsed().as_secs(),
        version: env!("CARGO_PKG_VERSION"),
        last_cache_update: None,
        cache_status: CacheStatus::Unknown,
        checks,
    }))
}
