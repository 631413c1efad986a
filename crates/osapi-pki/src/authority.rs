//! An authority of one's own and the certificates it issues. Pure: it is told the time and writes no file.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use crate::certificate::CertificateInfo;
use crate::file::FileError;
use crate::serial::Serial;

/// How long server and client certificates are valid.
pub const LEAF_VALIDITY: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How long an authority is valid: ten years, so that replacing it is rare and planned, while what it issues is short.
pub const AUTHORITY_VALIDITY: SignedDuration = SignedDuration::from_hours(3650 * 24);

/// How long a revocation list may be relied on. As long as a certificate, since people renew both by hand: after it nobody
/// is let in by it, and a month forgotten would lock everybody out.
pub const LIST_VALIDITY: SignedDuration = LEAF_VALIDITY;

/// Certificates are valid from a little before they are made, for machines whose clocks are behind.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The longest common name X.509 allows.
const COMMON_NAME_MAX: usize = 64;

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key, PKCS #8. Secret.
    pub key_pem: String,
}

/// What to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// For a server that is reached under these names and addresses; at least one.
    Server {
        /// DNS names and IP addresses.
        names: Vec<String>,
    },
    /// For a client; the name is who the audit trail says it was.
    Client {
        /// 1 to 64 printable characters.
        name: String,
    },
}

/// Why a certificate was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// A server certificate needs to be for something.
    #[error("a server certificate needs at least one name or address")]
    NoNames,
    /// Not a name a server can have.
    #[error("`{0}` is neither a DNS name nor an IP address")]
    InvalidName(String),
    /// Not a name a client can have.
    #[error("`{0}` is not a client's name: 1 to 64 printable ASCII characters")]
    InvalidClient(String),
    /// The authority has no more time to give.
    #[error("the authority expired at {0}")]
    AuthorityExpired(Timestamp),
    /// The cryptography refused.
    #[error("cannot make a certificate")]
    Generate(#[from] rcgen::Error),
    /// What was to be signed with cannot be read.
    #[error("the authority's certificate cannot be used: {0}")]
    Authority(String),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A certificate authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    issued: Issued,
    not_after: Timestamp,
}

impl Authority {
    /// Makes a new authority, valid for ten years, with an ECDSA P-256 key of its own.
    ///
    /// Its name ends in a part of its key's digest, so that two authorities are never mistaken for each other.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn create(now: Timestamp) -> Result<Self, IssueError> {
        let key = KeyPair::generate()?;
        let mut params = params(now, now + AUTHORITY_VALIDITY);
        let name = format!("OSAPI authority {}", short(&params.key_identifier(&key)));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key)?.pem();
        let issued = Issued { certificate_pem, key_pem: key.serialize_pem() };
        Ok(Self { issuer: Issuer::new(params, key), issued, not_after: now + AUTHORITY_VALIDITY })
    }

    /// Takes up an authority made earlier.
    ///
    /// # Errors
    /// The texts are not a certificate of an authority and the key that belongs to it.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, IssueError> {
        let refuse = |why: String| IssueError::Authority(why);
        let der =
            CertificateDer::from_pem_slice(certificate_pem.as_bytes()).map_err(|error| refuse(error.to_string()))?;
        let info = CertificateInfo::read(&der).map_err(|error| refuse(error.to_string()))?;
        let key = KeyPair::from_pem(key_pem)?;
        if !info.is_authority {
            return Err(refuse("it is not an authority's".to_owned()));
        }
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|error| refuse(error.to_string()))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(refuse("the key is another certificate's".to_owned()));
        }
        let issued = Issued { certificate_pem: certificate_pem.to_owned(), key_pem: key_pem.to_owned() };
        Ok(Self { issuer: Issuer::from_ca_cert_der(&der, key)?, issued, not_after: info.not_after })
    }

    /// The authority's own certificate and key.
    #[must_use]
    pub const fn own(&self) -> &Issued {
        &self.issued
    }

    /// Issues a certificate with a new ECDSA P-256 key, valid for one year but never longer than the authority.
    ///
    /// # Errors
    /// A name is wrong, or the authority has expired.
    pub fn issue(&self, leaf: &Leaf, now: Timestamp) -> Result<Issued, IssueError> {
        if now >= self.not_after {
            return Err(IssueError::AuthorityExpired(self.not_after));
        }
        let key = KeyPair::generate()?;
        let mut params = params(now, self.not_after.min(now + LEAF_VALIDITY));
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        match leaf {
            Leaf::Server { names } => name_server(&mut params, names)?,
            Leaf::Client { name } => name_client(&mut params, name)?,
        }
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate_pem, key_pem: key.serialize_pem() })
    }

    /// Signs the list of what is revoked, and since when, as PEM. The number is to be higher than that of the list before.
    ///
    /// # Errors
    /// The authority has expired, or may not sign lists.
    pub fn revocation_list(
        &self,
        number: u64,
        revoked: &BTreeMap<Serial, Timestamp>,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        if now >= self.not_after {
            return Err(IssueError::AuthorityExpired(self.not_after));
        }
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let entry = |(serial, since): (&Serial, &Timestamp)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial.bytes()),
            revocation_time: epoch + since_epoch(*since),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: epoch + since_epoch(now - CLOCK_SKEW),
            next_update: epoch + since_epoch(now + LIST_VALIDITY),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }
}

