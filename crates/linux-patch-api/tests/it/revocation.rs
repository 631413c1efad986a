//! Certificates that were taken back.

use std::fs;

use jiff::Timestamp;
use linux_patch_api::Prepared;
use osapi_pki::Leaf;
use osapi_pki::folder::{self, Revocation};
use osapi_testkit::wait_for;

use crate::agent::{Agent, BOUND};
use crate::place::Place;

/// A place where a second client is and the revocation list is looked at.
fn place() -> Place {
    let place = Place::new();
    folder::issue(&place.path("certs"), "second", &Leaf::Client { name: "second".to_owned() }, Timestamp::now())
        .unwrap();
    let text = fs::read_to_string(place.path("config.yaml")).unwrap();
    let list = format!("tls:\n  crl_path: {}\n", place.path("certs/crl.pem").display());
    place.write("config.yaml", &text.replacen("tls:\n", &list, 1));
    place
}

#[tokio::test]
async fn a_revoked_client_is_refused_and_cut_off_while_others_are_served() {
    let agent = Agent::start_at(place()).await;
    let place = &agent.place;
    let second = place.client("second");
    let (kept, fresh) = (place.http(Some(&second), true), place.http(Some(&second), false));
    for client in [&kept, &fresh] {
        assert_eq!(client.get(place.url("/health")).send().await.unwrap().status(), 200);
    }
    // A list that nobody signed, as one cut short by a full disk, changes nothing.
    let good = fs::read_to_string(place.path("certs/crl.pem")).unwrap();
    place.write("certs/crl.pem", &good[..good.len() / 2]);
    wait_for("health to tell of the bad list", BOUND, async || {
        let checks = agent.get("/health").await.body["data"]["checks"].take();
        (checks["certificates"] == false && checks["revocation_list_expires_at"].is_string()).then_some(())
    })
    .await;
    assert_eq!(fresh.get(place.url("/health")).send().await.unwrap().status(), 200);

    place.write("certs/crl.pem", &good);
    let what = Revocation::Certificate(place.path("certs/second.pem"));
    folder::revoke(&place.path("certs"), &what, Timestamp::now()).unwrap();
    for client in [&kept, &fresh] {
        wait_for("the revoked to be refused", BOUND, async || client.get(place.url("/health")).send().await.err())
            .await;
    }
    let answer = agent.get("/health").await;
    assert_eq!((answer.status, &answer.body["data"]["checks"]["certificates"]), (200, &true.into()));
    agent.stop().await;
}

#[tokio::test]
async fn a_bad_list_refuses_the_start() {
    let place = place();
    for bad in ["", "nonsense", &fs::read_to_string(Place::new().path("certs/crl.pem")).unwrap()] {
        place.write("certs/crl.pem", bad);
        let said = Prepared::load(place.source(), Timestamp::now()).err().unwrap().to_string();
        assert!(said.contains("crl.pem` ") && said.contains("hint: "), "{said}");
    }
    fs::remove_file(place.path("certs/crl.pem")).unwrap();
    let said = Prepared::load(place.source(), Timestamp::now()).err().unwrap().to_string();
    assert!(said.contains("crl.pem` cannot be read"), "{said}");
}
