//! From an operation to the function that carries it out: one match that names them all.

use osapi_core::{Failure, Operation, Outcome};

use crate::system::power::Action;
use crate::system::{disk, hostname, load, memory, os, power, service, status, uptime};
use crate::{Context, System, network, package};

/// Carries out one operation. It has no deadline of its own; [`crate::Runner`] gives it one.
///
/// # Errors
/// `invalid` where its input is out of bounds, `unsupported` where this host lacks the mechanism, `forbidden` where the
/// privileges do not reach, and others for why it could not be carried out.
pub async fn carry_out(system: &System, operation: &Operation, context: &Context) -> Result<Outcome, Failure> {
    operation.check()?;
    Ok(match operation {
        Operation::SystemHostnameGet(_) => Outcome::SystemHostnameGet(hostname::get(system, context)?),
        Operation::SystemHostnameUpdate(update) => {
            Outcome::SystemHostnameUpdate(hostname::update(system, update, context).await?)
        }
        Operation::SystemStatusGet(_) => Outcome::SystemStatusGet(status::get(system).await?),
        Operation::SystemUptimeGet(_) => Outcome::SystemUptimeGet(uptime::get(system)?),
        Operation::SystemOsGet(_) => Outcome::SystemOsGet(os::get(system)?),
        Operation::SystemDiskGet(_) => Outcome::SystemDiskGet(disk::get(system).await?),
        Operation::SystemMemoryGet(_) => Outcome::SystemMemoryGet(memory::get(system)?),
        Operation::SystemLoadGet(_) => Outcome::SystemLoadGet(load::get(system)?),
        Operation::SystemRebootExecute(request) => {
            Outcome::SystemRebootExecute(power::execute(system, Action::Reboot, request, context).await?)
        }
        Operation::SystemShutdownExecute(request) => {
            Outcome::SystemShutdownExecute(power::execute(system, Action::Shutdown, request, context).await?)
        }
        Operation::SystemServiceGet(query) => Outcome::SystemServiceGet(service::get(system, query, context).await?),
        Operation::NetworkDnsGet(query) => Outcome::NetworkDnsGet(network::dns::get(system, query).await?),
        Operation::NetworkDnsUpdate(update) => {
            Outcome::NetworkDnsUpdate(network::dns::update(system, update, context).await?)
        }
        Operation::NetworkPingDo(ping) => Outcome::NetworkPingDo(network::ping::ping(system, ping, context).await?),
        Operation::PackageListGet(filter) => Outcome::PackageListGet(package::list(system, filter, context).await?),
    })
}
