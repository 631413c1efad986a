//! Power through systemd-logind, which keeps the schedule, tells the users and survives our restart.

use osapi_core::Failure;
use osapi_core::outcome::Change;
use zbus::Proxy;

use super::{Action, Plan, scheduled};
use crate::System;
use crate::machine::bus;

const SERVICE: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const INTERFACE: &str = "org.freedesktop.login1.Manager";

pub(super) async fn schedule(system: &System, plan: &Plan<'_>) -> Result<Change, Failure> {
    let connection = system.bus().await?;
    let logind = bus::object(&connection, SERVICE, PATH, INTERFACE).await?;
    let before = pending(&logind).await?.is_some();
    let at =
        u64::try_from(plan.at.as_microsecond()).map_err(|_| Failure::failed("this host's clock is before 1970"))?;
    call::<_, ()>(&logind, "SetWallMessage", &(plan.reason, true)).await?;
    call::<_, ()>(&logind, "ScheduleShutdown", &(plan.action.word(), at)).await?;
    Ok(scheduled(before))
}

pub(super) async fn cancel(system: &System, action: Action) -> Result<Change, Failure> {
    let connection = system.bus().await?;
    let logind = bus::object(&connection, SERVICE, PATH, INTERFACE).await?;
    // A shutdown that somebody scheduled is not taken back by calling off a restart.
    if pending(&logind).await?.as_deref() != Some(action.word()) {
        return Ok(Change::Unchanged);
    }
    let cancelled: bool = call(&logind, "CancelScheduledShutdown", &()).await?;
    Ok(if cancelled { Change::Removed } else { Change::Unchanged })
}

/// What is scheduled: `reboot`, `poweroff` or another of logind's words.
async fn pending(logind: &Proxy<'_>) -> Result<Option<String>, Failure> {
    const NAME: &str = "ScheduledShutdown";
    let read: zbus::Result<(String, u64)> = logind.get_property(NAME).await;
    let (word, _) = read.map_err(|error| bus::refused(NAME, &error))?;
    Ok(Some(word).filter(|word| !word.is_empty()))
}

async fn call<B, R>(logind: &Proxy<'_>, method: &'static str, body: &B) -> Result<R, Failure>
where
    B: serde::Serialize + zbus::DynamicType,
    R: for<'d> zbus::wire::DynamicDeserialize<'d>,
{
    logind.call(method, body).await.map_err(|error| bus::refused(method, &error))
}
