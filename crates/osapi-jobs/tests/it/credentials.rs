//! A broker whose users come with a credentials file, as `nsc` writes it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use osapi_jobs::{Auth, Connection, RetentionSettings};
use osapi_testkit::{Broker, BrokerOptions};
use serde_json::{Value, json};

use crate::servers::to;

/// A NATS claim about `subject`, signed by `issuer`.
fn claim(issuer: &KeyPair, subject: &KeyPair, nats: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "jti": "test", "iat": 1, "iss": issuer.public_key(), "sub": subject.public_key(), "name": "test", "nats": nats,
    });
    let text = format!("{}.{}", encode(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

#[tokio::test]
async fn a_credentials_file_opens_the_door() {
    let (operator, system, account, user) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account(), KeyPair::new_user());
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let of_operator = claim(&operator, &operator, &json!({"type": "operator", "version": 2}));
    let of_system = claim(&operator, &system, &json!({"type": "account", "version": 2}));
    let of_account = claim(&operator, &account, &json!({"type": "account", "version": 2, "limits": limits}));
    let of_user = claim(&account, &user, &json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}));
    let extra = format!(
        "operator: {of_operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n {}: {of_system}\n {}: {of_account}\n}}",
        system.public_key(),
        system.public_key(),
        account.public_key(),
    );
    let broker = Broker::with(&BrokerOptions { extra, ..BrokerOptions::default() }).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(
        file,
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    )
    .unwrap();
    let auth = Auth::CredentialsFile(file.path().to_owned());
    let connection = Connection::open(to(vec![broker.address()], auth)).await.unwrap();
    connection.prepare(&RetentionSettings::default()).await.unwrap();
    assert!(Connection::open(to(vec![broker.address()], Auth::None)).await.is_err());
}
