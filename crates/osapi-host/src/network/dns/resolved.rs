//! systemd-resolved: what it uses, asked over D-Bus, and its own configuration for links that nothing else configures.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use osapi_core::Failure;
use zbus::Connection;

use super::{Asked, InForce};
use crate::System;
use crate::machine::{Command, bus};
use crate::network::link::Link;

pub(super) const SERVICE: &str = "org.freedesktop.resolve1";
const PATH: &str = "/org/freedesktop/resolve1";
const MANAGER: &str = "org.freedesktop.resolve1.Manager";
const DROP_IN: &str = "/etc/systemd/resolved.conf.d/90-osapi-dns.conf";

/// The number under which resolved lists what belongs to no interface.
const NO_LINK: i32 = 0;

/// What it uses for an interface; without one, what it uses for all.
///
/// # Errors
/// It does not answer.
pub(super) async fn read(connection: &Connection, link: Option<&Link>) -> Result<InForce, Failure> {
    let manager = bus::object(connection, SERVICE, PATH, MANAGER).await?;
    let servers: Vec<(i32, i32, Vec<u8>)> =
        manager.get_property("DNS").await.map_err(|error| bus::refused("DNS", &error))?;
    let domains: Vec<(i32, String, bool)> =
        manager.get_property("Domains").await.map_err(|error| bus::refused("Domains", &error))?;
    Ok(settings(link.map_or(NO_LINK, |link| link.index), servers, domains))
}

fn settings(index: i32, servers: Vec<(i32, i32, Vec<u8>)>, domains: Vec<(i32, String, bool)>) -> InForce {
    let servers = servers.into_iter().filter(|server| server.0 == index).filter_map(|server| address(&server.2));
    let (routes, searches): (Vec<_>, Vec<_>) =
        domains.into_iter().filter(|domain| domain.0 == index).partition(|domain| domain.2);
    InForce {
        servers: servers.collect(),
        search_domains: searches.into_iter().filter_map(|domain| domain.1.parse().ok()).collect(),
        route_domains: routes.into_iter().map(|domain| domain.1).collect(),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into())).ok()
}

/// Its drop-in with these settings for the whole host. An empty assignment clears what files before it say. A list not
/// asked for that is the whole host's already is left to the files it comes from: they may say more of a server than its
/// address, as the name in its certificate. One that we hold we go on holding.
///
/// # Errors
/// What we hold cannot be read.
pub(super) fn drop_in(
    system: &System,
    asked: &Asked,
    whole: &InForce,
    wanted: &InForce,
) -> Result<(String, String), Failure> {
    let before = super::held(system, DROP_IN)?;
    let mut text = format!("{}[Resolve]\n", super::HEADER);
    if asked.servers || before.contains("DNS=") || whole.servers != wanted.servers {
        text.push_str(&format!("DNS=\nDNS={}\n", super::joined(&wanted.servers)));
    }
    if asked.search_domains || before.contains("Domains=") || whole.domains() != wanted.domains() {
        text.push_str(&format!("Domains=\nDomains={}\n", wanted.domains()));
    }
    Ok((DROP_IN.to_owned(), text))
}

/// Makes it read its files again, and forget what was set for the interface at run time.
///
/// # Errors
/// It does not start again.
pub(super) async fn apply(system: &System, link: &Link) -> Result<(), Failure> {
    let systemctl = super::program(system, "systemctl")?;
    let restart = Command::new(&systemctl).option("restart").operand("systemd-resolved.service");
    system.run(restart.deadline(Duration::from_secs(60))).await?.expect_status(&[0])?;
    forget(system, link).await
}

/// Makes it forget what was set for an interface at run time.
///
/// # Errors
/// It refuses.
pub(super) async fn forget(system: &System, link: &Link) -> Result<(), Failure> {
    let resolvectl = super::program(system, "resolvectl")?;
    let revert = Command::new(&resolvectl).option("revert").operand(link.name.as_str());
    system.run(revert).await?.expect_status(&[0]).map(|_| ())
}

/// Sets an interface's settings until something configures it anew: to put back what no file held.
///
/// # Errors
/// It refuses.
pub(super) async fn set_for_now(system: &System, link: &Link, settings: &InForce) -> Result<(), Failure> {
    let resolvectl = super::program(system, "resolvectl")?;
    let servers: Vec<String> = settings.servers.iter().map(ToString::to_string).collect();
    let domains: Vec<String> = settings.domains().split_whitespace().map(str::to_owned).collect();
    for (verb, values) in [("dns", servers), ("domain", domains)] {
        // An empty value clears the list.
        let values = if values.is_empty() { vec![String::new()] } else { values };
        let command = Command::new(&resolvectl).option(verb).operand(link.name.as_str()).operands(values);
        system.run(command).await?.expect_status(&[0])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[test]
    fn lists_are_taken_apart_by_interface() {
        let servers =
            vec![(2, 2, vec![10, 88, 0, 53]), (0, 2, vec![192, 0, 2, 1]), (2, 10, vec![0; 16]), (2, 2, vec![1])];
        let domains = vec![
            (2, "old.example".to_owned(), false),
            (2, "corp.example".to_owned(), true),
            (3, "x".to_owned(), false),
        ];
        let got = settings(2, servers, domains);
        assert_eq!(super::super::joined(&got.servers), "10.88.0.53 ::");
        assert_eq!(got.domains(), "old.example ~corp.example");
    }

    #[test]
    fn a_drop_in_replaces_what_was_said_before_and_leaves_the_other_list_to_its_file() {
        let asked = |servers, search_domains| Asked { servers, search_domains };
        let whole = InForce { servers: vec!["192.0.2.1".parse().unwrap()], ..InForce::default() };
        let text = |script: Script, asked, wanted: &InForce| {
            drop_in(&System::scripted(script), &asked, &whole, wanted).unwrap().1.replace(super::super::HEADER, "")
        };
        let none = InForce::default();
        assert_eq!(text(Script::new(), asked(true, true), &none), "[Resolve]\nDNS=\nDNS=\nDomains=\nDomains=\n");
        let domains = InForce { search_domains: vec!["a.example".parse().unwrap()], ..whole.clone() };
        assert_eq!(text(Script::new(), asked(false, true), &domains), "[Resolve]\nDomains=\nDomains=a.example\n");
        // Ours before, and one that the interface had at run time.
        let both = "[Resolve]\nDNS=\nDNS=192.0.2.1\nDomains=\nDomains=a.example\n";
        let held = Script::new().file(DROP_IN, "[Resolve]\nDNS=\nDNS=192.0.2.1\n");
        assert_eq!(text(held, asked(false, true), &domains), both);
        let own = InForce { servers: vec!["192.0.2.9".parse().unwrap()], ..domains };
        assert_eq!(text(Script::new(), asked(false, true), &own), both.replace("192.0.2.1", "192.0.2.9"));
    }
}
