//! Ports nobody uses.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};

/// Below the ports that Linux gives to connections and to who asks for any (`net.ipv4.ip_local_port_range`), so that none
/// of them takes the port before its user listens on it.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The locks of the ports this process was given; let go when it ends.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of the loopback address that is free, and is given to no other test while this process lives.
///
/// # Panics
/// There is none left.
#[must_use]
pub fn free_port() -> u16 {
    let user = std::fs::metadata("/proc/self").expect("this process").uid();
    let folder = std::env::temp_dir().join(format!("osapi-test-ports-{user}"));
    std::fs::create_dir_all(&folder).expect("a folder for the locks of ports");
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Each process begins elsewhere, to find one sooner.
    let first = usize::try_from(std::process::id()).unwrap_or_default() * 101 + taken.len();
    let port = PORTS.cycle().skip(first % PORTS.len()).take(PORTS.len()).find_map(|port| {
        let lock = File::create(folder.join(port.to_string())).ok()?;
        lock.try_lock().ok()?;
        TcpListener::bind(("127.0.0.1", port)).ok()?;
        taken.push(lock);
        Some(port)
    });
    port.expect("a free port")
}
