//! Ways to the broker: proof, TLS, several addresses, several deployments on one broker, several API servers.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use osapi_core::JobState;
use osapi_jobs::{
    Auth, ConnectError, Connection, ConnectionSettings, Jobs, JobsError, Namespace, RetentionSettings, TlsSettings,
};
use osapi_pki::{Authority, Leaf};
use osapi_testkit::{Broker, BrokerOptions, free_port, wait_until};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fleet, Hands, PATIENCE, api, change, query, settings, start};

pub(crate) fn to(servers: Vec<String>, auth: Auth) -> ConnectionSettings {
    ConnectionSettings {
        servers,
        client_name: "test".to_owned(),
        namespace: Namespace::default(),
        auth,
        tls: None,
        connect_timeout: Duration::from_secs(2),
    }
}

#[tokio::test]
async fn user_and_password_are_asked_for() {
    let extra = "authorization { user: osapi, password: secret }".to_owned();
    let broker = Broker::with(&BrokerOptions { extra, ..BrokerOptions::default() }).await;
    let user = |password: &str| Auth::UserPass { username: "osapi".to_owned(), password: password.to_owned() };
    let connection = Connection::open(to(vec![broker.address()], user("secret"))).await.unwrap();
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    assert!(!format!("{:?}", user("secret")).contains("secret"));
    for auth in [user("wrong"), Auth::None] {
        let error = Connection::open(to(vec![broker.address()], auth)).await.unwrap_err();
        assert!(matches!(&error, ConnectError::Unreachable { .. }), "{error}");
        assert!(!error.to_string().contains("wrong"), "the password is in the error: {error}");
    }
}

#[tokio::test]
async fn an_nkey_is_read_from_its_file() {
    let key = nkeys::KeyPair::new_user();
    let extra = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", key.public_key());
    let broker = Broker::with(&BrokerOptions { extra, ..BrokerOptions::default() }).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{}\n{}", key.seed().unwrap(), key.public_key()).unwrap();
    let auth = Auth::NkeyFile(file.path().to_owned());
    let connection = Connection::open(to(vec![broker.address()], auth)).await.unwrap();
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    let nowhere = Auth::NkeyFile("/nonexistent".into());
    let error = Connection::open(to(vec![broker.address()], nowhere)).await.unwrap_err();
    assert!(error.to_string().contains("/nonexistent"), "{error}");
}

#[tokio::test]
async fn certificates_are_checked_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let now = jiff::Timestamp::now();
    let authority = Authority::create(now).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let pair = |name: &str, leaf: Leaf| {
        let issued = authority.issue(&leaf, now).unwrap();
        (write(&format!("{name}.pem"), &issued.certificate_pem), write(&format!("{name}.key"), &issued.key_pem))
    };
    let ca = write("ca.pem", &authority.own().certificate_pem);
    let (certificate, key) = pair("server", Leaf::Server { names: vec!["127.0.0.1".to_owned()] });
    let identity = pair("client", Leaf::Client { name: "osapi".to_owned() });
    let extra = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}");
    let broker = Broker::with(&BrokerOptions { extra, ..BrokerOptions::default() }).await;
    let with = |ca_file: &std::path::Path, identity: Option<(PathBuf, PathBuf)>| {
        let tls = Some(TlsSettings { ca_file: Some(ca_file.to_owned()), identity });
        Connection::open(ConnectionSettings { tls, ..to(vec![broker.address()], Auth::None) })
    };
    let connection = with(&ca, Some(identity.clone())).await.unwrap();
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    let stranger = write("stranger.pem", &Authority::create(now).unwrap().own().certificate_pem);
    assert!(with(&stranger, Some(identity)).await.is_err(), "a broker of another authority");
    assert!(with(&ca, None).await.is_err(), "the broker asks for a certificate");
}

#[tokio::test]
async fn any_of_several_addresses_will_do() {
    let broker = Broker::start().await;
    let nobody = format!("127.0.0.1:{}", free_port());
    let connection = Connection::open(to(vec![nobody.clone(), broker.address()], Auth::None)).await.unwrap();
    assert!(connection.is_connected());
    let error = Connection::open(to(vec![nobody.clone()], Auth::None)).await.unwrap_err();
    assert!(error.to_string().contains(&nobody), "{error}");
}

#[tokio::test]
async fn two_deployments_share_a_broker_and_nothing_else() {
    let fleet = Fleet::with(Broker::start().await, "one", RetentionSettings::default()).await;
    let connection = crate::fleet::connect(&[fleet.broker.address()], "two").await;
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    let two = api(connection.clone(), fleet.shutdown.clone()).await;
    let (ones, twos) = (Hands::default(), Hands::default());
    let _one = fleet.worker("web-01", &ones).await;
    let _two = start(connection, settings("web-01", &[]), twos.clone());
    wait_until("the other's worker", PATIENCE, async || two.workers().len() == 1).await;
    for text in ["_any", "_all", "web-01"] {
        fleet.jobs.run(change(text), PATIENCE).await.unwrap();
    }
    two.run(change("_all"), PATIENCE).await.unwrap();
    assert_eq!((ones.total(), twos.total()), (3, 1));
    assert_eq!((fleet.jobs.stats().total_jobs, two.stats().total_jobs), (3, 1));
}

