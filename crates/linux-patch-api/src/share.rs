//! How much of the door one address may take up, so that a peer who opens connections and says nothing shuts out itself
//! alone. It knows nothing of connections but their number.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

/// How many connections one address may have open at once.
const CONNECTIONS_MAX: usize = 256;
/// How many handshakes one address may have under way at once; another waits for its turn.
const HANDSHAKES_MAX: usize = 16;

/// The share of one address, for as long as it has a connection.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) handshakes: Semaphore,
}

/// The shares of the addresses that have connections.
#[derive(Debug, Default)]
pub(crate) struct Shares(Mutex<HashMap<IpAddr, Weak<Share>>>);

impl Shares {
    /// The share of an address; there is one for all that ask while it is held. A host has a whole /64 of IPv6 to itself.
    pub(crate) fn of(&self, address: IpAddr) -> Arc<Share> {
        let address = match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(six) => IpAddr::from((six.to_bits() >> 64 << 64).to_be_bytes()),
        };
        let mut shares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&address).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Share {
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            handshakes: Semaphore::new(HANDSHAKES_MAX),
        });
        shares.insert(address, Arc::downgrade(&share));
        share
    }
}
