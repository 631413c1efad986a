//! NetworkManager: what it has in force, asked over D-Bus; changes by `nmcli` under a checkpoint, which NetworkManager itself
//! takes back when we die before saying that all is well.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use osapi_core::{ErrorCode, Failure};
use zbus::zvariant::OwnedVariant;
use zbus::{Connection, ObjectPath, OwnedObjectPath};

use super::{Asked, InForce};
use crate::System;
use crate::machine::{Command, bus};
use crate::network::link::Link;

pub(super) const SERVICE: &str = "org.freedesktop.NetworkManager";
const PATH: &str = "/org/freedesktop/NetworkManager";
const DNS_PATH: &str = "/org/freedesktop/NetworkManager/DnsManager";
const DNS: &str = "org.freedesktop.NetworkManager.DnsManager";
const DEVICE: &str = "org.freedesktop.NetworkManager.Device";
const ACTIVE: &str = "org.freedesktop.NetworkManager.Connection.Active";

/// Set on a connection that another program made and NetworkManager only watches (`NM_ACTIVATION_STATE_FLAG_EXTERNAL`).
const EXTERNAL: u32 = 0x80;

/// After how many seconds NetworkManager takes back what we have not confirmed: longer than all that we wait for in between.
const ROLLBACK_SECONDS: u32 = 45;

/// How long one `nmcli` may take; it takes some 20 ms.
const NMCLI_BOUND: Duration = Duration::from_secs(5);

/// How long it may take to bring the interface up again, with a lease if need be.
const ACTIVATION_BOUND: Duration = Duration::from_secs(15);

/// The connection that is active on an interface.
#[derive(Clone, Debug)]
pub(super) struct Active {
    device: OwnedObjectPath,
    /// Its profile.
    uuid: String,
    /// The profile's name.
    pub id: String,
}

/// The connection that NetworkManager has active on the interface; `None` where it leaves the interface alone.
pub(super) async fn active(connection: &Connection, link: &Link) -> Option<Active> {
    let manager = bus::object(connection, SERVICE, PATH, SERVICE).await.ok()?;
    let device: OwnedObjectPath = manager.call("GetDeviceByIpIface", &(link.name.as_str(),)).await.ok()?;
    let properties = bus::object(connection, SERVICE, device.as_str(), DEVICE).await.ok()?;
    if !properties.get_property::<bool>("Managed").await.ok()? {
        return None;
    }
    let path: OwnedObjectPath = properties.get_property("ActiveConnection").await.ok()?;
    let active = bus::object(connection, SERVICE, path.as_str(), ACTIVE).await.ok()?;
    let flags: u32 = active.get_property("StateFlags").await.ok()?;
    let (uuid, id) = (active.get_property("Uuid").await.ok()?, active.get_property("Id").await.ok()?);
    drop(properties);
    (flags & EXTERNAL == 0).then_some(Active { device, uuid, id })
}

/// Whether it gives what it knows to the resolver, rather than keeping off `/etc/resolv.conf`.
pub(super) async fn rules(connection: &Connection) -> bool {
    let read = async {
        let dns = bus::object(connection, SERVICE, DNS_PATH, DNS).await.ok()?;
        let mode: String = dns.get_property("Mode").await.ok()?;
        let file: String = dns.get_property("RcManager").await.ok()?;
        Some(mode != "none" && file != "unmanaged")
    };
    read.await.unwrap_or(false)
}

/// What it has in force for an interface.
///
/// # Errors
/// It does not answer.
pub(super) async fn read(connection: &Connection, link: &Link) -> Result<InForce, Failure> {
    let dns = bus::object(connection, SERVICE, DNS_PATH, DNS).await?;
    let entries: Vec<HashMap<String, OwnedVariant>> =
        dns.get_property("Configuration").await.map_err(|error| bus::refused("Configuration", &error))?;
    let mut settings = InForce::default();
    for mut entry in entries {
        let interface = entry.remove("interface").and_then(|value| String::try_from(value).ok());
        if interface.as_deref() != Some(link.name.as_str()) {
            continue;
        }
        let mut list =
            |key: &str| entry.remove(key).and_then(|value| Vec::<String>::try_from(value).ok()).unwrap_or_default();
        settings
            .servers
            .extend(list("nameservers").iter().filter_map(|text| text.split('%').next()?.parse::<IpAddr>().ok()));
        for domain in list("domains") {
            match domain.strip_prefix('~') {
                Some(route) => settings.route_domains.push(route.to_owned()),
                None => settings.search_domains.extend(domain.parse().ok()),
            }
        }
    }
    // Each family has an entry of its own.
    settings.search_domains.dedup();
    settings.route_domains.dedup();
    Ok(by_family(settings))
}

/// It keeps a list for each family and IPv4 comes first.
pub(super) fn by_family(mut settings: InForce) -> InForce {
    settings.servers.sort_by_key(IpAddr::is_ipv6);
    settings
}

/// Writes the settings into the connection's profile and gives them to the interface.
///
/// # Errors
/// It refuses.
pub(super) async fn apply(
    system: &System,
    active: &Active,
    link: &Link,
    asked: &Asked,
    wanted: &InForce,
) -> Result<(), Failure> {
    let nmcli = super::program(system, "nmcli")?;
    let modify = Command::new(&nmcli).options(["connection", "modify", "uuid"]).word(&active.uuid);
    let modify =
        changes(asked, wanted).into_iter().fold(modify, |command, (key, value)| command.option(key).word(value));
    system.run(modify.deadline(NMCLI_BOUND)).await?.expect_status(&[0])?;
    let reapply = Command::new(&nmcli).options(["device", "reapply"]).word(link.name.as_str());
    system.run(reapply.deadline(NMCLI_BOUND)).await?.expect_status(&[0]).map(|_| ())
}

