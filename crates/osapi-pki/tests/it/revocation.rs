//! What an authority takes back: the list it keeps, whom it refuses to revoke, and whom a server then turns away.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use osapi_core::outcome::Change;
use osapi_pki::authority::LIST_VALIDITY;
use osapi_pki::credentials::load;
use osapi_pki::folder::{self, Revocation, RevokeError, Revoked};
use osapi_pki::{CertificateFiles, Rotation, Usage, tls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::handshake::shake;
use crate::set::{Set, client_leaf, days, names, now};

fn revoke(set: &Set, name: &str) -> Result<Revoked, RevokeError> {
    folder::revoke(set.root(), &Revocation::Certificate(set.path(name)), now())
}

fn checked(set: &Set) -> CertificateFiles {
    CertificateFiles { revoked: Some(set.path("crl.pem")), ..set.files("server") }
}

fn opens(set: &Set, stem: &str) -> Result<(), String> {
    let (authorities, server) = load(&checked(set), Usage::Server, now()).unwrap();
    let own = load(&set.files(stem), Usage::Client, now()).unwrap().1;
    let server = Arc::new(tls::mutual_server_config(&authorities, &server).unwrap());
    shake(&server, tls::client_config(&authorities, Some(&own)).unwrap()).map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_revoked_certificate_does_not_open_and_another_does() {
    let set = Set::new();
    folder::issue(set.root(), "second", &client_leaf(), now()).unwrap();
    assert_eq!((opens(&set, "client"), opens(&set, "second")), (Ok(()), Ok(())));
    let first = revoke(&set, "second.pem").unwrap();
    assert_eq!((first.change, first.number, first.total), (Change::Updated, 2, 1));
    let said = opens(&set, "second").unwrap_err();
    assert!(said.contains("Revoked"), "{said}");
    assert_eq!(opens(&set, "client"), Ok(()));
    let info = &folder::show(&set.path("second.pem")).unwrap()[0];
    assert!(folder::revoked_since(&set.path("second.pem"), info).unwrap().is_some());
}

#[test]
fn the_list_keeps_what_was_on_it_and_asking_twice_changes_nothing() {
    let set = Set::new();
    revoke(&set, "client.pem").unwrap();
    let text = fs::read(set.path("crl.pem")).unwrap();
    assert_eq!(revoke(&set, "client.pem").unwrap().change, Change::Unchanged);
    let info = &folder::show(&set.path("client.pem")).unwrap()[0];
    let serial = info.identity.serial.to_uppercase().parse().unwrap();
    let again = folder::revoke(set.root(), &Revocation::Serial(serial), now()).unwrap();
    assert_eq!(again.change, Change::Unchanged);
    assert_eq!(fs::read(set.path("crl.pem")).unwrap(), text);

    let other = folder::revoke(set.root(), &Revocation::Serial("ff01".parse().unwrap()), now()).unwrap();
    assert_eq!((other.change, other.number, other.total), (Change::Updated, 3, 2));
    assert!(opens(&set, "client").is_err());
    assert_eq!(fs::metadata(set.path("crl.pem")).unwrap().permissions().mode() & 0o777, 0o644);

    let renewed = folder::revoke(set.root(), &Revocation::Nothing, now() + days(30)).unwrap();
    assert_eq!((renewed.change, renewed.number, renewed.total), (Change::Updated, 4, 2));
    fs::remove_file(set.path("crl.pem")).unwrap();
    assert_eq!(revoke(&set, "client.pem").unwrap().change, Change::Created);
}

#[test]
fn what_is_not_the_authoritys_to_revoke_is_refused_and_the_list_stays() {
    let (set, other) = (Set::new(), Set::new());
    let text = fs::read(set.path("crl.pem")).unwrap();
    fs::copy(other.path("client.pem"), set.path("foreign.pem")).unwrap();
    assert!(matches!(revoke(&set, "foreign.pem"), Err(RevokeError::Foreign { .. })));
    assert!(matches!(revoke(&set, "ca.pem"), Err(RevokeError::OwnCertificate)));
    let own = &folder::show(&set.path("ca.pem")).unwrap()[0];
    let own = Revocation::Serial(own.identity.serial.parse().unwrap());
    assert!(matches!(folder::revoke(set.root(), &own, now()), Err(RevokeError::OwnCertificate)));
    assert!(revoke(&set, "missing.pem").is_err() && revoke(&set, "ca.key").is_err());

    let held = fs::File::open(set.path("ca.key")).unwrap();
    held.lock().unwrap();
    assert!(matches!(revoke(&set, "client.pem"), Err(RevokeError::Busy(_))));
    drop(held);
    assert_eq!(fs::read(set.path("crl.pem")).unwrap(), text);

    fs::copy(other.path("crl.pem"), set.path("crl.pem")).unwrap();
    let said = revoke(&set, "client.pem").unwrap_err().to_string();
    assert!(said.contains("is not signed by an authority"), "{said}");
    assert_eq!(fs::read(set.path("crl.pem")).unwrap(), fs::read(other.path("crl.pem")).unwrap());
}

#[test]
fn a_list_that_cannot_be_relied_on_is_refused() {
    let set = Set::new();
    let refused = |expected: &str| {
        let said = names(&load(&checked(&set), Usage::Server, now()).unwrap_err(), set.root());
        assert!(matches!(said.as_slice(), [one] if one.starts_with(expected)), "{expected}: {said:?}");
    };
    let at = |time| set.authority.revocation_list(7, &BTreeMap::new(), time).unwrap();
    let cases = [
        ("nothing".to_owned(), "`crl.pem` holds no certificate revocation list"),
        (tampered(&set), "`crl.pem` is not signed by an authority"),
        (fs::read_to_string(Set::new().path("crl.pem")).unwrap(), "`crl.pem` is not signed by an authority"),
        (at(now() - LIST_VALIDITY - days(1)), "`crl.pem` is a revocation list that was to be renewed by"),
        (at(now() + days(1)), "`crl.pem` is not valid before"),
    ];
    for (contents, expected) in cases {
        set.put("crl.pem", &contents);
        refused(expected);
    }
    fs::remove_file(set.path("crl.pem")).unwrap();
    refused("`crl.pem` cannot be read");
}

/// The list with another signature: its last bytes, on the last line, are changed.
fn tampered(set: &Set) -> String {
    let text = fs::read_to_string(set.path("crl.pem")).unwrap();
    let (before, last) =
        text.trim_end().rsplit_once("\n-----END").map(|(body, _)| body.rsplit_once('\n').unwrap()).unwrap();
    let other = if last.starts_with('A') { 'B' } else { 'A' };
    format!("{before}\n{other}{}\n-----END X509 CRL-----\n", &last[1..])
}

#[test]
fn a_list_ends_open_connections_by_a_reload_and_a_bad_one_changes_nothing() {
    let set = Set::new();
    let (rotation, receiver) = Rotation::start(checked(&set), now()).unwrap();
    let shown = [CertificateDer::from_pem_file(set.path("client.pem")).unwrap()];
    let admits = || receiver.borrow().admits(&shown, now());
    assert!(admits().is_ok());
    let good = fs::read_to_string(set.path("crl.pem")).unwrap();
    revoke(&set, "client.pem").unwrap();
    let revoking = fs::read_to_string(set.path("crl.pem")).unwrap();
    set.put("crl.pem", &tampered(&set));
    assert!(rotation.reload(now()).is_err() && admits().is_ok());
    set.put("crl.pem", &revoking);
    assert_eq!(rotation.reload(now()).unwrap(), Change::Updated);
    assert!(admits().unwrap_err().to_string().contains("Revoked"));
    set.put("crl.pem", &good);
    assert_eq!(rotation.reload(now()).unwrap(), Change::Updated);
    let late = receiver.borrow().revocations_until.unwrap() + days(1);
    assert!(receiver.borrow().admits(&shown, late).is_err(), "an old list lets nobody in");
}

#[test]
fn an_authority_without_a_list_is_let_in_beside_one_with() {
    let (set, other) = (Set::new(), Set::new());
    let both = [&set, &other].map(|set| set.authority.own().certificate_pem.clone()).concat();
    set.put("ca.pem", &both);
    let (authorities, server) = load(&checked(&set), Usage::Server, now()).unwrap();
    let server = Arc::new(tls::mutual_server_config(&authorities, &server).unwrap());
    let own = load(&other.files("client"), Usage::Client, now()).unwrap().1;
    assert!(shake(&server, tls::client_config(&authorities, Some(&own)).unwrap()).is_ok());
}