fn name_server(params: &mut CertificateParams, names: &[String]) -> Result<(), IssueError> {
    let first = names.first().ok_or(IssueError::NoNames)?;
    if let Some(wrong) = names.iter().find(|name| ServerName::try_from(name.as_str()).is_err()) {
        return Err(IssueError::InvalidName(wrong.clone()));
    }
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    // Only people read the common name of a server; a DNS name may be longer than it can be.
    params.distinguished_name.push(DnType::CommonName, first.chars().take(COMMON_NAME_MAX).collect::<String>());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(())
}

fn name_client(params: &mut CertificateParams, name: &str) -> Result<(), IssueError> {
    let fine = (1..=COMMON_NAME_MAX).contains(&name.len()) && name.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if !fine {
        return Err(IssueError::InvalidClient(name.chars().take(80).collect()));
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(())
}

fn params(now: Timestamp, until: Timestamp) -> CertificateParams {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = epoch + since_epoch(now - CLOCK_SKEW);
    params.not_after = epoch + since_epoch(until);
    params
}

/// rcgen wants a calendar of its own; counted from the epoch it needs no second time library here.
fn since_epoch(time: Timestamp) -> Duration {
    Duration::from_secs(time.as_second().try_into().unwrap_or(0))
}

fn short(key_identifier: &[u8]) -> String {
    key_identifier.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(pem: &str) -> CertificateInfo {
        CertificateInfo::read(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap()
    }

    fn now() -> Timestamp {
        "2026-05-27T14:00:00Z".parse().unwrap()
    }

    fn server(names: &[&str]) -> Leaf {
        Leaf::Server { names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    #[test]
    fn each_certificate_is_for_one_thing_and_for_one_year() {
        let authority = Authority::create(now()).unwrap();
        let own = info(&authority.own().certificate_pem);
        assert!(own.is_authority && !own.for_server && !own.for_client);
        assert_eq!(own.not_after.duration_since(now()), AUTHORITY_VALIDITY);

        let issued = authority.issue(&server(&["web-01.example", "192.0.2.7", "2001:db8::7"]), now()).unwrap();
        let server = info(&issued.certificate_pem);
        assert!(server.for_server && !server.for_client && !server.is_authority);
        assert_eq!(server.names, ["web-01.example", "192.0.2.7", "2001:db8::7"]);
        assert_eq!(server.not_after.duration_since(now()), LEAF_VALIDITY);
        assert_eq!(server.issuer, own.identity.common_name);

        let client = info(&authority.issue(&Leaf::Client { name: "ops".to_owned() }, now()).unwrap().certificate_pem);
        assert!(client.for_client && !client.for_server && !client.is_authority);
        assert_eq!(client.identity.common_name, "ops");
        assert_ne!(client.identity.serial, server.identity.serial);
    }

    #[test]
    fn wrong_names_are_refused() {
        let authority = Authority::create(now()).unwrap();
        for leaf in [server(&[]), server(&[""]), server(&["ok.example", "not a name"]), server(&["*.example"])] {
            assert!(authority.issue(&leaf, now()).is_err(), "{leaf:?}");
        }
        for name in ["", "two\nlines", "näme", &"x".repeat(65)] {
            assert!(authority.issue(&Leaf::Client { name: name.to_owned() }, now()).is_err(), "{name}");
        }
    }

    #[test]
    fn an_authority_is_taken_up_again_and_gives_no_time_it_has_not() {
        let made = Authority::create(now() - AUTHORITY_VALIDITY + SignedDuration::from_hours(24)).unwrap();
        let authority = Authority::load(&made.own().certificate_pem, &made.own().key_pem).unwrap();
        let leaf = authority.issue(&server(&["localhost"]), now()).unwrap();
        assert_eq!(info(&leaf.certificate_pem).not_after, now() + SignedDuration::from_hours(24));
        assert!(matches!(
            authority.issue(&server(&["localhost"]), now() + SignedDuration::from_hours(25)),
            Err(IssueError::AuthorityExpired(_))
        ));
    }

    #[test]
    fn only_an_authority_with_its_own_key_is_taken_up() {
        let authority = Authority::create(now()).unwrap();
        let other = Authority::create(now()).unwrap();
        let leaf = authority.issue(&server(&["localhost"]), now()).unwrap();
        assert!(Authority::load(&authority.own().certificate_pem, &other.own().key_pem).is_err());
        assert!(Authority::load(&leaf.certificate_pem, &leaf.key_pem).is_err());
        assert!(Authority::load("nothing", &leaf.key_pem).is_err());
    }
}
