//! What Alpine has in place of systemd, the real thing: OpenRC and busybox, unpacked into a lab machine that has nothing
//! running.

use anyhow::Result;
use osapi_testkit::lab::Lab;
use serde_json::{Value, json};

use super::lab_host::{Answer, carry_out, prepare};

const UNPACK: &str = r#"
    for package in /opt/alpine/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C /; done
    mkdir -p /run/openrc
"#;

/// What `openrc-init` would have made, and services in the states worth asking about.
const SET_UP: &str = r#"
    mkdir -p /run/lock /run/openrc/{starting,started,stopping,inactive,wasinactive,failed,hotplugged,daemons,options,exclusive,scheduled,tmp}
    touch /run/openrc/softlevel
    for name in sleeper idle; do
        cat >/etc/init.d/$name <<SERVICE
#!/sbin/openrc-run
description="Does nothing, for long"
command=/bin/sleep
command_args=1000
command_background=yes
pidfile=/run/$name.pid
SERVICE
    done
    for name in minded crasher; do
        sed "s/command_background=yes/supervisor=supervise-daemon/; s/sleeper/$name/" /etc/init.d/sleeper >/etc/init.d/$name
    done
    chmod 755 /etc/init.d/{sleeper,crasher,idle,minded}
    rc-update add sleeper default >/dev/null
    for name in sleeper crasher minded; do rc-service $name start </dev/null; done
    # Nobody reaps the dead here, so a process that is gone is one that never was.
    kill -KILL $(cat /run/crasher.pid /run/openrc/options/crasher/child_pid); echo 4194303 >/run/crasher.pid
"#;

/// What waits to reboot or to power off; the dead that nobody reaps are left out.
const WAITING: &str = "ps -eo stat=,args= | awk '$1 !~ /^Z/ && / -d [0-9]+$/ { print $2, $3, $4 }'";

async fn machine() -> Result<Option<Lab>> {
    let packages = osapi_testkit::workspace().join(".tools/alpine");
    let Some(preparation) = prepare() else { return Ok(None) };
    if !packages.exists() {
        super::skip("the packages of OpenRC and busybox are not there; run `scripts/lab-setup`");
        return Ok(None);
    }
    let lab = preparation.bind(packages, "/opt/alpine").enter().await?;
    lab.shell(UNPACK).await?;
    Ok(Some(lab))
}

#[tokio::test]
async fn busybox_waits_to_reboot_and_can_be_called_off() -> Result<()> {
    let Some(lab) = machine().await? else { return Ok(()) };
    lab.shell("for name in reboot poweroff; do ln -sf /bin/busybox /usr/sbin/$name; done").await?;
    let ask = async |kind: &str, data: Value| carry_out(&lab, &[], kind, data).await?.outcome();
    let scheduled = ask("system.reboot.execute", json!({"delay_seconds": 600})).await?;
    assert_eq!(scheduled["change"], "created");
    assert_eq!(lab.shell(WAITING).await?, "/usr/sbin/reboot -d 600\n");
    let replaced = ask("system.shutdown.execute", json!({"delay_seconds": 500})).await?;
    assert_eq!(replaced["change"], "updated");
    assert_eq!(lab.shell(WAITING).await?, "/usr/sbin/poweroff -d 500\n");
    assert_eq!(ask("system.reboot.execute", json!({"cancel": true})).await?, json!({"change": "unchanged"}));
    assert_eq!(ask("system.shutdown.execute", json!({"cancel": true})).await?, json!({"change": "removed"}));
    assert_eq!(lab.shell(WAITING).await?, "");
    Ok(())
}

#[tokio::test]
async fn a_service_of_openrc_is_told_whatever_its_state() -> Result<()> {
    let Some(lab) = machine().await? else { return Ok(()) };
    lab.shell(SET_UP).await?;
    let ask = async |name: &str| carry_out(&lab, &[], "system.service.get", json!({"name": name})).await;
    let pid: u32 = lab.shell("cat /run/sleeper.pid").await?.trim().parse()?;
    assert_eq!(
        ask("sleeper").await?.outcome()?,
        json!({
            "name": "sleeper", "display_name": "Does nothing, for long", "active_state": "active",
            "sub_state": "started", "load_state": "loaded", "enabled_state": "enabled", "main_pid": pid, "healthy": true,
        })
    );
    for (name, active, sub, enabled) in
        [("crasher", "failed", "unsupervised", "disabled"), ("idle", "inactive", "stopped", "disabled")]
    {
        let state = ask(name).await?.outcome()?;
        let told = (&state["active_state"], &state["sub_state"], &state["enabled_state"], &state["healthy"]);
        assert_eq!(told, (&json!(active), &json!(sub), &json!(enabled), &json!(false)), "{state}");
    }
    let minded = ask("minded").await?.outcome()?;
    let command = lab.shell(&format!("tr '\\0' ' ' </proc/{}/cmdline", minded["main_pid"])).await?;
    assert_eq!((minded["sub_state"].as_str(), command.trim()), (Some("started"), "/bin/sleep 1000"), "{minded}");
    assert_eq!(ask("no-such-thing").await?.failure()?.0, "not_found");
    assert!(matches!(ask("sleeper.service").await?, Answer::Outcome(_)));
    Ok(())
}
