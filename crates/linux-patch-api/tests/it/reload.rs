//! Changed files are taken up while serving, whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::Timestamp;
use osapi_pki::{Authorities, tls};
use osapi_testkit::{wait_for, wait_until};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::agent::{Agent, BOUND};

/// The fingerprint of the certificate the server shows.
async fn shown(agent: &Agent) -> String {
    let place = &agent.place;
    let authorities = Authorities::load(&place.path("certs/ca.pem"), Timestamp::now()).unwrap();
    let config = tls::client_config(&authorities, Some(&place.client("client"))).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", place.port)).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    tls::peer(stream.get_ref().1.peer_certificates()).unwrap().fingerprint_sha256
}

/// Waits until health says that a part of what is on disk is fit, or is not.
async fn part_is(agent: &Agent, part: &str, fit: bool) -> Value {
    wait_for(&format!("`{part}` to be {fit}"), BOUND, async || {
        let data = agent.get("/health").await.body["data"].take();
        (data["checks"][part] == fit).then_some(data)
    })
    .await
}

#[tokio::test]
async fn a_rotation_under_load_loses_no_request() {
    let agent = Agent::start().await;
    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (client, url) = (agent.client.clone(), agent.place.url("/health"));
            let (done, answered) = (done.clone(), answered.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let (before, begun) = (shown(&agent).await, answered.load(Ordering::Relaxed));
        agent.place.renew_server();
        wait_until("the new certificate to be shown", BOUND, async || shown(&agent).await != before).await;
        wait_until("requests to go on", BOUND, async || answered.load(Ordering::Relaxed) > begun + 8).await;
    }
    done.store(true, Ordering::Relaxed);
    for task in load {
        task.await.expect("no request was lost");
    }
    agent.stop().await;
}

#[tokio::test]
async fn a_bad_certificate_keeps_the_old_and_shows_in_health() {
    let agent = Agent::start().await;
    let before = shown(&agent).await;
    let good = std::fs::read_to_string(agent.place.path("certs/server.pem")).unwrap();
    let wrong_ca = std::fs::read_to_string(agent.place.path("certs/ca.pem")).unwrap();
    for bad in ["", "nonsense", &good[..good.len() / 2], &wrong_ca] {
        agent.place.write("certs/server.pem", bad);
        let health = part_is(&agent, "certificates", false).await;
        assert_eq!(health["status"], "degraded");
        assert_eq!(shown(&agent).await, before);
        agent.place.write("certs/server.pem", &good);
        assert_eq!(part_is(&agent, "certificates", true).await["status"], "healthy");
    }
    agent.stop().await;
}

#[tokio::test]
async fn a_bad_whitelist_keeps_the_old() {
    let agent = Agent::start().await;
    for bad in ["entries: [127.0.0.1", "entries:\n  - localhost\n", "allowed:\n  - 127.0.0.1\n"] {
        agent.place.write("whitelist.yaml", bad);
        assert_eq!(part_is(&agent, "whitelist", false).await["status"], "degraded");
        agent.place.write("whitelist.yaml", "entries: [127.0.0.1]\n");
        part_is(&agent, "whitelist", true).await;
    }
    std::fs::remove_file(agent.place.path("whitelist.yaml")).unwrap();
    part_is(&agent, "whitelist", false).await;
    agent.stop().await;
}

#[tokio::test]
async fn a_bad_configuration_changes_nothing_and_a_good_one_all() {
    let agent = Agent::start().await;
    let place = &agent.place;
    // The whitelist it points to is good and would lock us out; the certificates it points to are missing.
    place.write("elsewhere.yaml", "entries: []\n");
    let text = std::fs::read_to_string(place.path("config.yaml")).unwrap();
    let pointing = text.replace("whitelist.yaml", "elsewhere.yaml");
    place.write("config.yaml", &pointing.replace("server.pem", "missing.pem"));
    assert_eq!(part_is(&agent, "configuration", false).await["status"], "degraded");

    place.write("config.yaml", "server: {prot: 1}\n");
    part_is(&agent, "configuration", false).await;

    place.configure("  timeout_seconds: 7\n");
    part_is(&agent, "configuration", true).await;

    place.write("config.yaml", &pointing);
    wait_for("the other whitelist to lock us out", BOUND, async || {
        agent.client.get(place.url("/health")).send().await.err()
    })
    .await;
    agent.stop().await;
}
