//! The network interfaces of the host, by name and number, and which of them leads out.

use osapi_core::Failure;
use osapi_core::network::InterfaceName;

use crate::System;

const INTERFACES: &str = "/sys/class/net";

/// An interface that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Its name.
    pub name: InterfaceName,
    /// The kernel's number of it.
    pub index: i32,
}

impl Link {
    /// The interface of that name.
    ///
    /// # Errors
    /// `not_found`, with the names there are.
    pub(super) fn named(system: &System, name: &InterfaceName) -> Result<Self, Failure> {
        let index = system.read(&format!("{INTERFACES}/{name}/ifindex")).ok();
        match index.and_then(|text| text.trim().parse().ok()) {
            Some(index) => Ok(Self { name: name.clone(), index }),
            None => {
                let known = system.list_dir(INTERFACES).unwrap_or_default().join("`, `");
                let failure = Failure::not_found(format!("this host has no interface `{name}`"));
                Err(if known.is_empty() { failure } else { failure.with_hint(format!("it has `{known}`")) })
            }
        }
    }

    /// The interface of the default route with the lowest metric, IPv4 before IPv6; `None` where nothing leads out.
    pub(super) fn of_default_route(system: &System) -> Option<Self> {
        let table = |path: &str| system.read(path).unwrap_or_default();
        let name =
            default_route(&table("/proc/net/route")).or_else(|| default_route6(&table("/proc/net/ipv6_route")))?;
        Self::named(system, &name.parse().ok()?).ok()
    }
}

/// From the columns `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, numbers in hex but for the metric.
fn default_route(table: &str) -> Option<String> {
    let routes = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, "00000000", _, _, _, _, metric, "00000000", ..] = fields[..] else { return None };
        Some((metric.parse::<u32>().ok()?, name))
    });
    routes.min_by_key(|(metric, _)| *metric).map(|(_, name)| name.to_owned())
}

/// From the columns `destination length source length gateway metric references use flags name`, numbers in hex.
fn default_route6(table: &str) -> Option<String> {
    let routes = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, "00", _, _, _, metric, _, _, _, name] = fields[..] else { return None };
        let default = destination.bytes().all(|digit| digit == b'0') && name != "lo";
        default.then_some((u32::from_str_radix(metric, 16).ok()?, name))
    });
    routes.min_by_key(|(metric, _)| *metric).map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_with_the_lowest_metric_leads_out() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
            eth0\t00000000\t0100580A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
            eth1\t0000580A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(default_route(table).as_deref(), Some("eth0"));
        assert_eq!(default_route(""), None);
        let zero = "0".repeat(32);
        let table = format!(
            "{zero} 00 {zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003     eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo\n"
        );
        assert_eq!(default_route6(&table).as_deref(), Some("eth0"));
    }
}
