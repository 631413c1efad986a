//! `system.service.get`: systemd over D-Bus, OpenRC by its own program and files. A stopped service is data.

mod openrc;
mod systemd;

use osapi_core::Failure;
use osapi_core::system::{ServiceQuery, ServiceState};

use super::Init;
use crate::{Context, System};

pub(crate) async fn get(system: &System, query: &ServiceQuery, context: &Context) -> Result<ServiceState, Failure> {
    let name = query.name.as_str();
    match Init::of(system) {
        Init::Systemd => systemd::get(system, name).await,
        Init::OpenRc => openrc::get(system, name, context).await,
        Init::Other => Err(Failure::unsupported("this host runs neither systemd nor OpenRC")),
    }
}

fn not_found(name: &str) -> Failure {
    Failure::not_found(format!("this host has no service `{name}`"))
}
