//! The rustls configurations of all our programs: TLS 1.3 only, one provider, no resumption.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
};

use crate::certificate::{CertificateInfo, Identity};
use crate::credentials::{Authorities, Credentials};

const VERSIONS: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The one provider of cryptography. It is always handed over and never installed as a process-wide default.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A server that asks nobody for a certificate, as the REST API with tokens.
///
/// # Errors
/// Never for checked credentials; rustls says so by type only.
pub fn server_config(credentials: &Credentials) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
    Ok(finish(builder.with_no_client_auth(), credentials))
}

/// A server that lets nobody past the handshake without a client certificate of these authorities.
///
/// # Errors
/// Never for checked credentials; rustls says so by type only.
pub fn mutual_server_config(authorities: &Authorities, credentials: &Credentials) -> Result<ServerConfig, Error> {
    asking_server_config(client_verifier(authorities)?, credentials)
}

pub(crate) fn asking_server_config(
    verifier: Arc<dyn ClientCertVerifier>,
    credentials: &Credentials,
) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
    Ok(finish(builder.with_client_cert_verifier(verifier), credentials))
}

/// Who is let in: clients of these authorities that are not on their revocation lists.
///
/// A list whose time is over lets nobody in: whoever keeps the newer one from this host would else have the revoked let in
/// for ever. An authority without a list is another matter, see [`Authorities::with_revocation_lists`].
pub(crate) fn client_verifier(authorities: &Authorities) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let verifier = WebPkiClientVerifier::builder_with_provider(authorities.roots.clone(), provider())
        .with_crls(authorities.lists.iter().map(|list| list.der.clone()))
        .enforce_revocation_expiration()
        .allow_unknown_revocation_status()
        .build();
    Ok(Arc::new(OnlyClients(verifier.map_err(|error| Error::General(error.to_string()))?)))
}

/// Our time as rustls wants it.
pub(crate) fn unix_time(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time.as_second().try_into().unwrap_or(0)))
}

/// A client that trusts these authorities and nobody else, with a certificate of its own where one is given.
///
/// # Errors
/// Never for checked credentials; rustls says so by type only.
pub fn client_config(authorities: &Authorities, credentials: Option<&Credentials>) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS)?;
    let builder = builder.with_root_certificates(authorities.roots.clone());
    Ok(match credentials {
        Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.certified.clone()))),
        None => builder.with_no_client_auth(),
    })
}

/// Who is at the other end, from the certificates it showed.
#[must_use]
pub fn peer(certificates: Option<&[CertificateDer<'_>]>) -> Option<Identity> {
    CertificateInfo::read(certificates?.first()?).ok().map(|info| info.identity)
}

/// The certificates that the other end showed, to be judged again later.
#[must_use]
pub fn shown(certificates: Option<&[CertificateDer<'_>]>) -> Vec<CertificateDer<'static>> {
    certificates.unwrap_or_default().iter().map(|certificate| certificate.clone().into_owned()).collect()
}

fn finish(
    builder: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>,
    credentials: &Credentials,
) -> ServerConfig {
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.certified.clone())));
    // A resumed session is let in on the strength of a check made earlier: not with a certificate that has expired or
    // an authority that was taken away since. Connections are kept open, so tickets would gain little.
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Checks as webpki does, and that the certificate says that it is for clients.
///
/// webpki lets a certificate without any stated purpose pass; with an authority that states none, each host's server
/// certificate would open every other host.
#[derive(Debug)]
struct OnlyClients(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for OnlyClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.0.verify_client_cert(own, intermediates, now)?;
        let info = CertificateInfo::read(own).map_err(|_| CertificateError::BadEncoding)?;
        if info.for_client { Ok(verified) } else { Err(CertificateError::InvalidPurpose.into()) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
