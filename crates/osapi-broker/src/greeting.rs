//! The first line a NATS server says, from which one can tell that it serves.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A greeting is one line of a few hundred bytes.
const MAX_GREETING: u64 = 64 << 10;

/// Whether a server with JetStream accepts connections at the address.
pub(crate) async fn greets(address: &str) -> bool {
    let greeting = async {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_GREETING)).read_line(&mut line).await.ok()?;
        Some(line)
    };
    let line = timeout(Duration::from_secs(2), greeting).await.ok().flatten().unwrap_or_default();
    line.starts_with("INFO ") && line.contains("\"jetstream\":true")
}
