//! netplan: the YAML below `/etc/netplan`, edited by `netplan set` and carried out by `netplan apply`.

use std::time::Duration;

use osapi_core::Failure;

use super::{Asked, InForce};
use crate::System;
use crate::machine::{Command, Program};

const FOLDER: &str = "/etc/netplan";

/// The files that a change may touch, or make, or remove.
///
/// # Errors
/// The folder may not be read.
pub(super) fn files(system: &System) -> Result<Vec<String>, Failure> {
    let names = if system.exists(FOLDER) { system.list_dir(FOLDER)? } else { Vec::new() };
    Ok(names.into_iter().filter(|name| name.ends_with(".yaml")).map(|name| format!("{FOLDER}/{name}")).collect())
}

/// Sets the lists. netplan adds up the lists of all its files, so that each is removed from all of them first; and it adds
/// what DHCP supplies, which is turned off where there is DHCP.
///
/// # Errors
/// netplan does not define the interface, or refuses.
pub(super) async fn set(system: &System, id: &str, asked: &Asked, wanted: &InForce) -> Result<(), Failure> {
    let netplan = super::program(system, "netplan")?;
    let defined = system.run(Command::new(&netplan).option("get")).await?.expect_status(&[0])?.stdout;
    let Some(definition) = Definition::find(&defined, id) else {
        return Err(Failure::unsupported(format!("no file in `{FOLDER}` defines `{id}`")));
    };
    for setting in settings(&definition, id, asked, wanted) {
        system.run(command(&netplan, "set").word(setting)).await?.expect_status(&[0])?;
    }
    system.run(command(&netplan, "generate")).await?.expect_status(&[0]).map(|_| ())
}

/// Carries out what the files say.
///
/// # Errors
/// They are wrong, or the back end refuses.
pub(super) async fn apply(system: &System) -> Result<(), Failure> {
    let netplan = super::program(system, "netplan")?;
    system.run(command(&netplan, "apply")).await?.expect_status(&[0]).map(|_| ())
}

fn command(netplan: &Program, verb: &'static str) -> Command {
    Command::new(netplan).option(verb).deadline(Duration::from_secs(90))
}

/// Where the definition of an interface stands and what it says of DHCP.
#[derive(Debug, PartialEq, Eq)]
struct Definition {
    section: String,
    dhcp: Vec<&'static str>,
}

impl Definition {
    /// From `netplan get`, whose indentation is always two blanks a level.
    fn find(defined: &str, id: &str) -> Option<Self> {
        let mut section = "";
        let mut lines = defined.lines();
        lines.find(|line| {
            if let Some(key) = key_at(line, 2) {
                section = key;
            }
            key_at(line, 4) == Some(id)
        })?;
        let inside: Vec<&str> = lines.take_while(|line| line.starts_with("      ")).map(str::trim_end).collect();
        let dhcp = [("      dhcp4: true", "dhcp4-overrides"), ("      dhcp6: true", "dhcp6-overrides")];
        let dhcp = dhcp.iter().filter(|(line, _)| inside.contains(line)).map(|(_, overrides)| *overrides).collect();
        Some(Self { section: section.to_owned(), dhcp })
    }
}

/// The key of a mapping on this line, if it is indented that far.
fn key_at(line: &str, indent: usize) -> Option<&str> {
    let key = line.trim_start_matches(' ');
    (line.len() - key.len() == indent).then_some(())?;
    key.trim_end().strip_suffix(':').map(|key| key.trim_matches('"'))
}

fn settings(definition: &Definition, id: &str, asked: &Asked, wanted: &InForce) -> Vec<String> {
    // A dot would part the path.
    let at = format!("{}.{}", definition.section, id.replace('.', "\\."));
    let quoted = |values: Vec<String>| values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(",");
    let servers = quoted(wanted.servers.iter().map(ToString::to_string).collect());
    let domains = quoted(wanted.domains().split_whitespace().map(str::to_owned).collect());
    let mut settings = Vec::new();
    for (asked, list, values, supplied) in
        [(asked.servers, "addresses", servers, "use-dns"), (asked.search_domains, "search", domains, "use-domains")]
    {
        if !asked {
            continue;
        }
        settings.push(format!("{at}.nameservers.{list}=null"));
        if !values.is_empty() {
            settings.push(format!("{at}.nameservers.{list}=[{values}]"));
        }
        settings.extend(definition.dhcp.iter().map(|overrides| format!("{at}.{overrides}.{supplied}=false")));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINED: &str = include_str!("../../../tests/fixtures/network/netplan-0.106-get-ethernet-and-vlan.txt");

    #[test]
    fn a_definition_is_found_by_its_id() {
        let ethernet = Definition { section: "ethernets".to_owned(), dhcp: vec!["dhcp4-overrides"] };
        assert_eq!(Definition::find(DEFINED, "eth0"), Some(ethernet));
        let vlan = Definition { section: "vlans".to_owned(), dhcp: Vec::new() };
        assert_eq!(Definition::find(DEFINED, "eth0.100"), Some(vlan));
        assert_eq!(Definition::find(DEFINED, "nameservers"), None);
        assert_eq!(Definition::find("", "eth0"), None);
    }

    #[test]
    fn a_list_replaces_those_of_all_files() {
        let wanted = InForce { servers: vec!["fd88::54".parse().unwrap()], ..InForce::default() };
        let definition = Definition::find(DEFINED, "eth0").unwrap();
        let asked = Asked { servers: true, search_domains: false };
        assert_eq!(
            settings(&definition, "eth0", &asked, &wanted),
            [
                "ethernets.eth0.nameservers.addresses=null",
                "ethernets.eth0.nameservers.addresses=[\"fd88::54\"]",
                "ethernets.eth0.dhcp4-overrides.use-dns=false",
            ]
        );
        let asked = Asked { servers: false, search_domains: true };
        let vlan = Definition::find(DEFINED, "eth0.100").unwrap();
        assert_eq!(settings(&vlan, "eth0.100", &asked, &wanted), ["vlans.eth0\\.100.nameservers.search=null"]);
    }
}
