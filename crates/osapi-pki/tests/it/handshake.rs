//! Who gets past a handshake and who does not.

use std::sync::Arc;

use osapi_pki::credentials::{Credentials, load};
use osapi_pki::{Authorities, Authority, Usage, tls};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};

use crate::set::{Set, client_leaf, days, now, server_leaf};

/// Carries what each side says to the other until both are done or one refuses.
pub(crate) fn shake(server: &Arc<ServerConfig>, client: ClientConfig) -> Result<ServerConnection, rustls::Error> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = Connection::from(ClientConnection::new(Arc::new(client), name).unwrap());
    let mut server = Connection::from(ServerConnection::new(server.clone()).unwrap());
    for _ in 0..8 {
        carry(&mut client, &mut server)?;
        carry(&mut server, &mut client)?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking(), "the handshake stands still");
    match server {
        Connection::Server(server) => Ok(server),
        Connection::Client(_) => unreachable!("made as a server above"),
    }
}

fn carry(from: &mut Connection, to: &mut Connection) -> Result<(), rustls::Error> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut bytes = bytes.as_slice();
    while !bytes.is_empty() {
        to.read_tls(&mut bytes).unwrap();
        to.process_new_packets()?;
    }
    Ok(())
}

fn mutual(set: &Set) -> Arc<ServerConfig> {
    let (authorities, own) = load(&set.files("server"), Usage::Server, now()).unwrap();
    Arc::new(tls::mutual_server_config(&authorities, &own).unwrap())
}

fn trusted(set: &Set) -> Authorities {
    Authorities::load(&set.path("ca.pem"), now()).unwrap()
}

fn roots(set: &Set) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(set.path("ca.pem")).unwrap()).unwrap();
    roots
}

fn refused(server: &Set, client: ClientConfig) -> String {
    shake(&mutual(server), client).expect_err("the client got in").to_string()
}

#[test]
fn a_client_certificate_opens_and_names_its_holder() {
    let set = Set::new();
    let (authorities, own) = load(&set.files("client"), Usage::Client, now()).unwrap();
    let connection = shake(&mutual(&set), tls::client_config(&authorities, Some(&own)).unwrap()).unwrap();
    assert_eq!(connection.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(tls::peer(connection.peer_certificates()).unwrap(), own.info.identity);
    assert_eq!(own.info.identity.common_name, "ops");
}

#[test]
fn without_a_certificate_nobody_gets_in() {
    let set = Set::new();
    let said = refused(&set, tls::client_config(&trusted(&set), None).unwrap());
    assert!(said.contains("no certificate"), "{said}");
}

#[test]
fn a_certificate_of_another_authority_does_not_open() {
    let (set, other) = (Set::new(), Set::new());
    let own = Credentials::load(&other.path("client.pem"), &other.path("client.key"), Usage::Client, now()).unwrap();
    // rustls keeps a certificate back when the server names other authorities, so the client answers with none.
    let said = refused(&set, tls::client_config(&trusted(&set), Some(&own)).unwrap());
    assert!(said.contains("certificate"), "{said}");
}

#[test]
fn an_expired_certificate_does_not_open() {
    let set = Set::new();
    let past = now() - days(400);
    set.put_pair("client", &set.authority.issue(&client_leaf(), past).unwrap());
    let own = Credentials::load(&set.path("client.pem"), &set.path("client.key"), Usage::Client, past).unwrap();
    let said = refused(&set, tls::client_config(&trusted(&set), Some(&own)).unwrap());
    assert!(said.contains("expired"), "{said}");
}

#[test]
fn the_server_certificate_of_another_host_does_not_open() {
    let set = Set::new();
    set.put_pair("other", &set.authority.issue(&server_leaf(), now()).unwrap());
    std::fs::set_permissions(set.path("other.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let own = Credentials::load(&set.path("other.pem"), &set.path("other.key"), Usage::Server, now()).unwrap();
    let said = refused(&set, tls::client_config(&trusted(&set), Some(&own)).unwrap());
    assert!(said.contains("extended key usage"), "{said}");
}

#[test]
fn a_certificate_that_does_not_say_what_it_is_for_does_not_open() {
    let set = Set::new();
    let text = |name: &str| std::fs::read_to_string(set.path(name)).unwrap();
    let authority = KeyPair::from_pem(&text("ca.key")).unwrap();
    let authority = Issuer::from_ca_cert_pem(&text("ca.pem"), authority).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().signed_by(&key, &authority).unwrap();
    let client = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots(&set))
        .with_client_auth_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let said = refused(&set, client);
    assert!(said.contains("InvalidPurpose") || said.contains("purpose"), "{said}");
}

#[test]
fn tls_1_2_is_refused() {
    let set = Set::new();
    let old = ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots(&set))
        .with_no_client_auth();
    let said = refused(&set, old);
    assert!(said.contains("TLS") || said.contains("Tls"), "{said}");
}

#[test]
fn a_client_trusts_only_the_authority_it_was_given() {
    let (set, other) = (Set::new(), Set::new());
    let own = load(&set.files("client"), Usage::Client, now()).unwrap().1;
    let stranger = Authorities::load(&other.path("ca.pem"), now()).unwrap();
    let said = shake(&mutual(&set), tls::client_config(&stranger, Some(&own)).unwrap()).unwrap_err().to_string();
    assert!(said.contains("UnknownIssuer"), "{said}");
}

#[test]
fn no_ticket_lets_a_session_be_resumed() {
    let set = Set::new();
    let (authorities, own) = load(&set.files("client"), Usage::Client, now()).unwrap();
    let (server, client) = (mutual(&set), tls::client_config(&authorities, Some(&own)).unwrap());
    for _ in 0..2 {
        let connection = shake(&server, client.clone()).unwrap();
        assert_eq!(connection.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}

#[test]
fn a_server_without_client_certificates_lets_in_who_trusts_it() {
    let set = Set::new();
    let own = Credentials::load(&set.path("server.pem"), &set.path("server.key"), Usage::Server, now()).unwrap();
    let server = Arc::new(tls::server_config(&own).unwrap());
    assert!(shake(&server, tls::client_config(&trusted(&set), None).unwrap()).is_ok());
    let stranger = Authority::create(now()).unwrap();
    set.put("other.pem", &stranger.own().certificate_pem);
    let stranger = Authorities::load(&set.path("other.pem"), now()).unwrap();
    assert!(shake(&server, tls::client_config(&stranger, None).unwrap()).is_err());
}
