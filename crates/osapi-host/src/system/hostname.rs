//! `system.hostname.get` and `system.hostname.update`: hostnamed where it is, `/etc/hostname` and the kernel elsewhere.
//!
//! As with `hostnamectl`, `/etc/hosts` is left alone; if it goes on naming the old name, that is said.

use osapi_core::outcome::Change;
use osapi_core::system::{Hostname, HostnameUpdate, HostnameUpdated};
use osapi_core::{ErrorCode, Failure};

use super::Init;
use crate::machine::{BusError, FileError, KERNEL_HOSTNAME, bus};
use crate::{Context, System};

/// The file that gives the name at boot.
const STATIC: &str = "/etc/hostname";
const SERVICE: &str = "org.freedesktop.hostname1";
const PATH: &str = "/org/freedesktop/hostname1";

/// What the kernel says.
pub(crate) fn current(system: &System) -> Result<String, FileError> {
    Ok(system.read(KERNEL_HOSTNAME)?.trim().to_owned())
}

pub(crate) fn get(system: &System, context: &Context) -> Result<Hostname, Failure> {
    Ok(Hostname { hostname: current(system)?, labels: context.labels.clone() })
}

pub(crate) async fn update(
    system: &System,
    update: &HostnameUpdate,
    context: &Context,
) -> Result<HostnameUpdated, Failure> {
    let name = update.hostname.as_str();
    let previous = current(system)?;
    if previous == name && at_boot(system)?.as_deref() == Some(name) {
        return Ok(HostnameUpdated { hostname: previous.clone(), previous, change: Change::Unchanged });
    }
    if !(Init::of(system) == Init::Systemd && by_hostnamed(system, name).await?) {
        by_file(system, name, &previous)?;
    }
    let now = current(system)?;
    if now != name {
        return Err(Failure::failed(format!("`{name}` was set, yet the host name is still `{now}`")));
    }
    warn_of_hosts(system, &previous, context);
    Ok(HostnameUpdated { hostname: now, previous, change: Change::Updated })
}

/// The name the next boot will give; absent where no file says.
fn at_boot(system: &System) -> Result<Option<String>, FileError> {
    match system.read(STATIC) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The first line that is neither empty nor a comment.
fn parse(text: &str) -> Option<String> {
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}

/// Whether hostnamed set it; it sets the file and the kernel. `false` where there is no hostnamed to ask.
async fn by_hostnamed(system: &System, name: &str) -> Result<bool, Failure> {
    let connection = match system.bus().await {
        Ok(connection) => connection,
        Err(BusError::Absent) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let hostnamed = bus::object(&connection, SERVICE, PATH, SERVICE).await?;
    // Nobody is there to be asked for a password, hence not interactive.
    let set = async |method, name| -> Result<(), Failure> {
        let answer: zbus::Result<()> = hostnamed.call(method, &(name, false)).await;
        answer.map_err(|error| bus::refused(method, &error))
    };
    let before = at_boot(system)?.unwrap_or_default();
    match set("SetStaticHostname", name).await {
        Ok(()) => {}
        Err(failure) if failure.code == ErrorCode::Unsupported => return Ok(false),
        Err(failure) => return Err(failure),
    }
    let Err(failure) = set("SetHostname", name).await else { return Ok(true) };
    match set("SetStaticHostname", &before).await {
        Ok(()) => Err(failure),
        Err(undo) => {
            let message = format!("{}; the next boot will give `{name}` all the same: {undo}", failure.message);
            Err(Failure { message, ..failure })
        }
    }
}

/// The kernel first, since that is what privileges forbid; if the file then fails the kernel gets its old name back.
fn by_file(system: &System, name: &str, previous: &str) -> Result<(), Failure> {
    system.set_kernel_hostname(name)?;
    let Err(error) = system.write(STATIC, format!("{name}\n").as_bytes(), 0o644) else { return Ok(()) };
    let failure = Failure::from(error);
    match system.set_kernel_hostname(previous) {
        Ok(()) => Err(failure),
        Err(undo) => {
            let message = format!("{}; the kernel keeps `{name}` until the next boot: {undo}", failure.message);
            Err(Failure { message, ..failure })
        }
    }
}

fn warn_of_hosts(system: &System, previous: &str, context: &Context) {
    let hosts = system.read("/etc/hosts").unwrap_or_default();
    let names =
        |line: &str| line.split('#').next().unwrap_or_default().split_ascii_whitespace().any(|word| word == previous);
    if previous != "localhost" && hosts.lines().any(names) {
        context.say(format!("`/etc/hosts` still names `{previous}`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    fn host(kernel: &str) -> Script {
        Script::new().file(KERNEL_HOSTNAME, format!("{kernel}\n"))
    }

    async fn set(system: &System, name: &str) -> Result<HostnameUpdated, Failure> {
        update(system, &HostnameUpdate { hostname: name.parse().unwrap() }, &Context::alone()).await
    }

    #[tokio::test]
    async fn kernel_and_file_are_set_once() {
        let system = System::scripted(host("old").file(STATIC, "# a comment\nold\n"));
        let updated = set(&system, "new").await.unwrap();
        assert_eq!(
            (updated.hostname.as_str(), updated.previous.as_str(), updated.change),
            ("new", "old", Change::Updated)
        );
        assert_eq!(system.read(STATIC).unwrap(), "new\n");
        assert_eq!(set(&system, "new").await.unwrap().change, Change::Unchanged);
    }

    #[tokio::test]
    async fn a_name_the_next_boot_would_lose_is_not_unchanged() {
        let system = System::scripted(host("web").file(STATIC, "localhost\n"));
        assert_eq!(set(&system, "web").await.unwrap().change, Change::Updated);
        assert_eq!(system.read(STATIC).unwrap(), "web\n");
    }

    #[tokio::test]
    async fn a_file_that_may_not_be_written_leaves_the_old_name() {
        let system = System::scripted(host("old").forbidden(STATIC));
        let failure = set(&system, "new").await.unwrap_err();
        assert_eq!((failure.code, current(&system).unwrap().as_str()), (ErrorCode::Forbidden, "old"));
        assert!(failure.message.contains(STATIC), "{}", failure.message);
    }
}
