//! The lab: what a test relies on when it changes a host.

use osapi_testkit::lab::Lab;

#[tokio::test]
async fn a_machine_boots_and_reboots_with_its_disk() -> anyhow::Result<()> {
    let Some(preparation) = Lab::prepare() else { return Ok(()) };
    let mut lab = preparation.boot().await?;
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    let first = lab.shell(boot_id).await?;
    lab.shell("echo kept >/var/kept; echo gone >/run/gone").await?;
    lab.reboot().await?;
    assert_ne!(lab.shell(boot_id).await?, first);
    assert_eq!(lab.shell("cat /var/kept; ls /run/gone 2>/dev/null || echo none").await?, "kept\nnone\n");
    lab.run(&["systemctl", "--no-block", "poweroff"]).await?;
    lab.off().await
}

#[tokio::test]
async fn it_is_another_machine() -> anyhow::Result<()> {
    let Some(preparation) = Lab::prepare() else { return Ok(()) };
    let here = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("note"), "from outside")?;
    let lab = preparation.bind(folder.path(), "/srv/test").hook("echo hooked >$m/hooked").enter().await?;
    lab.shell("hostname changed; rm -rf /etc/hostname; ! echo 1 >/proc/sys/kernel/sysrq").await?;
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname")?, here);
    assert_eq!(lab.shell("cat /srv/test/note /hooked").await?, "from outsidehooked\n");
    assert_eq!(lab.feed(&["cat"], "input").await?.stdout, "input");
    assert_eq!(lab.run(&["false"]).await?.status, 1);
    Ok(())
}

#[tokio::test]
async fn its_network_ends_at_the_cable() -> anyhow::Result<()> {
    let Some(preparation) = Lab::prepare() else { return Ok(()) };
    let lab = preparation.enter().await?;
    lab.shell("ip address add 10.88.0.2/24 dev eth0; ip link set eth0 up; rm -f /etc/resolv.conf").await?;
    lab.shell("echo nameserver 10.88.0.54 >/etc/resolv.conf; echo 'hosts: files dns' >/etc/nsswitch.conf").await?;
    let server = lab.name_server("10.88.0.54", "192.0.2.54")?;
    let answer = lab.shell("getent ahostsv4 www.example.com | head -n 1").await?;
    assert!(answer.starts_with("192.0.2.54 "), "{answer}");
    assert_eq!(server.asked(), ["www.example.com"]);
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_behind() -> anyhow::Result<()> {
    let Some(preparation) = Lab::prepare() else { return Ok(()) };
    let lab = preparation.boot().await?;
    let process = lab.process()?;
    let group = std::fs::read_to_string(format!("/proc/{process}/cgroup"))?;
    let group = group.lines().find_map(|line| line.strip_prefix("0::/")).map(|path| path.replace("/init.scope", ""));
    let group = group.unwrap_or_default();
    assert!(group.starts_with("osapi-lab-"), "the machine is in the group {group}");
    drop(lab);
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
    for hierarchy in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
        assert!(!std::path::Path::new(hierarchy).join(&group).exists(), "{hierarchy}/{group} is still there");
    }
    Ok(())
}
