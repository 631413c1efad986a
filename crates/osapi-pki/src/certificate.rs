//! What a certificate says, in our own words. It judges nothing.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::serial::Serial;

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// By a server, towards clients.
    Server,
    /// By a client, towards servers.
    Client,
}

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

/// Who a certificate stands for: what logs and the audit trail name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Identity {
    /// The common name of the subject; empty where there is none. Chosen by the authority, so it may be any text.
    pub common_name: String,
    /// The serial number, lower-case hex.
    pub serial: String,
    /// SHA-256 of the whole certificate, lower-case hex. Two certificates never share it.
    pub fingerprint_sha256: String,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateInfo {
    /// Who it stands for.
    #[serde(flatten)]
    pub identity: Identity,
    /// The common name of who signed it.
    pub issuer: String,
    /// Not valid before this.
    pub not_before: Timestamp,
    /// Not valid after this.
    pub not_after: Timestamp,
    /// Whether it may sign other certificates.
    pub is_authority: bool,
    /// Whether it says that it is for servers.
    pub for_server: bool,
    /// Whether it says that it is for clients.
    pub for_client: bool,
    /// The names and addresses it is valid for.
    pub names: Vec<String>,
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate: {0}")]
pub struct NotACertificate(String);

impl CertificateInfo {
    /// Reads a certificate.
    ///
    /// # Errors
    /// The bytes are not one X.509 certificate, or hold a time that cannot be.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, NotACertificate> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| NotACertificate(error.to_string()))?;
        if !rest.is_empty() {
            return Err(NotACertificate("bytes follow it".to_owned()));
        }
        let time = |seconds: i64| Timestamp::from_second(seconds).map_err(|error| NotACertificate(error.to_string()));
        let purposes = parsed.extended_key_usage().map_err(|error| NotACertificate(error.to_string()))?;
        let purposes = purposes.map(|extension| extension.value);
        Ok(Self {
            identity: Identity {
                common_name: common_name(parsed.subject()),
                serial: Serial::from_bytes(parsed.raw_serial()).to_string(),
                fingerprint_sha256: hex(&Sha256::digest(der)),
            },
            issuer: common_name(parsed.issuer()),
            not_before: time(parsed.validity().not_before.timestamp())?,
            not_after: time(parsed.validity().not_after.timestamp())?,
            is_authority: parsed.is_ca(),
            for_server: purposes.is_some_and(|purposes| purposes.server_auth),
            for_client: purposes.is_some_and(|purposes| purposes.client_auth),
            names: names(&parsed),
        })
    }
}

pub(crate) fn common_name(name: &x509_parser::x509::X509Name<'_>) -> String {
    name.iter_common_name().next().and_then(|found| found.as_str().ok()).unwrap_or_default().to_owned()
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().filter_map(name_text).collect()
}

fn name_text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        for bytes in [&b""[..], b"hello", &[0x30, 0x03, 0x02, 0x01, 0x01]] {
            assert!(CertificateInfo::read(&CertificateDer::from(bytes)).is_err(), "{bytes:?}");
        }
    }
}
