//! The operations that ask an init system, in a machine booted for the purpose with its real systemd.

use anyhow::Result;
use osapi_testkit::lab::Lab;
use serde_json::{Value, json};

use super::lab_host::{Answer, carry_out, prepare};

async fn ask(lab: &Lab, kind: &str, data: Value) -> Result<Value> {
    carry_out(lab, &[], kind, data).await.and_then(Answer::outcome)
}

#[tokio::test]
async fn hostnamed_sets_the_name_for_now_and_for_the_next_boot() -> Result<()> {
    let Some(preparation) = prepare() else { return Ok(()) };
    let mut lab = preparation.boot().await?;
    let before = ask(&lab, "system.hostname.get", json!(null)).await?["hostname"].clone();
    let updated = ask(&lab, "system.hostname.update", json!({"hostname": "renamed-01"})).await?;
    assert_eq!(updated, json!({"hostname": "renamed-01", "previous": before, "change": "updated"}));
    assert_eq!(lab.shell("hostname; cat /etc/hostname").await?, "renamed-01\nrenamed-01\n");
    let again = ask(&lab, "system.hostname.update", json!({"hostname": "renamed-01"})).await?;
    assert_eq!(again["change"], "unchanged");
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "carry-out"];
    let input = json!({"type": "system.hostname.update", "data": {"hostname": "hijacked"}}).to_string();
    let said: Value = serde_json::from_str(&lab.feed(&nobody, &input).await?.success("carry-out")?)?;
    assert_eq!(said["failure"]["code"], "forbidden", "{said}");
    lab.reboot().await?;
    assert_eq!(ask(&lab, "system.hostname.get", json!(null)).await?["hostname"], "renamed-01");
    Ok(())
}

#[tokio::test]
async fn without_hostnamed_the_file_and_the_kernel_do() -> Result<()> {
    let Some(preparation) = prepare() else { return Ok(()) };
    let lab = preparation.enter().await?;
    let updated = ask(&lab, "system.hostname.update", json!({"hostname": "renamed-02"})).await?;
    assert_eq!(updated["change"], "updated");
    assert_eq!(lab.shell("hostname; cat /etc/hostname").await?, "renamed-02\nrenamed-02\n");
    let drop_privileges = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "carry-out"];
    let input = json!({"type": "system.hostname.update", "data": {"hostname": "renamed-03"}}).to_string();
    let said: Value = serde_json::from_str(&lab.feed(&drop_privileges, &input).await?.success("carry-out")?)?;
    assert_eq!(said["failure"]["code"], "forbidden", "{said}");
    assert_eq!(lab.shell("hostname; cat /etc/hostname").await?, "renamed-02\nrenamed-02\n");
    Ok(())
}

#[tokio::test]
async fn a_service_of_systemd_is_told_whatever_its_state() -> Result<()> {
    let Some(preparation) = prepare() else { return Ok(()) };
    let lab = preparation.boot().await?;
    lab.shell(
        "cd /etc/systemd/system
         printf '[Unit]\\nDescription=Runs on\\n[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' >on.service
         printf '[Service]\\nExecStart=/bin/sleep 1\\n' >off.service
         printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' >broken.service
         printf '[Service]\\nExecStart=/bin/cat\\nStandardInput=socket\\n' >awaited.service
         printf '[Socket]\\nListenStream=/run/awaited\\n' >awaited.socket
         systemctl daemon-reload; systemctl -q enable --now on.service; systemctl start awaited.socket
         systemctl -q mask hidden.service; systemctl start broken.service || true",
    )
    .await?;
    let pid: u32 = lab.shell("systemctl show -P MainPID on.service").await?.trim().parse()?;
    assert_eq!(
        ask(&lab, "system.service.get", json!({"name": "on"})).await?,
        json!({
            "name": "on.service", "display_name": "Runs on", "active_state": "active", "sub_state": "running",
            "load_state": "loaded", "enabled_state": "enabled", "main_pid": pid, "healthy": true,
        })
    );
    for (name, active, sub, load, healthy) in [
        ("off", "inactive", "dead", "loaded", false),
        ("broken", "failed", "failed", "loaded", false),
        ("awaited", "inactive", "dead", "loaded", true),
        ("hidden", "inactive", "dead", "masked", false),
        ("awaited.socket", "active", "listening", "loaded", true),
    ] {
        let state = ask(&lab, "system.service.get", json!({"name": name})).await?;
        let told = (&state["active_state"], &state["sub_state"], &state["load_state"], &state["healthy"]);
        assert_eq!(told, (&json!(active), &json!(sub), &json!(load), &json!(healthy)), "{name}: {state}");
    }
    let missing = carry_out(&lab, &[], "system.service.get", json!({"name": "no-such-thing"})).await?.failure()?;
    assert_eq!(missing, ("not_found".to_owned(), "this host has no service `no-such-thing`".to_owned()));
    Ok(())
}

