//! Lists of revoked certificates: what one says and whose word it is. It signs none; that is the authority's.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use crate::certificate::common_name;
use crate::file::{self, FileError, Problem};
use crate::serial::Serial;

/// A certificate revocation list of one authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// The common name of the authority that it says it is of.
    pub issuer: String,
    /// Grows with each list of the authority.
    pub number: u64,
    /// Not valid before this.
    pub this_update: Timestamp,
    /// Not to be relied on after this.
    pub next_update: Timestamp,
    /// What is revoked, and since when.
    pub revoked: BTreeMap<Serial, Timestamp>,
    pub(crate) der: CertificateRevocationListDer<'static>,
}

impl RevocationList {
    /// Every list in a PEM file, in order; at least one. Nothing of them is verified yet.
    pub(crate) fn read_all(path: &Path) -> Result<Vec<Self>, FileError> {
        let bytes = file::read(path)?;
        let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        let found = found.map_err(|error| FileError::new(path, Problem::Malformed(error.to_string())))?;
        if found.is_empty() {
            return Err(FileError::new(path, Problem::NoRevocationList));
        }
        let unusable = |why| FileError::new(path, Problem::Unusable(why));
        found.iter().map(|der| Self::parse(der).map_err(unusable)).collect()
    }

    fn parse(der: &CertificateRevocationListDer<'static>) -> Result<Self, String> {
        let time = |seconds: i64| Timestamp::from_second(seconds).map_err(|error| error.to_string());
        let parsed = parsed(der)?;
        let next_update = parsed.next_update().ok_or("the list does not say until when it is valid")?;
        let number = parsed.crl_number().ok_or("the list has no number")?;
        let revoked = parsed
            .iter_revoked_certificates()
            .map(|entry| Ok((Serial::from_bytes(entry.raw_serial()), time(entry.revocation_date.timestamp())?)));
        Ok(Self {
            issuer: common_name(parsed.issuer()),
            number: number.try_into().map_err(|_| "the number of the list is too large")?,
            this_update: time(parsed.last_update().timestamp())?,
            next_update: time(next_update.timestamp())?,
            revoked: revoked.collect::<Result<_, String>>()?,
            der: der.clone(),
        })
    }

    /// Whether one of these authorities signed it.
    pub(crate) fn is_signed_by(&self, authorities: &[CertificateDer<'_>]) -> bool {
        let Ok(list) = parsed(&self.der) else { return false };
        authorities.iter().any(|der| {
            X509Certificate::from_der(der).is_ok_and(|(_, authority)| {
                authority.subject().as_raw() == list.issuer().as_raw()
                    && list.verify_signature(authority.public_key()).is_ok()
            })
        })
    }

    /// Whether it may be relied on now.
    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), Problem> {
        if now > self.next_update {
            return Err(Problem::ListExpired(self.next_update));
        }
        if now < self.this_update { Err(Problem::NotYetValid(self.this_update)) } else { Ok(()) }
    }
}

fn parsed<'a>(der: &'a CertificateRevocationListDer<'_>) -> Result<CertificateRevocationList<'a>, String> {
    let (rest, parsed) = CertificateRevocationList::from_der(der).map_err(|error| error.to_string())?;
    if rest.is_empty() { Ok(parsed) } else { Err("bytes follow the list".to_owned()) }
}
