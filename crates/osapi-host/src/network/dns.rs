//! `network.dns.get` and `network.dns.update`.

use osapi_core::Failure;
use osapi_core::network::{DnsQuery, DnsSettings, DnsUpdate, DnsUpdated};

use crate::{Context, System};

pub(crate) async fn get(_system: &System, _query: &DnsQuery) -> Result<DnsSettings, Failure> {
    std::future::ready(Err(Failure::unsupported("`network.dns.get` is not built yet"))).await
}

pub(crate) async fn update(_system: &System, _update: &DnsUpdate, _context: &Context) -> Result<DnsUpdated, Failure> {
    std::future::ready(Err(Failure::unsupported("`network.dns.update` is not built yet"))).await
}
