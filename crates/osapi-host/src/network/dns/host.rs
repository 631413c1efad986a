//! Who rules name resolution on this host, found out each time: hosts are reconfigured while we run.

use std::time::Duration;

use osapi_core::network::DnsMechanism;
use osapi_core::{ErrorCode, Failure};
use zbus::Connection;

use super::network_manager::Active;
use super::{InForce, network_manager, networkd, resolv_conf, resolved};
use crate::System;
use crate::machine::{BusError, bus};
use crate::network::link::Link;

/// What runs here.
pub(super) struct Host {
    system: System,
    bus: Option<Connection>,
    resolved: bool,
    network_manager: bool,
}

/// Who keeps an interface's settings, and so who must be told of new ones.
#[derive(Clone, Debug)]
pub(super) enum Mechanism {
    NetworkManager(Active),
    /// netplan's files.
    Netplan {
        /// The definition in them.
        id: String,
        /// Whether NetworkManager carries it out, rather than networkd.
        network_manager: bool,
    },
    /// The name of the network file.
    Networkd(String),
    /// resolved alone: nothing configures the interface, so that only what is the whole host's outlives a reboot.
    Resolved,
    ResolvConf,
}

impl Mechanism {
    pub(super) const fn name(&self) -> DnsMechanism {
        match self {
            Self::NetworkManager(_) => DnsMechanism::NetworkManager,
            Self::Netplan { .. } => DnsMechanism::Netplan,
            Self::Networkd(_) | Self::Resolved => DnsMechanism::SystemdResolved,
            Self::ResolvConf => DnsMechanism::ResolvConf,
        }
    }
}

impl Mechanism {
    /// Whether NetworkManager holds what is in force, which it keeps by family.
    pub(super) const fn network_manager(&self) -> bool {
        matches!(self, Self::NetworkManager(_) | Self::Netplan { network_manager: true, .. })
    }
}

impl Host {
    /// Looks what runs here.
    ///
    /// # Errors
    /// There is a system bus and it does not let us in.
    pub(super) async fn look(system: &System) -> Result<Self, Failure> {
        let mut host = Self { system: system.clone(), bus: None, resolved: false, network_manager: false };
        let connection = match system.bus().await {
            Ok(connection) => connection,
            Err(BusError::Absent) => return Ok(host),
            Err(error @ BusError::Connect(_)) => return Err(error.into()),
        };
        host.resolved = runs(&connection, resolved::SERVICE).await? && asks_resolved(system);
        // It may know servers that nobody asks: then neither rules.
        host.network_manager = runs(&connection, network_manager::SERVICE).await?
            && (host.resolved || network_manager::rules(&connection).await);
        host.bus = Some(connection);
        Ok(host)
    }

    /// Who keeps the settings of that interface; without one, of the whole host.
    pub(super) async fn mechanism(&self, link: Option<&Link>) -> Mechanism {
        let Some(link) = link else { return self.without_owner() };
        if let Some(connection) = self.bus.as_ref().filter(|_| self.network_manager)
            && let Some(active) = network_manager::active(connection, link).await
        {
            return match active.id.strip_prefix("netplan-") {
                Some(id) => Mechanism::Netplan { id: id.to_owned(), network_manager: true },
                None => Mechanism::NetworkManager(active),
            };
        }
        match networkd::network_file(&self.system, link).filter(|_| self.resolved) {
            Some(file) => match file.strip_prefix("10-netplan-").and_then(|file| file.strip_suffix(".network")) {
                Some(id) => Mechanism::Netplan { id: id.to_owned(), network_manager: false },
                None => Mechanism::Networkd(file),
            },
            None => self.without_owner(),
        }
    }

    const fn without_owner(&self) -> Mechanism {
        if self.resolved { Mechanism::Resolved } else { Mechanism::ResolvConf }
    }

