//! Whether a name server answers: one small question by UDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures::future::select_ok;
use tokio::net::UdpSocket;
use tokio::time::timeout;

const PORT: u16 = 53;
const TRIES: u16 = 3;
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether any of them answers within three seconds, whatever the answer: a server that only knows its own names is one too.
pub(super) async fn any(servers: &[IpAddr]) -> bool {
    let asking = servers.iter().map(|server| Box::pin(ask(*server)));
    select_ok(asking).await.is_ok()
}

async fn ask(server: IpAddr) -> io::Result<()> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    // Connected, only that server's answers come in, and that there is nobody is told.
    socket.connect(SocketAddr::new(server, PORT)).await?;
    // The port tells our questions apart, the number the tries.
    for number in 1..=TRIES {
        let answered = timeout(PATIENCE, async {
            socket.send(&question(number)).await?;
            answer(&socket).await
        });
        match answered.await {
            Ok(Ok(())) => return Ok(()),
            // Nobody there now, perhaps a moment later: the try lasts as long as any.
            Ok(Err(_)) => tokio::time::sleep(PATIENCE / 2).await,
            Err(_) => {}
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

async fn answer(socket: &UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 1500];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if is_answer(&buffer[..length]) {
            return Ok(());
        }
    }
}

/// Who serves the root? Every server has something to say to that.
fn question(number: u16) -> Vec<u8> {
    const RECURSION_DESIRED: [u8; 2] = [1, 0];
    const ONE_QUESTION: [u8; 8] = [0, 1, 0, 0, 0, 0, 0, 0];
    const ROOT_NS_IN: [u8; 5] = [0, 0, 2, 0, 1];
    [&number.to_be_bytes()[..], &RECURSION_DESIRED, &ONE_QUESTION, &ROOT_NS_IN].concat()
}

/// Whether it is an answer to a question of ours, late ones included.
fn is_answer(message: &[u8]) -> bool {
    let [high, low, flags, ..] = message else { return false };
    message.len() >= 12 && (1..=TRIES).contains(&u16::from_be_bytes([*high, *low])) && flags & 0x80 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_to_ours_counts() {
        let mut message = question(2);
        assert!(!is_answer(&message), "a question is no answer");
        message[2] |= 0x80;
        assert!(is_answer(&message));
        assert!(!is_answer(&message[..11]));
        message[0] = 0xff;
        assert!(!is_answer(&message));
    }
}
