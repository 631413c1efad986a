//! What one may ask about and change of a network: inputs and outcomes of the `network.*` operations.

mod dns;
mod interface_name;
#[cfg(feature = "schema")]
pub mod ip;
mod ping;

pub use dns::{DnsMechanism, DnsQuery, DnsSettings, DnsUpdate, DnsUpdated, SearchDomain};
pub use interface_name::InterfaceName;
pub use ping::{Ping, PingAddress, PingStatistics};
