//! A service of OpenRC. Its state comes from `rc-service`, because only that looks whether the daemon still lives.

use osapi_core::Failure;
use osapi_core::system::ServiceState;

use crate::machine::Command;
use crate::{Context, System};

pub(super) async fn get(system: &System, name: &str, context: &Context) -> Result<ServiceState, Failure> {
    let name = name.strip_suffix(".service").unwrap_or(name);
    let script_path = format!("/etc/init.d/{name}");
    if !system.exists(&script_path) {
        return Err(super::not_found(name));
    }
    let program = system.program("rc-service").ok_or_else(|| Failure::unsupported("this host has no `rc-service`"))?;
    let command = Command::new(&program).word(name).option("status").cancelled_by(&context.cancel);
    let status = system.run(command).await?.expect_status(&[0, 3, 4, 8, 16, 32, 64])?;
    let (active_state, sub_state) = states(status.status);
    Ok(ServiceState {
        name: name.to_owned(),
        display_name: description(&system.read(&script_path)?).unwrap_or_else(|| name.to_owned()),
        active_state: active_state.to_owned(),
        sub_state: sub_state.to_owned(),
        load_state: "loaded".to_owned(),
        enabled_state: if is_enabled(system, name) { "enabled" } else { "disabled" }.to_owned(),
        // What a stopped or crashed one has left there is nobody's process.
        main_pid: main_pid(system, name).filter(|_| active_state == "active"),
        healthy: active_state == "active",
    })
}

/// What `rc-service NAME status` says by its exit status, in systemd's words and in OpenRC's.
const fn states(status: Option<i32>) -> (&'static str, &'static str) {
    match status {
        Some(0) => ("active", "started"),
        Some(4) => ("deactivating", "stopping"),
        Some(8) => ("activating", "starting"),
        // Started, and waiting for something such as a network.
        Some(16) => ("activating", "inactive"),
        Some(32) => ("failed", "crashed"),
        Some(64) => ("failed", "unsupervised"),
        _ => ("inactive", "stopped"),
    }
}

/// The `description` that the script gives itself, where it is plain text.
fn description(script: &str) -> Option<String> {
    let value = script.lines().find_map(|line| line.trim().strip_prefix("description="))?;
    let plain = value.trim_matches(['"', '\'']);
    (!plain.is_empty() && !plain.contains(['$', '`'])).then(|| plain.to_owned())
}

fn is_enabled(system: &System, name: &str) -> bool {
    let levels = system.list_dir("/etc/runlevels").unwrap_or_default();
    levels.iter().any(|level| system.read_link(&format!("/etc/runlevels/{level}/{name}")).is_ok())
}

/// The process that OpenRC remembers: that which `supervise-daemon` minds, or that of the pid file.
fn main_pid(system: &System, name: &str) -> Option<u32> {
    let option = |option: &str| system.read(&format!("/run/openrc/options/{name}/{option}")).ok();
    let number = option("child_pid").or_else(|| system.read(option("pidfile")?.trim()).ok())?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use osapi_core::ErrorCode;

    use super::*;
    use crate::machine::Script;

    fn host() -> Script {
        Script::new()
            .file("/etc/init.d/sshd", "#!/sbin/openrc-run\ndescription=\"OpenBSD Secure Shell server\"\n")
            .file("/etc/runlevels/boot/.keep", "")
            .link("/etc/runlevels/default/sshd", "/etc/init.d/sshd")
            .file("/run/openrc/options/sshd/pidfile", "/run/sshd.pid")
            .file("/run/sshd.pid", "1234\n")
    }

    #[tokio::test]
    async fn every_status_is_data() {
        for (status, active_state, sub_state, healthy) in [
            (0, "active", "started", true),
            (3, "inactive", "stopped", false),
            (8, "activating", "starting", false),
            (32, "failed", "crashed", false),
        ] {
            let system = System::scripted(host().command("rc-service sshd status", status, " * status\n"));
            let state = get(&system, "sshd.service", &Context::alone()).await.unwrap();
            assert_eq!(
                (state.active_state.as_str(), state.sub_state.as_str(), state.healthy),
                (active_state, sub_state, healthy)
            );
            assert_eq!(
                (state.display_name.as_str(), state.enabled_state.as_str()),
                ("OpenBSD Secure Shell server", "enabled")
            );
            assert_eq!(state.main_pid, healthy.then_some(1234));
        }
    }

    #[tokio::test]
    async fn one_that_is_not_there_is_not_found_and_a_broken_script_fails() {
        let failure = get(&System::scripted(Script::new()), "nothing", &Context::alone()).await.unwrap_err();
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (ErrorCode::NotFound, "this host has no service `nothing`")
        );
        let system = System::scripted(host().command("rc-service sshd status", 1, "syntax error\n"));
        let failure = get(&system, "sshd", &Context::alone()).await.unwrap_err();
        assert_eq!(failure.message, "`rc-service sshd status` exited with 1: syntax error");
    }
}
