//! Hosts with NetworkManager, with systemd-resolved behind it and without.

use osapi_testkit::lab::Preparation;

use super::scene::{DEAD, Restart, Scene};
use crate::lab_host::prepare;

const OFFICE: &str = "
cat >$m/etc/NetworkManager/system-connections/office.nmconnection <<END
[connection]
id=office
uuid=1f124f39-5716-4c91-a17d-29d8edf739a6
type=ethernet
interface-name=eth0
[ipv4]
method=manual
address1=10.88.0.2/24,10.88.0.1
dns=10.88.0.53;
dns-search=old.example;
[ipv6]
method=disabled
END
chmod 600 $m/etc/NetworkManager/system-connections/office.nmconnection
";

const WITHOUT_RESOLVED: &str = "
systemctl --root=$m --quiet disable systemd-resolved
rm $m/etc/resolv.conf $m/usr/lib/tmpfiles.d/*resolve*.conf $m/usr/sbin/resolvconf
sed -i 's/^hosts:.*/hosts: files dns/' $m/etc/nsswitch.conf
";

/// netplan writes NetworkManager's connection. Its `apply` asks udev to trigger devices, which a container cannot.
const NETPLAN: &str = "
printf '#!/bin/sh\\nexit 0\\n' >$m/usr/bin/udevadm
cat >$m/etc/netplan/50-office.yaml <<END
network:
  version: 2
  renderer: NetworkManager
  ethernets:
    eth0:
      addresses: [10.88.0.2/24]
      routes: [{to: default, via: 10.88.0.1}]
      nameservers: {addresses: [10.88.0.53], search: [old.example]}
END
chmod 600 $m/etc/netplan/*
";

fn host() -> Option<Preparation> {
    prepare().map(|preparation| preparation.hook(OFFICE))
}

#[tokio::test]
async fn network_manager_keeps_them_in_the_connection() -> anyhow::Result<()> {
    let Some(host) = host() else { return Ok(()) };
    let mut scene = Scene::boot(host, "network_manager").await?;
    scene.behaves(Restart::Services("NetworkManager systemd-resolved")).await
}

#[tokio::test]
async fn network_manager_does_without_resolved() -> anyhow::Result<()> {
    let Some(host) = host() else { return Ok(()) };
    let mut scene = Scene::boot(host.hook(WITHOUT_RESOLVED), "network_manager").await?;
    scene.behaves(Restart::Reboot).await
}

#[tokio::test]
async fn network_manager_takes_back_what_a_killed_change_left() -> anyhow::Result<()> {
    let Some(host) = host() else { return Ok(()) };
    let scene = Scene::boot(host, "network_manager").await?;
    let before = scene.get().await?;
    scene.kill_half_way().await?;
    assert_eq!(scene.get().await?["servers"][0], DEAD);
    // Its time, cut short: we have no other part in it.
    scene
        .lab
        .shell(
            "N='org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager'
             checkpoint=$(busctl get-property $N Checkpoints | cut -d '\"' -f 2)
             busctl call $N CheckpointAdjustRollbackTimeout ou $checkpoint 1",
        )
        .await?;
    scene.until_server_is("10.88.0.53").await?;
    assert_eq!(scene.get().await?, before);
    scene.until_answered_by("192.0.2.53").await?;
    let profile = scene.lab.shell("grep dns= /etc/NetworkManager/system-connections/office.nmconnection").await?;
    assert_eq!(profile, "dns=10.88.0.53;\n");
    Ok(())
}

#[tokio::test]
async fn what_the_connection_cannot_hold_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    let Some(host) = host() else { return Ok(()) };
    let scene = Scene::boot(host, "network_manager").await?;
    let before = scene.get().await?;
    let six = serde_json::json!({ "interface": "eth0", "servers": ["10.88.0.54", "fd88::54"] });
    let (code, message) = scene.update(six).await?.failure()?;
    assert!(code == "failed" && message.contains("ipv6.dns"), "{code}: {message}");
    assert_eq!(scene.get().await?, before);
    assert_eq!(scene.answer().await?, "192.0.2.53");
    Ok(())
}

#[tokio::test]
async fn netplan_has_network_manager_carry_it_out() -> anyhow::Result<()> {
    let Some(preparation) = prepare() else { return Ok(()) };
    let mut scene = Scene::boot(preparation.hook(NETPLAN), "netplan").await?;
    scene.behaves(Restart::Reboot).await
}
