//! A unit of systemd, asked of process 1 over D-Bus.

use osapi_core::Failure;
use osapi_core::system::ServiceState;
use zbus::{Connection, OwnedObjectPath, Proxy};

use crate::System;
use crate::machine::bus;

const SERVICE: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const UNIT: &str = "org.freedesktop.systemd1.Unit";

pub(super) async fn get(system: &System, name: &str) -> Result<ServiceState, Failure> {
    let connection = system.bus().await?;
    let path = load(&connection, &full_name(name)).await?;
    let unit = bus::object(&connection, SERVICE, path.as_str(), UNIT).await?;
    let load_state: String = property(&unit, "LoadState").await?;
    if load_state == "not-found" {
        return Err(super::not_found(name));
    }
    let active_state: String = property(&unit, "ActiveState").await?;
    let healthy = active_state == "active" || (active_state == "inactive" && is_awaited(&connection, &unit).await?);
    let id: String = property(&unit, "Id").await?;
    Ok(ServiceState {
        display_name: property(&unit, "Description").await?,
        sub_state: property(&unit, "SubState").await?,
        enabled_state: property(&unit, "UnitFileState").await?,
        main_pid: main_pid(&connection, path.as_str(), &id).await?,
        name: id,
        active_state,
        load_state,
        healthy,
    })
}

/// The unit's name with its type, as systemctl completes it.
fn full_name(name: &str) -> String {
    const TYPES: &[&str] =
        &["automount", "device", "mount", "path", "scope", "service", "slice", "socket", "swap", "target", "timer"];
    match name.rsplit_once('.') {
        Some((_, suffix)) if TYPES.contains(&suffix) => name.to_owned(),
        _ => format!("{name}.service"),
    }
}

/// Where the unit is on the bus; systemd answers for units that are not there too.
async fn load(connection: &Connection, unit: &str) -> Result<OwnedObjectPath, Failure> {
    const CALL: &str = "LoadUnit";
    let manager = bus::object(connection, SERVICE, PATH, MANAGER).await?;
    manager.call(CALL, &unit).await.map_err(|error| bus::refused(CALL, &error))
}

async fn property<T>(object: &Proxy<'_>, name: &'static str) -> Result<T, Failure>
where
    T: serde::de::DeserializeOwned + zbus::Type,
{
    object.get_property(name).await.map_err(|error| bus::refused(name, &error))
}

/// Only services have a main process; 0 means that there is none.
async fn main_pid(connection: &Connection, path: &str, id: &str) -> Result<Option<u32>, Failure> {
    if !id.ends_with(".service") {
        return Ok(None);
    }
    let service = bus::object(connection, SERVICE, path, "org.freedesktop.systemd1.Service").await?;
    let pid: u32 = property(&service, "MainPID").await?;
    Ok(Some(pid).filter(|pid| *pid != 0))
}

/// Whether an active socket waits to start it.
async fn is_awaited(connection: &Connection, unit: &Proxy<'_>) -> Result<bool, Failure> {
    let triggers: Vec<String> = property(unit, "TriggeredBy").await?;
    for socket in triggers.iter().filter(|name| name.ends_with(".socket")) {
        let path = load(connection, socket).await?;
        let socket = bus::object(connection, SERVICE, path.as_str(), UNIT).await?;
        if property::<String>(&socket, "ActiveState").await? == "active" {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_type_is_a_service() {
        for (name, full) in [
            ("sshd", "sshd.service"),
            ("getty@tty1", "getty@tty1.service"),
            ("a.b", "a.b.service"),
            ("ssh.socket", "ssh.socket"),
            ("dbus.service", "dbus.service"),
        ] {
            assert_eq!(full_name(name), full);
        }
    }
}
