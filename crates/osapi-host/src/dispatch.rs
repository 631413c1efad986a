//! From an operation to the function that carries it out: one match that names them all.

use osapi_core::{Failure, Operation, Outcome};

use crate::{Context, System, network, package};

/// Carries out one operation. It has no deadline of its own; the runner gives it one.
///
/// # Errors
/// It could not be carried out; `unsupported` where this host lacks the mechanism, `forbidden` where the privileges do
/// not reach.
pub async fn carry_out(system: &System, operation: &Operation, context: &Context) -> Result<Outcome, Failure> {
    match operation {
        Operation::SystemHostnameGet(_)
        | Operation::SystemHostnameUpdate(_)
        | Operation::SystemStatusGet(_)
        | Operation::SystemUptimeGet(_)
        | Operation::SystemOsGet(_)
        | Operation::SystemDiskGet(_)
        | Operation::SystemMemoryGet(_)
        | Operation::SystemLoadGet(_)
        | Operation::SystemRebootExecute(_)
        | Operation::SystemShutdownExecute(_)
        | Operation::SystemServiceGet(_) => {
            Err(Failure::unsupported(format!("`{}` is not built yet", operation.name())))
        }
        Operation::NetworkDnsGet(query) => network::dns::get(system, query).await.map(Outcome::NetworkDnsGet),
        Operation::NetworkDnsUpdate(update) => {
            network::dns::update(system, update, context).await.map(Outcome::NetworkDnsUpdate)
        }
        Operation::NetworkPingDo(ping) => network::ping::ping(system, ping, context).await.map(Outcome::NetworkPingDo),
        Operation::PackageListGet(filter) => package::list(system, filter, context).await.map(Outcome::PackageListGet),
    }
}
