//! `network.ping.do`: ICMP echo requests and the statistics of their answers.
//!
//! One socket, no task of its own: dropping the future ends everything. Loss is a result, never an error.

mod echo;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use osapi_core::network::{Ping, PingAddress, PingStatistics};
use osapi_core::{ErrorCode, Failure};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{Context, System};
use echo::Echo;

const RESOLVE_BOUND: Duration = Duration::from_secs(10);

/// Sends the requests, one each interval, and waits for the answer of each up to its timeout.
pub(crate) async fn ping(_system: &System, ping: &Ping, context: &Context) -> Result<PingStatistics, Failure> {
    ping.check()?;
    let work = async {
        let address = resolve(&ping.address).await?;
        let echo = Echo::open(address).map_err(|error| refused(address, &error))?;
        exchange(&echo, address, ping).await
    };
    tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(Failure::failed(format!("the ping of `{}` was called off", ping.address))),
        result = work => result,
    }
}

async fn resolve(address: &PingAddress) -> Result<IpAddr, Failure> {
    let name = match address {
        PingAddress::Ip(address) => return Ok(*address),
        PingAddress::Name(name) => name,
    };
    match timeout(RESOLVE_BOUND, tokio::net::lookup_host((name.as_str(), 0))).await {
        Ok(Ok(mut found)) => found
            .next()
            .map(|address| address.ip())
            .ok_or_else(|| Failure::not_found(format!("the name `{name}` has no address"))),
        Ok(Err(error)) => Err(Failure::not_found(format!("the name `{name}` does not resolve: {error}"))),
        Err(_) => Err(Failure::new(
            ErrorCode::Timeout,
            format!("the name `{name}` did not resolve in {} seconds", RESOLVE_BOUND.as_secs()),
        )),
    }
}

/// Why no request could be sent at all.
fn refused(address: IpAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Failure::forbidden(format!("no ICMP socket may be opened to ping `{address}`: {error}"))
                .with_hint("give the service CAP_NET_RAW, or allow its group in `net.ipv4.ping_group_range`")
        }
        io::ErrorKind::Unsupported => {
            Failure::unsupported(format!("this host has no ICMP sockets for `{address}`: {error}"))
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::AddrNotAvailable => {
            Failure::new(ErrorCode::Unavailable, format!("this host has no route to `{address}`: {error}"))
        }
        _ => Failure::failed(format!("cannot ping `{address}`: {error}")),
    }
}

/// One request on its way or answered.
struct Request {
    sent: Instant,
    answered: Option<Duration>,
}

async fn exchange(echo: &Echo, address: IpAddr, ping: &Ping) -> Result<PingStatistics, Failure> {
    let interval = Duration::from_millis(ping.interval_ms.into());
    let patience = Duration::from_millis(ping.timeout_ms.into());
    let count = usize::from(ping.count);
    let mut requests: Vec<Request> = Vec::with_capacity(count);
    let begun = Instant::now();
    loop {
        let next = (requests.len() < count).then(|| begun + interval * u32::from(requests.len() as u8));
        let awaited =
            requests.iter().filter(|request| request.answered.is_none()).map(|request| request.sent + patience);
        let Some(until) = next.or_else(|| awaited.filter(|end| *end > Instant::now()).max()) else { break };
        tokio::select! {
            biased;
            reply = echo.reply() => {
                let (sequence, at) = reply.map_err(|error| Failure::failed(format!("cannot ping `{address}`: {error}")))?;
                if let Some(request) = requests.get_mut(usize::from(sequence)) {
                    let took = at - request.sent;
                    // A second answer to one request tells nothing new, one that is late was lost.
                    if request.answered.is_none() && took <= patience {
                        request.answered = Some(took);
                    }
                }
            }
            () = sleep_until(until) => {
                if next.is_some() {
                    let sent = Instant::now();
                    // What the kernel does not take now (no neighbour, a filter) is lost like what the network drops.
                    drop(echo.request(requests.len() as u16).await);
                    requests.push(Request { sent, answered: None });
                }
            }
        }
    }
    Ok(statistics(address, &requests))
}

fn statistics(address: IpAddr, requests: &[Request]) -> PingStatistics {
    let times: Vec<f64> =
        requests.iter().filter_map(|request| request.answered).map(|took| took.as_secs_f64() * 1000.0).collect();
    let (sent, received) = (requests.len() as u32, times.len() as u32);
    let lost = f64::from(sent - received) / f64::from(sent.max(1)) * 100.0;
    PingStatistics {
        address,
        packets_sent: sent,
        packets_received: received,
        packet_loss: lost,
        min_rtt_ms: times.iter().copied().reduce(f64::min),
        avg_rtt_ms: (received > 0).then(|| times.iter().sum::<f64>() / f64::from(received)),
        max_rtt_ms: times.iter().copied().reduce(f64::max),
    }
}
