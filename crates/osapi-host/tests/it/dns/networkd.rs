//! Hosts with systemd-resolved whose interface is networkd's, netplan's, or nobody's.

use osapi_testkit::lab::Preparation;
use serde_json::json;

use super::scene::{Restart, Scene};
use crate::lab_host::prepare;

const NETWORKD: &str = "
systemctl --root=$m --quiet disable NetworkManager
systemctl --root=$m --quiet enable systemd-networkd
cat >$m/etc/systemd/network/10-lan.network <<END
[Match]
Name=eth0
[Network]
Address=10.88.0.2/24
Gateway=10.88.0.1
DNS=10.88.0.53
Domains=old.example ~.
END
";

/// netplan's `apply` asks udev to trigger devices, which a container cannot.
const NETPLAN: &str = "
systemctl --root=$m --quiet disable NetworkManager
systemctl --root=$m --quiet enable systemd-networkd
printf '#!/bin/sh\\nexit 0\\n' >$m/usr/bin/udevadm
cat >$m/etc/netplan/50-lan.yaml <<END
network:
  version: 2
  renderer: networkd
  ethernets:
    eth0:
      addresses: [10.88.0.2/24]
      routes: [{to: default, via: 10.88.0.1}]
      nameservers:
        addresses: [10.88.0.53]
END
cat >$m/etc/netplan/60-more.yaml <<END
network:
  version: 2
  ethernets:
    eth0:
      nameservers:
        search: [old.example]
END
chmod 600 $m/etc/netplan/*
";

/// Configured by a program that resolved knows nothing of.
const NOBODY: &str = "
systemctl --root=$m --quiet disable NetworkManager
printf '[Service]\\nType=oneshot\\nExecStart=ip address add 10.88.0.2/24 dev eth0\\nExecStart=ip link set eth0 up\\n' \
  >$m/etc/systemd/system/lan.service
printf 'ExecStart=ip route add default via 10.88.0.1\\n[Install]\\nWantedBy=multi-user.target\\n' \
  >>$m/etc/systemd/system/lan.service
systemctl --root=$m --quiet enable lan
printf '[Resolve]\\nDNS=10.88.0.53\\nDomains=old.example\\n' >$m/etc/systemd/resolved.conf
";

fn host(code: &str) -> Option<Preparation> {
    prepare().map(|preparation| preparation.hook(code))
}

#[tokio::test]
async fn networkd_gets_a_drop_in_that_outlives_a_reboot() -> anyhow::Result<()> {
    let Some(host) = host(NETWORKD) else { return Ok(()) };
    let mut scene = Scene::boot(host, "systemd_resolved").await?;
    scene.behaves(Restart::Reboot).await?;
    let domains = scene.lab.shell("resolvectl domain eth0").await?;
    assert!(domains.trim_end().ends_with(": ~."), "the route domain is to stay: {domains}");
    Ok(())
}

#[tokio::test]
async fn what_was_set_at_run_time_gives_way_and_comes_back() -> anyhow::Result<()> {
    let Some(host) = host(NETWORKD) else { return Ok(()) };
    let scene = Scene::boot(host, "systemd_resolved").await?;
    scene.lab.shell("resolvectl dns eth0 10.88.0.54").await?;
    scene.until_server_is("10.88.0.54").await?;
    let dead = json!({ "interface": "eth0", "servers": [super::scene::DEAD], "confirm_reachable": true });
    let (code, message) = scene.update(dead).await?.failure()?;
    assert_eq!(code, "unavailable", "{message}");
    assert_eq!(scene.answer().await?, "192.0.2.54");
    scene.change(json!({ "servers": ["10.88.0.53"] })).await?;
    assert_eq!(scene.answer().await?, "192.0.2.53");
    Ok(())
}

#[tokio::test]
async fn a_kill_half_way_leaves_what_was_before() -> anyhow::Result<()> {
    let Some(host) = host(NETWORKD) else { return Ok(()) };
    let scene = Scene::boot(host, "systemd_resolved").await?;
    let before = scene.get().await?;
    scene.kill_half_way().await?;
    let recovered = scene.lab.feed(&["carry-out", "--recover"], r#"{"type":"network.dns.get"}"#).await?;
    recovered.success("carry-out --recover")?;
    assert_eq!(scene.get().await?, before);
    assert_eq!(scene.answer().await?, "192.0.2.53");
    // And a change does the same first.
    scene.kill_half_way().await?;
    let got = scene.change(json!({ "servers": ["10.88.0.53"] })).await?;
    assert_eq!(got["change"], "unchanged");
    assert_eq!(scene.answer().await?, "192.0.2.53");
    Ok(())
}

#[tokio::test]
async fn two_changes_at_once_are_one_too_many() -> anyhow::Result<()> {
    let Some(host) = host(NETWORKD) else { return Ok(()) };
    let scene = Scene::boot(host, "systemd_resolved").await?;
    let slow = json!({ "interface": "eth0", "servers": [super::scene::DEAD], "confirm_reachable": true });
    let second = async {
        scene.until_server_is(super::scene::DEAD).await?;
        scene.update(json!({ "interface": "eth0", "servers": [] })).await?.failure()
    };
    let (first, second) = tokio::join!(scene.update(slow), second);
    assert_eq!(second?.0, "conflict");
    assert_eq!(first?.failure()?.0, "unavailable");
    assert_eq!(scene.answer().await?, "192.0.2.53");
    Ok(())
}

#[tokio::test]
async fn netplan_keeps_them_in_its_own_files() -> anyhow::Result<()> {
    let Some(host) = host(NETPLAN) else { return Ok(()) };
    let mut scene = Scene::boot(host, "netplan").await?;
    scene.behaves(Restart::Reboot).await
}

#[tokio::test]
async fn netplan_gets_its_files_back_after_a_kill() -> anyhow::Result<()> {
    let Some(host) = host(NETPLAN) else { return Ok(()) };
    let scene = Scene::boot(host, "netplan").await?;
    let files = "head -n 99 /etc/netplan/*";
    let before = scene.lab.shell(files).await?;
    scene.kill_half_way().await?;
    assert_ne!(scene.lab.shell(files).await?, before);
    scene.lab.feed(&["carry-out", "--recover"], r#"{"type":"network.dns.get"}"#).await?.success("carry-out")?;
    assert_eq!(scene.lab.shell(files).await?, before);
    assert_eq!(scene.answer().await?, "192.0.2.53");
    Ok(())
}

#[tokio::test]
async fn where_nothing_owns_the_interface_resolved_is_set_for_the_host() -> anyhow::Result<()> {
    let Some(host) = host(NOBODY) else { return Ok(()) };
    let mut scene = Scene::boot(host, "systemd_resolved").await?;
    scene.behaves(Restart::Reboot).await
}
