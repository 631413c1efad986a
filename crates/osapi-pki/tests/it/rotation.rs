//! A rotation takes the new set whole or not at all.

use osapi_core::outcome::Change;
use osapi_pki::{OwnCertificate, Rotation};

use crate::set::{Set, now, server_leaf};

#[test]
fn a_new_valid_set_is_served_and_the_same_again_changes_nothing() {
    let set = Set::new();
    let (rotation, mut receiver) = Rotation::start(set.files("server"), now()).unwrap();
    let before = receiver.borrow_and_update().certificate.identity.clone();
    assert_eq!(rotation.reload(now()).unwrap(), Change::Unchanged);
    assert!(!receiver.has_changed().unwrap());

    set.put_pair("server", &set.authority.issue(&server_leaf(), now()).unwrap());
    assert_eq!(rotation.reload(now()).unwrap(), Change::Updated);
    assert!(receiver.has_changed().unwrap());
    assert_ne!(receiver.borrow_and_update().certificate.identity, before);
}

#[test]
fn an_invalid_set_keeps_the_old() {
    let set = Set::new();
    let (rotation, mut receiver) = Rotation::start(set.files("server"), now()).unwrap();
    let before = receiver.borrow_and_update().certificate.identity.clone();
    // Half of a rotation: the certificate is new, the key still the old one.
    set.put("server.pem", &set.authority.issue(&server_leaf(), now()).unwrap().certificate_pem);
    let errors = rotation.reload(now()).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(!receiver.has_changed().unwrap());
    assert_eq!(receiver.borrow().certificate.identity, before);
}

#[test]
fn an_authority_that_is_taken_away_counts_as_a_change() {
    let (set, other) = (Set::new(), Set::new());
    let both = [&set.authority, &other.authority].map(|authority| authority.own().certificate_pem.clone()).concat();
    set.put("ca.pem", &both);
    let (rotation, _receiver) = Rotation::start(set.files("server"), now()).unwrap();
    set.put("ca.pem", &set.authority.own().certificate_pem);
    assert_eq!(rotation.reload(now()).unwrap(), Change::Updated);
}

#[test]
fn other_files_are_turned_to_only_when_they_are_valid() {
    let (set, other) = (Set::new(), Set::new());
    let (mut rotation, _receiver) = Rotation::start(set.files("server"), now()).unwrap();
    assert!(rotation.turn_to(other.files("missing"), now()).is_err());
    assert_eq!(*rotation.files(), set.files("server"));
    assert_eq!(rotation.turn_to(other.files("server"), now()).unwrap(), Change::Updated);
    assert_eq!(*rotation.files(), other.files("server"));
}

#[test]
fn a_server_that_asks_for_no_certificate_turns_to_a_new_pair_of_its_own_when_both_halves_are_there() {
    let set = Set::new();
    let files = set.files("server");
    let (mut own, mut receiver) = OwnCertificate::start(files.certificate, files.key, now()).unwrap();
    receiver.mark_unchanged();
    assert_eq!(own.reload(now()).unwrap(), Change::Unchanged);
    let next = set.authority.issue(&server_leaf(), now()).unwrap();
    set.put("server.pem", &next.certificate_pem);
    assert_eq!(own.reload(now()).unwrap_err().len(), 1, "the key is still the old one");
    assert!(!receiver.has_changed().unwrap());
    set.put("server.key", &next.key_pem);
    assert_eq!(own.reload(now()).unwrap(), Change::Updated);
    assert!(receiver.has_changed().unwrap());
}
