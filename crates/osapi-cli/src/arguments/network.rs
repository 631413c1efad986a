//! `client network`.

use std::net::IpAddr;
use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use osapi_core::network::{DnsQuery, DnsUpdate, InterfaceName, Ping, PingAddress, SearchDomain};
use osapi_core::operation::Operation;

use super::examples;

/// What to ask or command.
#[derive(Debug, Subcommand)]
pub(crate) enum Network {
    /// Name servers and search domains
    #[command(subcommand)]
    Dns(Dns),
    /// Send echo requests from the host
    #[command(after_help = PING, group = ArgGroup::new("whom").required(true).args(["address", "to"]))]
    Ping(PingArguments),
}

/// What to do with name servers and search domains.
#[derive(Debug, Subcommand)]
pub(crate) enum Dns {
    /// Print them
    #[command(after_help = DNS_GET)]
    Get {
        /// Those of one interface; what holds for the whole host when left out
        #[arg(long, value_name = "NAME")]
        interface_name: Option<InterfaceName>,
    },
    /// Set them for good; a list left out stays as it is
    #[command(after_help = DNS_UPDATE, group = ArgGroup::new("change").required(true).multiple(true).args(["servers", "search_domains"]))]
    Update(DnsUpdateArguments),
}

/// What to change.
#[derive(Debug, Args)]
pub(crate) struct DnsUpdateArguments {
    /// The interface
    #[arg(long, value_name = "NAME")]
    pub(crate) interface_name: InterfaceName,
    /// Name servers in order, separated by commas; empty for none
    #[arg(long, value_name = "ADDRESSES", value_parser = addresses)]
    pub(crate) servers: Option<List<IpAddr>>,
    /// Search domains in order, separated by commas; empty for none
    #[arg(long, value_name = "DOMAINS", value_parser = domains)]
    pub(crate) search_domains: Option<List<SearchDomain>>,
    /// Keep the change even if the new servers do not answer
    #[arg(long)]
    pub(crate) keep_unreachable: bool,
}

/// Whom to send to and how often.
#[derive(Debug, Args)]
pub(crate) struct PingArguments {
    /// An address or a name
    #[arg(value_name = "ADDRESS")]
    pub(crate) to: Option<PingAddress>,
    /// An address or a name
    #[arg(long, value_name = "ADDRESS", conflicts_with = "to")]
    pub(crate) address: Option<PingAddress>,
    /// How many requests
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) count: u8,
    /// Milliseconds between them
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub(crate) interval_ms: u32,
    /// Milliseconds to wait for each answer
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub(crate) timeout_ms: u32,
}

/// A list given as one value, so that an empty one can be told from none.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

fn addresses(text: &str) -> Result<List<IpAddr>, String> {
    items(text)
        .map(|item| item.parse().map_err(|_| format!("`{item}` is not an IP address")))
        .collect::<Result<_, _>>()
        .map(List)
}

fn domains(text: &str) -> Result<List<SearchDomain>, <SearchDomain as FromStr>::Err> {
    items(text).map(str::parse).collect::<Result<_, _>>().map(List)
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

impl Network {
    /// What it asks of a host.
    pub(crate) fn operation(self) -> Option<Operation> {
        Some(match self {
            Self::Dns(Dns::Get { interface_name: interface }) => Operation::NetworkDnsGet(DnsQuery { interface }),
            Self::Dns(Dns::Update(update)) => Operation::NetworkDnsUpdate(DnsUpdate {
                interface: update.interface_name,
                servers: update.servers.map(|list| list.0),
                search_domains: update.search_domains.map(|list| list.0),
                confirm_reachable: update.keep_unreachable.then_some(false),
            }),
            Self::Ping(PingArguments { to, address, count, interval_ms, timeout_ms }) => {
                Operation::NetworkPingDo(Ping { address: to.or(address)?, count, interval_ms, timeout_ms })
            }
        })
    }
}

const DNS_GET: &str = examples! {
    "Of all hosts, equal ones together" => "osapi client network dns get --target _all",
    "Of one interface" => "osapi client network dns get --interface-name eth0 --target web-01",
};
const DNS_UPDATE: &str = examples! {
    "Set the servers" => "osapi client network dns update --interface-name eth0 --servers 1.1.1.1,9.9.9.9 --target web-01",
    "Remove the search domains of all web servers" => "osapi client network dns update --interface-name eth0 --search-domains '' --target group:web",
};
const PING: &str = examples! {
    "From any host" => "osapi client network ping 192.0.2.1",
    "From all hosts, ten times" => "osapi client network ping --address example.com --count 10 --target _all",
};