/// Brings the interface up again with its connection, as after pulling the cable.
///
/// # Errors
/// It does not come up.
pub(super) async fn activate(system: &System, active: &Active, link: &Link) -> Result<(), Failure> {
    let nmcli = super::program(system, "nmcli")?;
    let up = Command::new(&nmcli).options(["connection", "up", "uuid"]).word(&active.uuid);
    let up = up.option("ifname").word(link.name.as_str()).deadline(ACTIVATION_BOUND);
    system.run(up).await?.expect_status(&[0]).map(|_| ())
}

/// The properties to set. Domains of ours stand in for those that DHCP supplies; servers are added to them, unless
/// `ignore-auto-dns` is on, and that takes the domains away too. So both lists are written where it is turned on.
fn changes(asked: &Asked, wanted: &InForce) -> Vec<(&'static str, String)> {
    let family = |six: bool| {
        let servers: Vec<&IpAddr> = wanted.servers.iter().filter(|server| server.is_ipv6() == six).collect();
        super::joined(&servers)
    };
    let mut changes = vec![("ipv4.dns-search", wanted.domains().replace(' ', ",")), ("ipv6.dns-search", String::new())];
    if asked.servers || wanted.search_domains.is_empty() {
        changes.extend([("ipv4.dns", family(false)), ("ipv6.dns", family(true))]);
        changes.extend(["ipv4.ignore-auto-dns", "ipv6.ignore-auto-dns"].map(|key| (key, "yes".to_owned())));
    }
    changes
}

/// What brings an interface and its connection back to where they were, by itself when nobody keeps the change in time.
#[derive(Debug)]
pub(super) struct Checkpoint {
    connection: Connection,
    path: OwnedObjectPath,
}

impl Checkpoint {
    /// Remembers how the interface is.
    ///
    /// # Errors
    /// `conflict` where another change of it is under way; NetworkManager refuses.
    pub(super) async fn create(connection: &Connection, active: &Active) -> Result<Self, Failure> {
        let manager = bus::object(connection, SERVICE, PATH, SERVICE).await?;
        let devices = [ObjectPath::from(&active.device)];
        match manager.call("CheckpointCreate", &(&devices[..], ROLLBACK_SECONDS, 0_u32)).await {
            Ok(path) => Ok(Self { connection: connection.clone(), path }),
            Err(error) if error.to_string().contains("already included in checkpoint") => Err(Failure::new(
                ErrorCode::Conflict,
                "another change of the interface is not finished, or was cut off; NetworkManager takes it back by itself",
            )),
            Err(error) => Err(bus::refused("CheckpointCreate", &error)),
        }
    }

    /// The change stays.
    ///
    /// # Errors
    /// It was taken back already, or NetworkManager does not answer.
    pub(super) async fn keep(&self) -> Result<(), Failure> {
        let manager = bus::object(&self.connection, SERVICE, PATH, SERVICE).await?;
        manager
            .call("CheckpointDestroy", &(&self.path,))
            .await
            .map_err(|error| bus::refused("CheckpointDestroy", &error))
    }

    /// Takes the change back.
    ///
    /// # Errors
    /// It could not be taken back.
    pub(super) async fn roll_back(&self) -> Result<(), Failure> {
        let manager = bus::object(&self.connection, SERVICE, PATH, SERVICE).await?;
        let results: HashMap<String, u32> = manager
            .call("CheckpointRollback", &(&self.path,))
            .await
            .map_err(|error| bus::refused("CheckpointRollback", &error))?;
        match results.into_iter().find(|(_, result)| *result != 0) {
            None => Ok(()),
            Some((device, result)) => {
                Err(Failure::failed(format!("NetworkManager could not roll `{device}` back (result {result})")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dhcp_supplies_is_left_out_only_where_it_must_be() {
        let mut wanted = InForce {
            servers: ["fd88::54", "10.88.0.54", "10.88.0.53"].map(|text| text.parse().unwrap()).to_vec(),
            search_domains: ["a.example", "b.example"].map(|text| text.parse().unwrap()).to_vec(),
            route_domains: vec!["corp.example".to_owned()],
        };
        let line = |asked_servers, wanted: &InForce| {
            let asked = Asked { servers: asked_servers, search_domains: !asked_servers };
            changes(&asked, wanted).into_iter().map(|(key, value)| format!("{key}={value};")).collect::<String>()
        };
        let domains = "ipv4.dns-search=a.example,b.example,~corp.example;ipv6.dns-search=;";
        let servers =
            "ipv4.dns=10.88.0.54 10.88.0.53;ipv6.dns=fd88::54;ipv4.ignore-auto-dns=yes;ipv6.ignore-auto-dns=yes;";
        assert_eq!(line(true, &wanted), format!("{domains}{servers}"));
        assert_eq!(line(false, &wanted), domains);
        wanted.search_domains.clear();
        assert_eq!(line(false, &wanted), format!("ipv4.dns-search=~corp.example;ipv6.dns-search=;{servers}"));
    }
}