#[tokio::test]
async fn a_restart_is_scheduled_replaced_and_taken_back() -> Result<()> {
    let Some(preparation) = prepare() else { return Ok(()) };
    let lab = preparation.boot().await?;
    let scheduled = ask(&lab, "system.reboot.execute", json!({"delay_seconds": 600, "reason": "new kernel"})).await?;
    assert_eq!(scheduled["change"], "created");
    let file = lab.shell("cat /run/systemd/shutdown/scheduled").await?;
    assert!(file.contains("MODE=reboot") && file.contains("WALL_MESSAGE=new"), "{file}");
    let sooner = ask(&lab, "system.reboot.execute", json!({"delay_seconds": 300})).await?;
    assert_eq!(sooner["change"], "updated");
    let other = ask(&lab, "system.shutdown.execute", json!({"cancel": true})).await?;
    assert_eq!(other, json!({"change": "unchanged"}), "calling off a shutdown leaves a restart alone");
    assert_eq!(ask(&lab, "system.reboot.execute", json!({"cancel": true})).await?, json!({"change": "removed"}));
    assert_eq!(ask(&lab, "system.reboot.execute", json!({"cancel": true})).await?, json!({"change": "unchanged"}));
    assert_eq!(lab.shell("ls /run/systemd/shutdown").await?, "");
    Ok(())
}

/// Packages of the three tools whose scripts wait for `/run/go`, once `/run/here` says that they run.
const SLOW_PACKAGES: &str = r#"
mkdir -p /root/deb/DEBIAN /root/arch && cd /root
wait='touch /run/here; until [ -e /run/go ]; do sleep 0.02; done'
printf 'Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: slow\n' >deb/DEBIAN/control
printf '#!/bin/sh\n%s\n' "$wait" >deb/DEBIAN/preinst && chmod 755 deb/DEBIAN/preinst
dpkg-deb -Znone --build deb slow.deb >/dev/null
printf 'Name: slow\nVersion: 1\nRelease: 1\nSummary: slow\nLicense: none\nBuildArch: noarch\n%%description\nslow\n%%pre\n%s\n%%files\n' "$wait" >slow.spec
rpmbuild --quiet --define '_rpmdir /root' -bb slow.spec
printf 'pkgname = slow\npkgver = 1-1\narch = any\n' >arch/.PKGINFO
printf 'pre_install() { %s; }\n' "$wait" >arch/.INSTALL
bsdtar -C arch -caf slow.pkg.tar.zst .PKGINFO .INSTALL
"#;

#[tokio::test]
async fn a_restart_waits_for_an_installation_that_somebody_else_began() -> Result<()> {
    let Some(preparation) = prepare() else { return Ok(()) };
    let lab = preparation.boot().await?;
    lab.shell(SLOW_PACKAGES).await?;
    for (program, install) in [
        ("dpkg", "dpkg -i slow.deb"),
        ("rpm", "rpm -U --nodeps --dbpath /var/lib/rpm noarch/slow-1-1.noarch.rpm"),
        ("pacman", "pacman -U --noconfirm slow.pkg.tar.zst"),
    ] {
        let begin = format!(
            "cd /root; rm -f /run/go /run/here; systemd-run -q -p WorkingDirectory=/root -u slow-{program} {install}"
        );
        lab.shell(&begin).await?;
        lab.shell("timeout 60 sh -c 'until [ -e /run/here ]; do sleep 0.02; done'").await?;
        let data = json!({"delay_seconds": 600, "force": true});
        // As a service that sees little of the host, too.
        let operation = json!({"type": "system.reboot.execute", "data": data}).to_string();
        let confined =
            ["systemd-run", "--pipe", "-q", "-p", "ProtectSystem=strict", "-p", "PrivateTmp=yes", "carry-out"];
        let said: Value = serde_json::from_str(&lab.feed(&confined, &operation).await?.success("carry-out")?)?;
        assert_eq!(said["failure"]["code"], "conflict", "{said}");
        let (code, message) = carry_out(&lab, &[], "system.reboot.execute", data.clone()).await?.failure()?;
        let expected = format!("a package transaction is running on this host: `{program}` (process ");
        assert!(code == "conflict" && message.starts_with(&expected), "{code}: {message}");
        lab.shell("touch /run/go").await?;
        lab.shell(&format!("timeout 60 sh -c 'while systemctl -q is-active slow-{program}; do sleep 0.02; done'"))
            .await?;
        assert_eq!(ask(&lab, "system.reboot.execute", data).await?["change"], "created", "{program}");
        ask(&lab, "system.reboot.execute", json!({"cancel": true})).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_shutdown_at_once_answers_first_and_then_happens() -> Result<()> {
    let Some(preparation) = prepare() else { return Ok(()) };
    let mut lab = preparation.boot().await?;
    lab.shell("mkdir -p /run/osapi; flock /run/osapi/transaction.lock -c 'touch /run/held; sleep 1000' >/dev/null 2>&1 </dev/null & until [ -e /run/held ]; do sleep 0.01; done").await?;
    let refused = carry_out(&lab, &[], "system.shutdown.execute", json!({"force": true})).await?.failure()?;
    assert_eq!(refused, ("conflict".to_owned(), "a package transaction is running on this host".to_owned()));
    let data = json!({"force": true, "acknowledge_package_database_corruption_risk": true});
    assert_eq!(ask(&lab, "system.shutdown.execute", data).await?["change"], "created");
    lab.off().await
}
