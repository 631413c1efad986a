//! ICMP echo over one connected socket: unprivileged datagrams where the host allows them, raw packets elsewhere.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::Instant;

const PAYLOAD: &[u8; 32] = b"osapi: are you there? osapi ping";

/// Tells the pings of this process apart; the process's number tells processes apart.
static COUNTER: AtomicU16 = AtomicU16::new(0);

/// A socket to ping one address with.
pub(super) struct Echo {
    socket: tokio::net::UdpSocket,
    address: IpAddr,
    /// Ours on a raw socket; `None` where the kernel keeps it and sorts out the answers.
    identifier: Option<u16>,
}

impl Echo {
    /// Opens a socket of either kind.
    ///
    /// # Errors
    /// `PermissionDenied` where neither is allowed, `Unsupported` where the host lacks the address family, and what
    /// routing says of the address.
    pub(super) fn open(address: IpAddr) -> io::Result<Self> {
        let (domain, protocol) = match address {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let (socket, identifier) = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
            Ok(socket) => (socket, None),
            Err(unprivileged) => match Socket::new(domain, Type::RAW, Some(protocol)) {
                Ok(socket) => (socket, Some(identifier())),
                Err(raw) => return Err(refusal(unprivileged, raw)),
            },
        };
        socket.set_nonblocking(true)?;
        // Connected, the kernel gives us what comes from that address only, and its ICMP errors.
        socket.connect(&SocketAddr::new(address, 0).into())?;
        let socket = tokio::net::UdpSocket::from_std(UdpSocket::from(socket))?;
        Ok(Self { socket, address, identifier })
    }

    /// Sends the request of that number.
    pub(super) async fn request(&self, sequence: u16) -> io::Result<()> {
        self.socket.send(&packet(self.address, self.identifier.unwrap_or(0), sequence)).await.map(|_| ())
    }

    /// Waits for the next answer to one of ours: its number and when it came.
    pub(super) async fn reply(&self) -> io::Result<(u16, Instant)> {
        let mut buffer = [0; 1500];
        loop {
            match self.socket.recv(&mut buffer).await {
                Ok(length) => {
                    let at = Instant::now();
                    let raw = self.identifier.is_some();
                    if let Some(sequence) = sequence(self.address, raw, self.identifier, &buffer[..length]) {
                        return Ok((sequence, at));
                    }
                }
                // Somebody on the way says it cannot be reached: the request is lost.
                Err(error) if lost(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn identifier() -> u16 {
    (std::process::id() as u16).wrapping_add(COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// The error that says most: that it is not allowed, before that there is no such thing.
fn refusal(unprivileged: io::Error, raw: io::Error) -> io::Error {
    match (unprivileged.kind(), raw.kind()) {
        (_, io::ErrorKind::PermissionDenied) => raw,
        (io::ErrorKind::PermissionDenied, _) => unprivileged,
        _ => io::Error::new(io::ErrorKind::Unsupported, raw),
    }
}

fn lost(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::PermissionDenied
    )
}

fn packet(address: IpAddr, identifier: u16, sequence: u16) -> Vec<u8> {
    let kind = if address.is_ipv4() { 8 } else { 128 };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(identifier.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(PAYLOAD);
    // For IPv6 the kernel fills the checksum in, since it covers the addresses.
    if address.is_ipv4() {
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
        .sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The number of the request that this packet answers, if it answers one of ours.
fn sequence(address: IpAddr, raw: bool, identifier: Option<u16>, packet: &[u8]) -> Option<u16> {
    let (message, kind) = match address {
        // A raw IPv4 socket gives the IP header too, whose length is in its first byte, in words.
        IpAddr::V4(_) if raw => (packet.get(usize::from(packet.first()? & 0x0f) * 4..)?, 0),
        IpAddr::V4(_) => (packet, 0),
        IpAddr::V6(_) => (packet, 129),
    };
    let number = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let ours = message.first() == Some(&kind) && identifier.is_none_or(|identifier| number(4) == Some(identifier));
    if ours { number(6) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn a_packet_carries_a_checksum_that_sums_to_nothing() {
        let packet = packet(V4, 0xbeef, 7);
        assert_eq!(checksum(&packet), 0);
        assert_eq!(checksum(&[0x01]), 0xfeff);
    }

    #[test]
    fn only_the_answers_to_ours_count() {
        let mut answer = packet(V4, 5, 7);
        assert_eq!(sequence(V4, false, Some(5), &answer), None, "a request is no answer");
        answer[0] = 0;
        assert_eq!(sequence(V4, false, Some(5), &answer), Some(7));
        assert_eq!(sequence(V4, false, None, &answer), Some(7));
        assert_eq!(sequence(V4, false, Some(6), &answer), None);
        let framed = [&[0x45; 1][..], &[0; 19], &answer].concat();
        assert_eq!(sequence(V4, true, Some(5), &framed), Some(7));
        let mut answer = packet(V6, 5, 7);
        answer[0] = 129;
        assert_eq!(sequence(V6, true, Some(5), &answer), Some(7));
        for length in 0..8 {
            assert_eq!(sequence(V6, true, Some(5), &answer[..length]), None);
            assert_eq!(sequence(V4, true, Some(5), &framed[..length]), None);
        }
    }
}
