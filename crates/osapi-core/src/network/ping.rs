//! `network.ping.do`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::SearchDomain;
use crate::error::Failure;
use crate::text::written_as_text;

/// Whom to ping and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Ping {
    /// An IPv4 or IPv6 address, or a name.
    pub address: PingAddress,
    /// How many requests, 1 to 100.
    #[serde(default = "three")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 100))]
    pub count: u8,
    /// The time between two requests, 200 to 10000 ms.
    #[serde(default = "second")]
    #[cfg_attr(feature = "schema", schema(minimum = 200, maximum = 10_000))]
    pub interval_ms: u32,
    /// How long to wait for each answer, 100 to 10000 ms.
    #[serde(default = "second")]
    #[cfg_attr(feature = "schema", schema(minimum = 100, maximum = 10_000))]
    pub timeout_ms: u32,
}

impl Ping {
    /// Checks what the types alone do not.
    ///
    /// # Errors
    /// A number is out of its bounds.
    pub fn check(&self) -> Result<(), Failure> {
        if !(1..=100).contains(&self.count) {
            return Err(Failure::invalid("`count` must be 1 to 100"));
        }
        if !(200..=10_000).contains(&self.interval_ms) {
            return Err(Failure::invalid("`interval_ms` must be 200 to 10000"));
        }
        if !(100..=10_000).contains(&self.timeout_ms) {
            return Err(Failure::invalid("`timeout_ms` must be 100 to 10000"));
        }
        Ok(())
    }
}

const fn three() -> u8 {
    3
}

const fn second() -> u32 {
    1000
}

/// An IPv4 or IPv6 address, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PingAddress {
    /// An address.
    Ip(IpAddr),
    /// A name to resolve on the host that pings.
    Name(String),
}

/// Why a text is neither an address nor a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an IP address nor a host name")]
pub struct InvalidPingAddress(String);

impl FromStr for PingAddress {
    type Err = InvalidPingAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        match text.parse::<SearchDomain>() {
            Ok(name) => Ok(Self::Name(name.as_str().to_owned())),
            Err(_) => Err(InvalidPingAddress(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for PingAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Name(name) => formatter.write_str(name),
        }
    }
}

/// How the pings went. Loss is a result, up to and including all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PingStatistics {
    /// The address pinged.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub address: IpAddr,
    /// Requests sent.
    pub packets_sent: u32,
    /// Answers received in time.
    pub packets_received: u32,
    /// Per cent lost, 0 to 100.
    pub packet_loss: f64,
    /// The fastest answer; absent when none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_rtt_ms: Option<f64>,
    /// The mean of the answers; absent when none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avg_rtt_ms: Option<f64>,
    /// The slowest answer; absent when none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rtt_ms: Option<f64>,
}

written_as_text!(PingAddress);

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for PingAddress {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let name = <SearchDomain as utoipa::PartialSchema>::schema();
        super::ip::alternatives().item(name).examples(["192.0.2.1"]).into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for PingAddress {}
