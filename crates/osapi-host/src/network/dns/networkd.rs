//! systemd-networkd: which file configures an interface, and a drop-in of ours beside it.

use std::time::Duration;

use osapi_core::Failure;

use super::{Asked, InForce};
use crate::System;
use crate::machine::Command;
use crate::network::link::Link;

/// The name of the file that configures the interface; `None` where networkd leaves it alone.
pub(super) fn network_file(system: &System, link: &Link) -> Option<String> {
    let state = system.read(&format!("/run/systemd/netif/links/{}", link.index)).ok()?;
    let value = |key: &str| state.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    if value("ADMIN_STATE") == Some("unmanaged") {
        return None;
    }
    value("NETWORK_FILE")?.rsplit('/').next().filter(|name| name.ends_with(".network")).map(str::to_owned)
}

/// Our drop-in's path and contents. A list that was not asked for stays with whoever supplies it, or as we set it before.
///
/// # Errors
/// What we hold cannot be read.
pub(super) fn drop_in(
    system: &System,
    network_file: &str,
    asked: &Asked,
    wanted: &InForce,
) -> Result<(String, String), Failure> {
    let path = format!("/etc/systemd/network/{network_file}.d/90-osapi-dns.conf");
    let before = super::held(system, &path)?;
    let servers = (asked.servers || before.contains("UseDNS=")).then(|| super::joined(&wanted.servers));
    let domains = (asked.search_domains || before.contains("UseDomains=")).then(|| wanted.domains());
    Ok((path, contents(servers.as_deref(), domains.as_deref())))
}

fn contents(servers: Option<&str>, domains: Option<&str>) -> String {
    let mut network = String::new();
    let mut supplied = String::new();
    if let Some(servers) = servers {
        // An empty assignment clears what the file itself says.
        network.push_str(&format!("DNS=\nDNS={servers}\n"));
        supplied.push_str("UseDNS=no\n");
    }
    if let Some(domains) = domains {
        network.push_str(&format!("Domains=\nDomains={domains}\n"));
        supplied.push_str("UseDomains=no\n");
    }
    format!("{}[Network]\n{network}[DHCPv4]\n{supplied}[DHCPv6]\n{supplied}[IPv6AcceptRA]\n{supplied}", super::HEADER)
}

/// Makes it read its files again and configure the interfaces whose files are different.
///
/// # Errors
/// It refuses, or is too old to be told (before systemd 244).
pub(super) async fn apply(system: &System) -> Result<(), Failure> {
    let networkctl = super::program(system, "networkctl")?;
    let reload = Command::new(&networkctl).option("reload").deadline(Duration::from_secs(60));
    system.run(reload).await?.expect_status(&[0]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    const STATE: &str = include_str!("../../../tests/fixtures/network/systemd-252-link-state.txt");

    fn link() -> Link {
        Link { name: "eth0".parse().unwrap(), index: 2 }
    }

    #[test]
    fn the_file_of_an_interface_is_known_while_networkd_minds_it() {
        let file = |state: &str| {
            network_file(&System::scripted(Script::new().file("/run/systemd/netif/links/2", state)), &link())
        };
        assert_eq!(file(STATE).as_deref(), Some("10-lan.network"));
        assert_eq!(file("ADMIN_STATE=unmanaged\nNETWORK_FILE=/etc/systemd/network/10-lan.network\n"), None);
        assert_eq!(file("ADMIN_STATE=configured\n"), None);
    }

    #[test]
    fn a_list_not_asked_for_is_left_to_who_supplies_it_unless_we_hold_it_already() {
        let asked = |servers, search_domains| Asked { servers, search_domains };
        let wanted = InForce {
            servers: vec!["192.0.2.1".parse().unwrap()],
            search_domains: vec!["a.example".parse().unwrap()],
            route_domains: vec!["b.example".to_owned()],
        };
        let empty = System::scripted(Script::new());
        let (path, text) = drop_in(&empty, "10-lan.network", &asked(false, true), &wanted).unwrap();
        assert_eq!(path, "/etc/systemd/network/10-lan.network.d/90-osapi-dns.conf");
        assert!(text.contains("Domains=\nDomains=a.example ~b.example\n") && !text.contains("DNS="), "{text}");
        let held = System::scripted(Script::new().file(&path, &text));
        let (_, text) = drop_in(&held, "10-lan.network", &asked(true, false), &wanted).unwrap();
        assert!(text.contains("DNS=\nDNS=192.0.2.1\n") && text.contains("Domains=a.example"), "{text}");
    }
}
