//! `network.ping.do`.

use osapi_core::Failure;
use osapi_core::network::{Ping, PingStatistics};

use crate::{Context, System};

pub(crate) async fn ping(_system: &System, _ping: &Ping, _context: &Context) -> Result<PingStatistics, Failure> {
    std::future::ready(Err(Failure::unsupported("`network.ping.do` is not built yet"))).await
}
