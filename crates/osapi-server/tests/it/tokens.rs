//! Tokens that must not count, and those that must.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use osapi_core::Permission;
use osapi_core::api::RevokeToken;
use osapi_server::token::{Audience, Claims, issue};
use osapi_testkit::{wait_for, wait_until};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::fleet::{Fleet, KEY, PATIENCE, claims, serve_another, sign};

/// Something every token that counts may read.
const PATH: &str = "/api/v1/version";

fn encode(header: &Header, claims: &impl serde::Serialize, key: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
}

fn unsigned(header: &Value, claims: &Claims) -> String {
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", part(header.to_string()), part(serde_json::to_string(claims).unwrap()))
}

/// Every way of being wrong that has a name.
fn bad_tokens() -> Vec<(&'static str, String)> {
    let good = claims(&["admin"], &[]);
    let now = Timestamp::now().as_second();
    let hs256 = Header::new(Algorithm::HS256);
    let without = |claim: &str| {
        let mut value = serde_json::to_value(&good).unwrap();
        value.as_object_mut().unwrap().remove(claim);
        encode(&hs256, &value, KEY)
    };
    let with = |change: &dyn Fn(&mut Claims)| {
        let mut claims = good.clone();
        change(&mut claims);
        sign(&claims)
    };
    let mut critical = hs256.clone();
    critical.crit = Some(vec!["exp".to_owned()]);
    vec![
        ("no dots", "token".to_owned()),
        ("alg none", unsigned(&json!({"alg": "none", "typ": "JWT"}), &good)),
        ("alg None", unsigned(&json!({"alg": "None"}), &good)),
        ("no signature", sign(&good).rsplit_once('.').unwrap().0.to_owned() + "."),
        ("HS384", encode(&Header::new(Algorithm::HS384), &good, KEY)),
        ("HS512", encode(&Header::new(Algorithm::HS512), &good, KEY)),
        ("another key", encode(&hs256, &good, &KEY.replace('0', "1"))),
        ("critical extension", encode(&critical, &good, KEY)),
        ("oversized", with(&|claims| claims.sub = "x".repeat(9000))),
        ("expired", with(&|claims| claims.exp = now - 90)),
        ("not yet", with(&|claims| claims.nbf = Some(now + 120))),
        ("wrong issuer", with(&|claims| claims.iss = "mallory".to_owned())),
        ("wrong audience", with(&|claims| claims.aud = Audience::One("https://example.com".to_owned()))),
        ("empty subject", with(&|claims| claims.sub.clear())),
        ("no exp", without("exp")),
        ("no iss", without("iss")),
        ("no aud", without("aud")),
        ("no sub", without("sub")),
        ("no roles", without("roles")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_must_not_count_do_not_and_all_get_one_answer() {
    let fleet = Fleet::start().await;
    let mut answers = std::collections::BTreeSet::new();
    for (name, token) in bad_tokens() {
        let (status, mut answer) = fleet.send("GET", PATH, Some(&token), None).await;
        assert_eq!(status, 401, "{name}: {answer}");
        answer.as_object_mut().unwrap().remove("request_id");
        answers.insert(answer.to_string());
    }
    assert_eq!(answers.len(), 1, "the answers tell an attacker what is wrong: {answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_must_count_do() {
    let fleet = Fleet::start().await;
    let now = Timestamp::now().as_second();
    let status = async |change: &dyn Fn(&mut Claims)| {
        let mut claims = claims(&["admin"], &[]);
        change(&mut claims);
        fleet.send("GET", PATH, Some(&sign(&claims)), None).await.0
    };
    assert_eq!(status(&|_| {}).await, 200);
    assert_eq!(status(&|claims| claims.exp = now - 30).await, 200, "expired within the skew");
    assert_eq!(status(&|claims| claims.nbf = Some(now + 30)).await, 200, "not yet, within the skew");
    assert_eq!(status(&|claims| claims.aud = Audience::One("http://localhost".to_owned())).await, 200);
    assert_eq!(status(&|claims| claims.jti = None).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_one_bearer_header_does_not_count() {
    let fleet = Fleet::start().await;
    let token = sign(&claims(&["admin"], &[]));
    let http = reqwest::Client::new();
    let status = async |headers: &[&str]| {
        let mut request = http.get(fleet.url(PATH));
        for header in headers {
            request = request.header("authorization", *header);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let (bearer, lower, basic) = (format!("Bearer {token}"), format!("bearer {token}"), format!("Basic {token}"));
    assert_eq!(status(&[&bearer]).await, 200);
    assert_eq!(status(&[&lower]).await, 200, "schemes are compared without case");
    assert_eq!(status(&[&basic]).await, 401);
    assert_eq!(status(&[&token]).await, 401);
    assert_eq!(status(&[&bearer, &bearer]).await, 401);
    let answer = http.get(fleet.url(PATH)).send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_count_while_they_are_rotated() {
    let old = SecretString::from(KEY.replace('f', "e"));
    let fleet = Fleet::with(|settings| settings.authentication.signing_keys.push(old.clone())).await;
    let by_old = issue(&old, &claims(&["read"], &[])).unwrap();
    assert_eq!(fleet.send("GET", PATH, Some(&by_old), None).await.0, 200);
    assert_eq!(fleet.send("GET", PATH, Some(&sign(&claims(&["read"], &[]))), None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_counts_on_no_server_and_not_after_a_restart() {
    let fleet = Fleet::start().await;
    let (other, _served) = serve_another(&fleet.connection, &fleet.shutdown, |_| {}).await;
    let claims = claims(&["admin"], &[]);
    let token = sign(&claims);
    let answers = async |address: std::net::SocketAddr, wanted: u16| {
        let request = reqwest::Client::new().get(format!("http://{address}{PATH}")).bearer_auth(&token);
        request.send().await.is_ok_and(|answer| answer.status().as_u16() == wanted)
    };
    wait_until("the other server", PATIENCE, async || answers(other, 200).await).await;
    let revoke = RevokeToken { token_id: claims.jti.clone().unwrap(), reason: Some("lost".to_owned()) };
    let revoked = fleet.admin().token_revoke(&revoke).await.unwrap();
    assert_eq!(revoked.value.revoked_by, "tester@example.com");
    assert!(answers(fleet.address, 401).await);
    wait_until("the other server to hear of it", PATIENCE, async || answers(other, 401).await).await;
    let (third, _served) = serve_another(&fleet.connection, &fleet.shutdown, |_| {}).await;
    wait_until("a third server", PATIENCE, async || answers(third, 401).await).await;
    let list = fleet.admin().token_revocation_list().await.unwrap().value.items;
    assert_eq!(list.iter().map(|item| &item.token_id).collect::<Vec<_>>(), [&revoke.token_id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_the_list_of_revoked_tokens_is_told_it_again() {
    let fleet = Fleet::start().await;
    let revoke = RevokeToken { token_id: "stolen".to_owned(), reason: None };
    fleet.admin().token_revoke(&revoke).await.unwrap();
    let answer = fleet.say("$JS.API.STREAM.DELETE.KV_osapi-token-revocations", "").await;
    assert!(answer.contains("\"success\":true"), "{answer}");
    let kept = async || {
        let list = fleet.say("$JS.API.STREAM.INFO.KV_osapi-token-revocations", "").await;
        list.contains("\"messages\":1")
    };
    wait_until("the list to be there again", PATIENCE, kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_roles_work() {
    let fleet = Fleet::with(|settings| {
        settings.roles.insert("watcher".to_owned(), [Permission::JobRead].into());
        settings.roles.insert("read".to_owned(), [Permission::HealthRead].into());
    })
    .await;
    let status = async |role: &str, path: &str| fleet.send("GET", path, Some(&fleet.token(&[role], &[])), None).await.0;
    assert_eq!(status("watcher", "/api/v1/jobs").await, 200);
    assert_eq!(status("watcher", "/health/status").await, 403);
    assert_eq!(status("read", "/health/status").await, 200, "a built-in role can be redefined");
    assert_eq!(status("read", "/api/v1/jobs").await, 403);
    assert_eq!(status("unheard-of", "/api/v1/jobs").await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_cannot_use_up_the_server() {
    let fleet = Fleet::with(|settings| settings.limits.per_token = Some(0.1)).await;
    let (busy, other) = (fleet.token(&["read"], &[]), fleet.token(&["read"], &[]));
    let http = reqwest::Client::new();
    let ask = async || http.get(fleet.url(PATH)).bearer_auth(&busy).send().await.unwrap();
    assert_eq!(ask().await.status(), 200);
    let refused = wait_for("a refusal", PATIENCE, async || Some(ask().await).filter(|it| it.status() == 429)).await;
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=10).contains(&after), "{after}");
    assert_eq!(fleet.send("GET", PATH, Some(&other), None).await.0, 200);
}
