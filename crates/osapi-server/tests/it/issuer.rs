//! Tokens of an identity provider: RS256 and ES256 by its published keys.

use std::path::Path;
use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use osapi_server::token::{Audience, Claims};
use osapi_server::{IssuerSettings, JwksSource};
use rcgen::KeyPair;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fleet::{Fleet, claims, sign};

/// A key of the provider.
struct Key {
    algorithm: Algorithm,
    id: &'static str,
    pair: KeyPair,
}

impl Key {
    fn new(algorithm: Algorithm, id: &'static str) -> Self {
        let kind = if algorithm == Algorithm::ES256 { &rcgen::PKCS_ECDSA_P256_SHA256 } else { &rcgen::PKCS_RSA_SHA256 };
        Self { algorithm, id, pair: KeyPair::generate_for(kind).unwrap() }
    }

    fn encoding(&self) -> EncodingKey {
        let pem = self.pair.serialize_pem();
        let key = if self.algorithm == Algorithm::ES256 { EncodingKey::from_ec_pem } else { EncodingKey::from_rsa_pem };
        key(pem.as_bytes()).unwrap()
    }

    fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.encoding(), self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        jwk
    }

    fn sign(&self, claims: &Claims) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.to_owned());
        jsonwebtoken::encode(&header, claims, &self.encoding()).unwrap()
    }
}

fn set(keys: &[&Key]) -> String {
    serde_json::to_string(&JwkSet { keys: keys.iter().map(|key| key.public()).collect() }).unwrap()
}

fn issuer(jwks: JwksSource, refresh: Duration) -> IssuerSettings {
    IssuerSettings { jwks, issuer: "https://id.example.com".to_owned(), audience: "osapi".to_owned(), refresh }
}

fn theirs() -> Claims {
    Claims {
        iss: "https://id.example.com".to_owned(),
        aud: Audience::One("osapi".to_owned()),
        ..claims(&["read"], &[])
    }
}

async fn status(fleet: &Fleet, token: &str) -> u16 {
    fleet.send("GET", "/api/v1/version", Some(token), None).await.0
}

fn keep(path: &Path, keys: &[&Key]) {
    std::fs::write(path, set(keys)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_provider_count_beside_ours_and_confused_ones_do_not() {
    let (ec, rsa) = (Key::new(Algorithm::ES256, "ec-1"), Key::new(Algorithm::RS256, "rsa-1"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    keep(&path, &[&ec, &rsa]);
    let settings = issuer(JwksSource::File(path.clone()), Duration::from_secs(3600));
    let fleet = Fleet::with(|server| server.authentication.issuer = Some(settings)).await;
    assert_eq!(status(&fleet, &ec.sign(&theirs())).await, 200);
    assert_eq!(status(&fleet, &rsa.sign(&theirs())).await, 200);
    assert_eq!(status(&fleet, &sign(&claims(&["read"], &[]))).await, 200, "ours count too");
    let wrong_issuer = Claims { iss: "osapi".to_owned(), ..theirs() };
    assert_eq!(status(&fleet, &ec.sign(&wrong_issuer)).await, 401);
    let wrong_audience = Claims { aud: Audience::One("other".to_owned()), ..theirs() };
    assert_eq!(status(&fleet, &ec.sign(&wrong_audience)).await, 401);
    assert_eq!(status(&fleet, &sign(&theirs())).await, 401, "our key does not sign for the provider");
    let stranger = Key::new(Algorithm::ES256, "ec-1");
    assert_eq!(status(&fleet, &stranger.sign(&theirs())).await, 401, "another key under the same name");
    // Confusion of algorithms: the public key, which everybody has, taken for the secret of an HMAC.
    let public = serde_json::to_string(&rsa.public()).unwrap();
    for secret in [public.as_bytes(), rsa.pair.public_key_pem().as_bytes()] {
        let header = Header { kid: Some("rsa-1".to_owned()), ..Header::new(Algorithm::HS256) };
        let forged = jsonwebtoken::encode(&header, &theirs(), &EncodingKey::from_secret(secret)).unwrap();
        assert_eq!(status(&fleet, &forged).await, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_found_and_old_ones_go() {
    let (old, new) = (Key::new(Algorithm::ES256, "2025"), Key::new(Algorithm::ES256, "2026"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    keep(&path, &[&old]);
    let settings = issuer(JwksSource::File(path.clone()), Duration::ZERO);
    let fleet = Fleet::with(|server| server.authentication.issuer = Some(settings)).await;
    assert_eq!(status(&fleet, &old.sign(&theirs())).await, 200);
    assert_eq!(status(&fleet, &new.sign(&theirs())).await, 401);
    keep(&path, &[&new]);
    assert_eq!(status(&fleet, &new.sign(&theirs())).await, 200);
    assert_eq!(status(&fleet, &old.sign(&theirs())).await, 401);
    std::fs::write(&path, "garbage").unwrap();
    assert_eq!(status(&fleet, &new.sign(&theirs())).await, 200, "what cannot be read changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_an_address_too() {
    let key = Key::new(Algorithm::RS256, "web");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let body = set(&[&key]);
    let provider = async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    };
    let settings = issuer(JwksSource::Url(url), Duration::from_secs(3600));
    let asking = async {
        let fleet = Fleet::with(|server| server.authentication.issuer = Some(settings)).await;
        assert_eq!(status(&fleet, &key.sign(&theirs())).await, 200);
    };
    tokio::select! { () = asking => {} () = provider => {} }
}
