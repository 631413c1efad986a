//! `/api/v1/network`.

use osapi_core::Target;
use osapi_core::api::Collection;
use osapi_core::network::{DnsSettings, DnsUpdate, DnsUpdated, InterfaceName, Ping, PingStatistics};
use reqwest::Method;

use crate::system::escaped;
use crate::{Answer, Client, ClientError};

impl Client {
    /// Reads name servers and search domains, of one interface or of the default route's.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn network_dns(
        &self,
        target: &Target,
        interface: Option<&InterfaceName>,
    ) -> Result<Answer<Collection<DnsSettings>>, ClientError> {
        match interface {
            Some(interface) => self.read(&format!("/api/v1/network/dns/{}", escaped(interface.as_str())), target).await,
            None => self.read("/api/v1/network/dns", target).await,
        }
    }

    /// Sets name servers or search domains of one interface.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn network_dns_update(
        &self,
        target: &Target,
        update: &DnsUpdate,
    ) -> Result<Answer<Collection<DnsUpdated>>, ClientError> {
        self.call(Method::PUT, "/api/v1/network/dns").query("target", target).body(update).json(&[]).await
    }

    /// Sends ICMP echo requests from the hosts.
    ///
    /// # Errors
    /// As [`ClientError`] says; for one host also when that host failed.
    pub async fn network_ping(
        &self,
        target: &Target,
        ping: &Ping,
    ) -> Result<Answer<Collection<PingStatistics>>, ClientError> {
        self.post("/api/v1/network/ping").query("target", target).body(ping).json(&[]).await
    }
}
