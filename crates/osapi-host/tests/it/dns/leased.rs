//! Hosts that get their settings by DHCP: what an update does not name goes on coming from there.

use osapi_testkit::lab::{Lab, Preparation};
use serde_json::{Value, json};

use crate::lab_host::{carry_out, prepare};

/// A network behind eth1 with a DHCP server that gives itself as the name server and `leased.example` as the domain.
const LAN: &str = "
ip netns add lan
ip link add eth1 type veth peer name port netns lan
ip -n lan address add 10.99.0.1/24 dev port
ip -n lan link set port up
ip netns exec lan dnsmasq --no-resolv --no-hosts --user=root --pid-file=/run/lan.pid --dhcp-leasefile=/run/lan.leases \
  --address=/#/192.0.2.99 --dhcp-range=10.99.0.10,10.99.0.20 --domain=leased.example
ip link set eth1 up
";

const NETWORKD: &str = "
systemctl --root=$m --quiet disable NetworkManager
systemctl --root=$m --quiet enable systemd-networkd
printf '[Match]\\nName=eth1\\n[Network]\\nDHCP=ipv4\\n[DHCPv4]\\nUseDomains=yes\\n' >$m/etc/systemd/network/20-leased.network
";

const NETPLAN: &str = "
systemctl --root=$m --quiet disable NetworkManager
systemctl --root=$m --quiet enable systemd-networkd
printf '#!/bin/sh\\nexit 0\\n' >$m/usr/bin/udevadm
printf 'network: {version: 2, renderer: networkd, ethernets: {eth1: {dhcp4: true}}}\\n' >$m/etc/netplan/50-leased.yaml
chmod 600 $m/etc/netplan/*
";

const NETWORK_MANAGER: &str = "
printf '[connection]\\nid=leased\\ntype=ethernet\\ninterface-name=eth1\\n[ipv4]\\nmethod=auto\\n[ipv6]\\nmethod=disabled\\n' \
  >$m/etc/NetworkManager/system-connections/leased.nmconnection
chmod 600 $m/etc/NetworkManager/system-connections/*
";

struct Leased(Lab);

impl Leased {
    async fn boot(code: &str) -> anyhow::Result<Option<Self>> {
        let Some(preparation): Option<Preparation> = prepare() else { return Ok(None) };
        let lab = preparation.hook(code).boot().await?;
        lab.shell(LAN).await?;
        let host = Self(lab);
        host.0.shell("until resolvectl dns eth1 | grep -q 10.99.0.1; do sleep 0.05; done").await?;
        Ok(Some(host))
    }

    async fn lists(&self) -> anyhow::Result<(Value, Value)> {
        let got = carry_out(&self.0, &[], "network.dns.get", json!({ "interface": "eth1" })).await?.outcome()?;
        Ok((got["servers"].clone(), got["search_domains"].clone()))
    }

    async fn change(&self, mut lists: Value) -> anyhow::Result<(Value, Value)> {
        lists["interface"] = json!("eth1");
        carry_out(&self.0, &[], "network.dns.update", lists).await?.outcome()?;
        self.lists().await
    }

    /// Changes one list after the other and clears both, the other coming from the lease.
    async fn keeps_the_other_list(&self, domains: Value) -> anyhow::Result<()> {
        let leased = json!(["10.99.0.1"]);
        assert_eq!(self.lists().await?, (leased.clone(), domains));
        let ours = json!(["ours.example"]);
        assert_eq!(self.change(json!({ "search_domains": ours })).await?, (leased, ours.clone()));
        let answer = self.0.shell("getent ahostsv4 some.name.example | head -n 1").await?;
        assert!(answer.starts_with("192.0.2.99 "), "{answer}");
        let server = json!(["10.99.0.2"]);
        assert_eq!(self.change(json!({ "servers": server })).await?, (server.clone(), ours));
        assert_eq!(self.change(json!({ "search_domains": [] })).await?, (server, json!([])));
        assert_eq!(self.change(json!({ "servers": [] })).await?, (json!([]), json!([])));
        Ok(())
    }
}

#[tokio::test]
async fn networkd_goes_on_taking_the_other_list_from_the_lease() -> anyhow::Result<()> {
    let Some(host) = Leased::boot(NETWORKD).await? else { return Ok(()) };
    host.keeps_the_other_list(json!(["leased.example"])).await
}

#[tokio::test]
async fn netplan_goes_on_taking_the_other_list_from_the_lease() -> anyhow::Result<()> {
    let Some(host) = Leased::boot(NETPLAN).await? else { return Ok(()) };
    host.keeps_the_other_list(json!([])).await
}

#[tokio::test]
async fn network_manager_goes_on_taking_the_servers_from_the_lease() -> anyhow::Result<()> {
    let Some(host) = Leased::boot(NETWORK_MANAGER).await? else { return Ok(()) };
    host.keeps_the_other_list(json!(["leased.example"])).await
}

#[tokio::test]
async fn network_manager_keeps_the_leased_domain_when_the_servers_change() -> anyhow::Result<()> {
    let Some(host) = Leased::boot(NETWORK_MANAGER).await? else { return Ok(()) };
    let server = json!(["10.99.0.2"]);
    assert_eq!(host.change(json!({ "servers": server })).await?, (server, json!(["leased.example"])));
    Ok(())
}
