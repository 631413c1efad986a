//! A real nats-server with JetStream, one per test, that can be killed and started again on what it had on disk.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{free_port, nats_server};

/// How long a server may take to answer.
const START: Duration = Duration::from_secs(60);

/// What differs from a server on loopback without authentication.
#[derive(Clone, Debug, Default)]
pub struct BrokerOptions {
    /// Lines added to the configuration file, such as an `authorization` or `tls` block.
    pub extra: String,
    /// The largest message it takes; nats-server's own limit when absent.
    pub max_payload: Option<usize>,
    /// Whether it leaves writes to the system for a while, to be filled quickly; it may lose them when killed.
    pub lazy: bool,
}

/// A running nats-server. It and its store are gone when this is dropped.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    store: TempDir,
    child: Option<Child>,
}

impl Broker {
    /// Starts one that asks for no proof.
    pub async fn start() -> Self {
        Self::with(&BrokerOptions::default()).await
    }

    /// Starts one with these options.
    ///
    /// # Panics
    /// It did not start.
    pub async fn with(options: &BrokerOptions) -> Self {
        let port = free_port();
        let payload = options.max_payload.map(|bytes| format!("max_payload: {bytes}\n")).unwrap_or_default();
        let store = TempDir::new().expect("a temporary folder");
        let sync = if options.lazy { "2m" } else { "always" };
        write_configuration(store.path(), port, sync, &format!("{payload}{}", options.extra));
        let mut broker = Self { port, store, child: None };
        broker.restart().await;
        broker
    }

    /// `host:port` of it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port alone.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills it with SIGKILL, as a crash would; what it has on disk stays.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Removes what a killed one had on disk, as a lost volume would.
    ///
    /// # Panics
    /// It cannot be removed.
    pub fn forget(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.store.path().join("jetstream")).expect("the store is removed");
    }

    /// Starts it again, on the same port and the same store, and waits until it answers.
    ///
    /// # Panics
    /// It did not answer in time; its log is in the message.
    pub async fn restart(&mut self) {
        self.kill();
        let log = std::fs::File::create(self.store.path().join("log")).expect("the log");
        let child = Command::new(nats_server())
            .arg("-c")
            .arg(self.store.path().join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log again"))
            .stderr(log)
            .spawn()
            .expect("nats-server starts");
        let child = self.child.insert(child);
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let since = Instant::now();
        while !healthy(address) {
            // It may have ended, and its log says why.
            let ended = child.try_wait().expect("its state").is_some();
            if ended || since.elapsed() > START {
                let log = std::fs::read_to_string(self.store.path().join("log")).unwrap_or_default();
                panic!("nats-server did not answer at {address} in {START:?}:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether a server greets at that address with JetStream on.
fn healthy(address: SocketAddr) -> bool {
    use std::io::{BufRead as _, BufReader};
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    if stream.set_read_timeout(Some(Duration::from_secs(1))).is_err() {
        return false;
    }
    let mut greeting = String::new();
    BufReader::new(stream).read_line(&mut greeting).is_ok() && greeting.contains("\"jetstream\":true")
}

fn write_configuration(store: &Path, port: u16, sync: &str, extra: &str) {
    let configuration = format!(
        "host: 127.0.0.1\nport: {port}\njetstream {{\n  store_dir: {:?}\n  sync_interval: {sync}\n}}\n{extra}\n",
        store.join("jetstream")
    );
    std::fs::write(store.join("nats.conf"), configuration).expect("the configuration file");
}

/// Three nats-servers that form a cluster.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes.
    pub nodes: Vec<Broker>,
}

impl Cluster {
    /// Starts three nodes and returns when each greets; the caller waits until JetStream has a leader.
    ///
    /// # Panics
    /// One did not start.
    pub async fn start() -> Self {
        let routes: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let list = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect::<Vec<_>>().join(", ");
        let mut nodes = Vec::new();
        for (number, route) in routes.iter().enumerate() {
            let extra = format!(
                "server_name: node{number}\ncluster {{\n  name: test\n  host: 127.0.0.1\n  port: {route}\n  routes: [{list}]\n}}"
            );
            nodes.push(Broker::with(&BrokerOptions { extra, ..BrokerOptions::default() }).await);
        }
        Self { nodes }
    }

    /// `host:port` of every node.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Broker::address).collect()
    }
}
