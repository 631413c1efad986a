//! `network.dns.get` and `network.dns.update`, by what the host really uses. Tools are in the files below, one each.

mod change;
mod dhcp_client;
mod host;
mod netplan;
mod network_manager;
mod networkd;
mod reachable;
mod resolv_conf;
mod resolved;
mod undo;

use std::net::IpAddr;

use osapi_core::network::{DnsMechanism, DnsQuery, DnsSettings, DnsUpdate, DnsUpdated, InterfaceName, SearchDomain};
use osapi_core::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};

use super::link::Link;
use crate::machine::Program;
use crate::{Context, System};
use host::{Host, Mechanism};

/// Stands at the head of the files we write.
const HEADER: &str = "# Written by OSAPI (network.dns.update). Remove this file to take its settings back.\n";

/// What a resolver uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct InForce {
    servers: Vec<IpAddr>,
    search_domains: Vec<SearchDomain>,
    /// Domains that choose an interface and are not searched; an update keeps them.
    route_domains: Vec<String>,
}

/// Which lists an update names; the others are to stay as they are.
#[derive(Clone, Copy, Debug)]
struct Asked {
    servers: bool,
    search_domains: bool,
}

/// Reads the settings in force.
pub(crate) async fn get(system: &System, query: &DnsQuery) -> Result<DnsSettings, Failure> {
    let link = match &query.interface {
        Some(name) => Some(Link::named(system, name)?),
        None => Link::of_default_route(system),
    };
    let host = Host::look(system).await?;
    let mechanism = host.mechanism(link.as_ref()).await;
    let now = host.in_force(&mechanism, link.as_ref()).await?;
    Ok(settings(now, &mechanism, link.map(|link| link.name)))
}

/// Sets them: all or nothing, persistent, verified.
pub(crate) async fn update(system: &System, update: &DnsUpdate, context: &Context) -> Result<DnsUpdated, Failure> {
    update.check()?;
    change::update(system, update, context).await
}

/// Puts back the settings of before a change that was killed half-way, if there is one. A failure is logged, and what was
/// to be put back stays remembered for the next time.
pub(crate) async fn recover(system: &System) {
    // Most hosts have nothing to put back, and need no right to take the turn.
    if !undo::is_left(system) {
        return;
    }
    let recovered = async {
        let _turn = undo::take_turn(system)?;
        change::recover(system).await
    };
    if let Err(failure) = recovered.await {
        tracing::error!(%failure, "a change of the DNS settings was cut off and could not be taken back");
    }
}

fn settings(now: InForce, mechanism: &Mechanism, interface: Option<InterfaceName>) -> DnsSettings {
    let interface = match mechanism {
        Mechanism::NetworkManager(_) | Mechanism::Netplan { .. } | Mechanism::Networkd(_) => interface,
        // What no interface owns is the whole host's.
        Mechanism::Resolved | Mechanism::ResolvConf => None,
    };
    let mechanism: DnsMechanism = mechanism.name();
    DnsSettings { interface, servers: now.servers, search_domains: now.search_domains, mechanism }
}

impl InForce {
    /// Its lists, and those of `other` where it has none.
    fn or(self, other: Self) -> Self {
        let pick = |own: Vec<String>, other| if own.is_empty() { other } else { own };
        Self {
            servers: if self.servers.is_empty() { other.servers } else { self.servers },
            search_domains: if self.search_domains.is_empty() { other.search_domains } else { self.search_domains },
            route_domains: pick(self.route_domains, other.route_domains),
        }
    }

    /// The same with the lists of an update, each value once.
    fn with(&self, update: &DnsUpdate) -> Self {
        let mut wanted = self.clone();
        if let Some(servers) = &update.servers {
            wanted.servers = each_once(servers);
        }
        if let Some(domains) = &update.search_domains {
            wanted.search_domains = each_once(domains);
        }
        wanted
    }

    /// Search and route domains as systemd writes them, parted by blanks.
    fn domains(&self) -> String {
        let routes = self.route_domains.iter().map(|domain| format!("~{domain}"));
        joined(&self.search_domains.iter().map(ToString::to_string).chain(routes).collect::<Vec<_>>())
    }
}

fn each_once<T: Clone + PartialEq>(values: &[T]) -> Vec<T> {
    let mut once: Vec<T> = Vec::with_capacity(values.len());
    for value in values {
        if !once.contains(value) {
            once.push(value.clone());
        }
    }
    once
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A file of ours as it is; empty where there is none yet.
fn held(system: &System, path: &str) -> Result<String, Failure> {
    match system.read(path) {
        Err(error) if error.code() == ErrorCode::NotFound => Ok(String::new()),
        read => Ok(read?),
    }
}

/// A program that must be there, since what it speaks for is.
fn program(system: &System, name: &'static str) -> Result<Program, Failure> {
    system.program(name).ok_or_else(|| Failure::unsupported(format!("this host has no `{name}`")))
}