#[tokio::test]
async fn preparing_twice_changes_nothing_and_other_limits_are_taken_over() {
    let fleet = Fleet::start().await;
    let connection = fleet.connection().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    let limit = async || {
        let client = async_nats::connect(fleet.broker.address()).await.unwrap();
        let mut stream = async_nats::jetstream::new(client).get_stream("KV_job-queue").await.unwrap();
        stream.info().await.unwrap().config.max_bytes
    };
    let ack_wait = async || {
        let client = async_nats::connect(fleet.broker.address()).await.unwrap();
        let consumer: Result<PullConsumer, _> =
            async_nats::jetstream::new(client).get_consumer_from_stream("any-query", "JOBS").await;
        consumer.unwrap().cached_info().config.ack_wait
    };
    let before = limit().await;
    let held = RetentionSettings::default().ack_wait;
    let _another = fleet.worker("web-02", &hands).await;
    assert_eq!(ack_wait().await, held, "workers, however they are set, leave what they share alone");
    let other = RetentionSettings { max_bytes: 1 << 20, ack_wait: 2 * held, ..RetentionSettings::default() };
    connection.join(&other).await.unwrap();
    assert_eq!((limit().await, ack_wait().await), (before, held), "a worker leaves the limits alone");
    connection.prepare(&other).await.unwrap();
    assert!(limit().await < before && ack_wait().await == 2 * held);
    fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    assert_eq!(fleet.jobs.stats().total_jobs, 2);
}

#[tokio::test]
async fn without_its_streams_an_engine_is_not_ready_and_says_why() {
    let broker = Broker::start().await;
    let connection = crate::fleet::connect(&[broker.address()], "").await;
    let shutdown = CancellationToken::new();
    let jobs = Jobs::start(connection.clone(), shutdown.clone()).await.unwrap();
    assert!(!jobs.ready().await.unwrap_err().is_empty());
    assert!(matches!(jobs.submit(query("_any")).await, Err(JobsError::Unavailable(_))));
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    wait_until("readiness", PATIENCE, async || jobs.ready().await.is_ok()).await;
    let names: Vec<_> = jobs.components().await.into_iter().map(|part| part.name).collect();
    assert!(names.contains(&"stream:JOBS".to_owned()), "{names:?}");
    shutdown.cancel();
}

#[tokio::test]
async fn a_job_whose_submitter_died_before_it_handed_it_out_runs_all_the_same() {
    let fleet = Fleet::start().await;
    let hands = Hands::default();
    let _worker = fleet.worker("web-01", &hands).await;
    // A submitter that died: its record is there, its notification is not.
    let done = fleet.jobs.run(change("web-01"), PATIENCE).await.unwrap();
    let client = async_nats::connect(fleet.broker.address()).await.unwrap();
    let store = async_nats::jetstream::new(client).get_key_value("job-queue").await.unwrap();
    let record = store.get(format!("jobs.{}", done.id)).await.unwrap().unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let id = uuid::Uuid::now_v7().to_string();
    record["id"] = id.clone().into();
    store.put(format!("jobs.{id}"), record.to_string().into()).await.unwrap();
    let id = id.parse().unwrap();
    let detail = fleet.jobs.wait(id, PATIENCE).await.unwrap();
    assert_eq!((detail.status, hands.count(id)), (JobState::Completed, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_still_being_built_says_nothing_wrong() {
    let fleet = Fleet::start().await;
    let (hands, gate) = Hands::gated();
    let _worker = fleet.worker("web-01", &hands).await;
    let mut submitted = Vec::new();
    for _ in 0..300 {
        submitted.push(fleet.jobs.submit(query("_any")).await.unwrap().job_id);
    }
    gate.add_permits(submitted.len());
    for job in &submitted {
        assert_eq!(fleet.jobs.wait(*job, PATIENCE).await.unwrap().status, JobState::Completed);
    }
    let another = Jobs::start(fleet.connection().await, fleet.shutdown.clone()).await.unwrap();
    wait_until("readiness", PATIENCE, async || {
        // Without a pause, to catch it in the midst.
        for _ in 0..200 {
            match another.get(submitted[0]).await {
                Ok(detail) => assert_eq!(detail.status, JobState::Completed),
                Err(error) => assert!(matches!(error, JobsError::Unavailable(_)), "{error}"),
            }
            tokio::task::yield_now().await;
        }
        another.ready().await.is_ok()
    })
    .await;
}
