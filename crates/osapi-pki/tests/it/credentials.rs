//! Every way a set of files can be wrong is refused, naming the file.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use osapi_pki::authority::AUTHORITY_VALIDITY;
use osapi_pki::credentials::load;
use osapi_pki::{Authority, Usage};

use crate::set::{Set, client_leaf, days, names, now, server_leaf};

/// Spoils a good set and tells what is then said of it.
fn refusals(usage: Usage, spoil: impl FnOnce(&Set)) -> Vec<String> {
    let set = Set::new();
    spoil(&set);
    let errors = load(&set.files(&usage.to_string()), usage, now()).err().unwrap_or_default();
    assert!(errors.iter().all(|error| !error.hint().is_empty()));
    names(&errors, set.root())
}

fn refusal(spoil: impl FnOnce(&Set)) -> String {
    let mut refusals = refusals(Usage::Server, spoil);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.remove(0)
}

#[test]
fn a_good_set_is_accepted_for_its_use() {
    assert!(refusals(Usage::Server, |_| ()).is_empty());
    assert!(refusals(Usage::Client, |_| ()).is_empty());
}

#[test]
fn a_missing_file_is_named() {
    for name in ["ca.pem", "server.pem", "server.key"] {
        let said = refusal(|set| fs::remove_file(set.path(name)).unwrap());
        assert!(said.starts_with(&format!("`{name}` cannot be read: ")), "{said}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let said = refusals(Usage::Server, |set| {
        set.put("ca.pem", "");
        set.put("server.pem", "hello");
        set.put("server.key", "hello");
    });
    assert_eq!(
        said,
        ["`ca.pem` holds no certificate", "`server.pem` holds no certificate", "`server.key` holds no private key"]
    );
}

#[test]
fn broken_contents_are_refused() {
    let cut = |set: &Set, name: &str| {
        let text = fs::read_to_string(set.path(name)).unwrap();
        set.put(name, &text[..text.len() / 2]);
    };
    for name in ["ca.pem", "server.pem", "server.key"] {
        let said = refusal(|set| cut(set, name));
        assert!(said.starts_with(&format!("`{name}` is not valid PEM")), "{said}");
    }
    let said = refusal(|set| set.put("server.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    assert!(said.starts_with("`server.pem` holds something that cannot be used"), "{said}");
    let said = refusal(|set| set.put("server.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    assert!(said.starts_with("`server.key` holds something that cannot be used"), "{said}");
    assert_eq!(refusal(|set| set.put("ca.pem", &"x".repeat(2 << 20))), "`ca.pem` is larger than 1 MiB");
}

#[test]
fn a_key_everybody_may_read_is_refused() {
    let said = refusal(|set| {
        fs::set_permissions(set.path("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    });
    assert_eq!(said, "`server.key` is a private key that anybody may read (mode 0644)");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let said = refusal(|set| set.put("server.key", &Authority::create(now()).unwrap().own().key_pem));
    assert!(said.starts_with("`server.key` is not the key of `") && said.contains("server.pem"), "{said}");
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let said = refusal(|set| {
        set.put_pair("server", &set.authority.issue(&server_leaf(), now() - days(366)).unwrap());
    });
    assert!(said.starts_with("`server.pem` expired at "), "{said}");
    let said = refusal(|set| {
        set.put_pair("server", &set.authority.issue(&server_leaf(), now() + days(1)).unwrap());
    });
    assert!(said.starts_with("`server.pem` is not valid before "), "{said}");
}

#[test]
fn a_certificate_of_another_authority_is_refused_by_signature_and_not_by_name() {
    let said = refusal(|set| {
        let other = Authority::create(now()).unwrap();
        set.put_pair("server", &other.issue(&server_leaf(), now()).unwrap());
    });
    assert!(said.starts_with("`server.pem` is not signed by an authority in `"), "{said}");
}

#[test]
fn a_certificate_for_another_use_is_refused() {
    let said = refusal(|set| set.put_pair("server", &set.authority.issue(&client_leaf(), now()).unwrap()));
    assert_eq!(said, "`server.pem` is not a server certificate");
    let said = refusals(Usage::Client, |set| {
        set.put_pair("client", &set.authority.issue(&server_leaf(), now()).unwrap());
    });
    assert_eq!(said, ["`client.pem` is not a client certificate"]);
}

#[test]
fn only_authorities_that_have_time_left_are_trusted() {
    let said = refusal(|set| {
        set.put("ca.pem", &set.authority.issue(&server_leaf(), now()).unwrap().certificate_pem);
    });
    assert_eq!(said, "`ca.pem` holds the certificate of `localhost`, which is not an authority's");
    let old = Authority::create(now() - AUTHORITY_VALIDITY - days(1)).unwrap();
    let said = refusal(|set| set.put("ca.pem", &old.own().certificate_pem));
    assert!(said.starts_with("`ca.pem` expired at "), "{said}");
}

#[test]
fn every_authority_in_the_file_counts() {
    let old = Authority::create(now() - AUTHORITY_VALIDITY - days(1)).unwrap();
    let other = Authority::create(now()).unwrap();
    let said = refusals(Usage::Server, |set| {
        let [old, own, other] = [&old, &set.authority, &other].map(|authority| &authority.own().certificate_pem);
        set.put("ca.pem", &format!("{old}{own}{other}"));
        set.put_pair("server", &Authority::issue(&set.authority, &server_leaf(), now()).unwrap());
    });
    assert!(said.is_empty(), "{said:?}");
    let said = refusals(Usage::Server, |set| {
        let [own, other] = [&set.authority, &other].map(|authority| &authority.own().certificate_pem);
        set.put("ca.pem", &format!("{own}{other}"));
        set.put_pair("server", &other_server());
    });
    assert_eq!(said.len(), 1, "a third authority is not trusted: {said:?}");
}

fn other_server() -> osapi_pki::Issued {
    Authority::create(now()).unwrap().issue(&server_leaf(), now()).unwrap()
}