    /// What is in force for the interface, and whether it is the whole host's.
    ///
    /// # Errors
    /// Who rules does not answer.
    pub(super) async fn in_force(&self, mechanism: &Mechanism, link: Option<&Link>) -> Result<InForce, Failure> {
        let Some(connection) = &self.bus else { return resolv_conf::read(&self.system) };
        match (mechanism, link) {
            (Mechanism::ResolvConf, _) => resolv_conf::read(&self.system),
            (Mechanism::Resolved, link) => {
                let whole = resolved::read(connection, None).await?;
                let own = match link {
                    Some(_) => resolved::read(connection, link).await?,
                    None => InForce::default(),
                };
                Ok(own.or(whole))
            }
            (mechanism, Some(link)) if mechanism.network_manager() && !self.resolved => {
                network_manager::read(connection, link).await
            }
            (Mechanism::NetworkManager(_) | Mechanism::Netplan { .. } | Mechanism::Networkd(_), link) => {
                resolved::read(connection, link).await
            }
        }
    }

    /// Whether systemd-resolved is who answers.
    pub(super) const fn resolved(&self) -> bool {
        self.resolved
    }

    /// The system bus, where there is one.
    pub(super) const fn bus(&self) -> Option<&Connection> {
        self.bus.as_ref()
    }
}

/// Waits until that is in force, up to `bound`, and gives what is in force then. Who keeps the settings is found out each
/// time, for a service that starts anew is not there for a while, and its interface has no settings then: with a `keeper`,
/// the interface must be in its hands again.
///
/// # Errors
/// Who rules does not answer, or the keeper does not take the interface back.
pub(super) async fn settled(
    system: &System,
    link: &Link,
    wanted: &InForce,
    keeper: Option<DnsMechanism>,
    bound: Duration,
) -> Result<InForce, Failure> {
    const TICK: Duration = Duration::from_millis(50);
    let deadline = tokio::time::Instant::now() + bound;
    loop {
        let now = in_the_hands_of(system, link, keeper).await;
        if now.as_ref().is_ok_and(|now| now == wanted) || tokio::time::Instant::now() >= deadline {
            return now;
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn in_the_hands_of(system: &System, link: &Link, keeper: Option<DnsMechanism>) -> Result<InForce, Failure> {
    let host = Host::look(system).await?;
    let mechanism = host.mechanism(Some(link)).await;
    if keeper.is_some_and(|keeper| keeper != mechanism.name()) {
        let message = format!("what kept the settings of `{}` has not taken it back", link.name);
        return Err(Failure::new(ErrorCode::Unavailable, message));
    }
    host.in_force(&mechanism, Some(link)).await
}

/// Whether a service is on the bus now; asking the service itself would start it.
async fn runs(connection: &Connection, service: &str) -> Result<bool, Failure> {
    let daemon =
        bus::object(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus").await?;
    daemon.call("NameHasOwner", &(service,)).await.map_err(|error| bus::refused("NameHasOwner", &error))
}

/// Whether programs ask resolved: by its NSS module, by its stub, or because its list of servers is `/etc/resolv.conf`.
fn asks_resolved(system: &System) -> bool {
    let nss = system.read("/etc/nsswitch.conf").unwrap_or_default();
    let module = nss.lines().filter_map(|line| line.trim().strip_prefix("hosts:"));
    let link = system.read_link(resolv_conf::PATH).unwrap_or_default();
    let file = system.read(resolv_conf::PATH).unwrap_or_default();
    module.flat_map(str::split_whitespace).any(|word| word == "resolve")
        || link.contains("systemd/resolve/")
        || file.lines().any(|line| matches!(line.trim(), "nameserver 127.0.0.53" | "nameserver 127.0.0.54"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[test]
    fn resolved_is_asked_by_module_by_stub_or_by_link() {
        let asks = |script: Script| asks_resolved(&System::scripted(script));
        let stub = include_str!("../../../tests/fixtures/network/systemd-252-stub-resolv.conf.txt");
        assert!(asks(Script::new().file("/etc/resolv.conf", stub)));
        assert!(asks(Script::new().link("/etc/resolv.conf", "../run/systemd/resolve/resolv.conf")));
        assert!(asks(Script::new().file("/etc/nsswitch.conf", "hosts: files resolve [!UNAVAIL=return] dns\n")));
        let plain = Script::new().file("/etc/resolv.conf", "nameserver 192.0.2.1\n");
        assert!(!asks(plain.file("/etc/nsswitch.conf", "passwd: files\nhosts: files dns\n")));
    }
}
