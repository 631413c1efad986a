//! A host with nothing but `/etc/resolv.conf`, as on Alpine and in containers.

use osapi_testkit::lab::Lab;
use serde_json::json;

use super::scene::{Restart, Scene};
use crate::lab_host::prepare;

const PLAIN: &str = "
rm $m/etc/resolv.conf
printf '# by hand\\nsearch old.example\\nnameserver 10.88.0.53\\noptions timeout:1\\n' >$m/etc/resolv.conf
sed -i 's/^hosts:.*/hosts: files dns/' $m/etc/nsswitch.conf
";

async fn host() -> anyhow::Result<Option<Lab>> {
    let Some(preparation) = prepare() else { return Ok(None) };
    let lab = preparation.hook(PLAIN).enter().await?;
    lab.shell("ip address add 10.88.0.2/24 dev eth0; ip link set eth0 up").await?;
    Ok(Some(lab))
}

#[tokio::test]
async fn the_file_is_all_there_is() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    let mut scene = Scene::with(lab, "resolv_conf").await?;
    scene.behaves(Restart::Nothing).await?;
    assert_eq!(scene.lab.shell("cat /etc/resolv.conf").await?, "# by hand\noptions timeout:1\n");
    let four = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    let (code, message) = scene.update(json!({ "interface": "eth0", "servers": four })).await?.failure()?;
    assert!(code == "invalid" && message.contains("at most 3"), "{code}: {message}");
    Ok(())
}

#[tokio::test]
async fn a_kill_half_way_leaves_the_old_file() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    let scene = Scene::with(lab, "resolv_conf").await?;
    let before = scene.lab.shell("cat /etc/resolv.conf").await?;
    scene.kill_half_way().await?;
    scene.lab.feed(&["carry-out", "--recover"], r#"{"type":"network.dns.get"}"#).await?.success("carry-out")?;
    assert_eq!(scene.lab.shell("cat /etc/resolv.conf; ls /var/lib/osapi").await?, before);
    Ok(())
}

#[tokio::test]
async fn a_lease_does_not_take_it_back() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    let lease = "interface=eth0 reason=BOUND new_ip_address=10.88.0.2 new_subnet_mask=255.255.255.0 \
        new_domain_name_servers=10.88.0.53 new_domain_name=dhcp.example /sbin/dhclient-script";
    // The client finds no server here; what it does with a lease is all in its script.
    lab.shell(&format!("dhclient -nw -pf /run/dhclient.eth0.pid eth0 2>/dev/null; {lease}")).await?;
    assert!(lab.shell("cat /etc/resolv.conf").await?.contains("dhcp.example"));
    let scene = Scene::with(lab, "resolv_conf").await?;
    scene.change(json!({ "servers": ["10.88.0.54"], "search_domains": [] })).await?;
    scene.lab.shell(lease).await?;
    assert_eq!(scene.lab.shell("cat /etc/resolv.conf").await?, "nameserver 10.88.0.54\n");
    assert_eq!(scene.answer().await?, "192.0.2.54");
    Ok(())
}

#[tokio::test]
async fn a_file_that_another_program_writes_is_left_alone() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    lab.shell("mkdir /run/resolvconf; mv /etc/resolv.conf /run/resolvconf/; ln -s /run/resolvconf/resolv.conf /etc/")
        .await?;
    let scene = Scene::with(lab, "resolv_conf").await?;
    let (code, message) = scene.update(json!({ "interface": "eth0", "servers": ["10.88.0.54"] })).await?.failure()?;
    assert!(code == "unsupported" && message.contains("/run/resolvconf/resolv.conf"), "{code}: {message}");
    assert_eq!(scene.answer().await?, "192.0.2.53");
    Ok(())
}

#[tokio::test]
async fn one_without_the_right_is_told_so() -> anyhow::Result<()> {
    let Some(lab) = host().await? else { return Ok(()) };
    let scene = Scene::with(lab, "resolv_conf").await?;
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "carry-out"];
    let ask = r#"{"type":"network.dns.update","data":{"interface":"eth0","servers":["10.88.0.54"]}}"#;
    let said = scene.lab.feed(&nobody, ask).await?.success("carry-out")?;
    assert!(said.contains(r#""code":"forbidden""#) && said.contains("/var/lib/osapi"), "{said}");
    let said = scene.lab.feed(&nobody, r#"{"type":"network.dns.get"}"#).await?.success("carry-out")?;
    assert!(said.contains("10.88.0.53"), "{said}");
    Ok(())
}
