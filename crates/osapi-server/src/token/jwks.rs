//! The public keys of an identity provider: read from a file or an address, kept, and read again when they are old or
//! when a token names one that is not among them.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use super::KeyError;
use crate::settings::{IssuerSettings, JwksSource};

/// An unknown key id makes us look again at most this often, so that forged tokens do not become a flood of requests.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How long reading may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The largest key set read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// The keys.
#[derive(Debug)]
pub(super) struct Jwks {
    source: JwksSource,
    refresh: Duration,
    known: RwLock<Known>,
    /// Held while reading, so that one reads and the others wait for it.
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Known {
    keys: Vec<Key>,
    read_at: Instant,
}

#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Jwks {
    pub(super) async fn load(settings: &IssuerSettings) -> Result<Self, KeyError> {
        let keys = read(&settings.jwks).await?;
        Ok(Self {
            source: settings.jwks.clone(),
            refresh: settings.refresh,
            known: RwLock::new(Known { keys, read_at: Instant::now() }),
            reading: Mutex::new(()),
        })
    }

    /// The key a token names. Without a name, the only one of that algorithm.
    pub(super) async fn key(&self, algorithm: Algorithm, id: Option<&str>) -> Option<DecodingKey> {
        let (found, age) = self.find(algorithm, id);
        let wanted_at_most = if found.is_some() { self.refresh } else { LOOK_AGAIN.min(self.refresh) };
        if age <= wanted_at_most {
            return found;
        }
        let _reading = self.reading.lock().await;
        if self.find(algorithm, id).1 > wanted_at_most {
            self.read_again().await;
        }
        self.find(algorithm, id).0
    }

    /// Where reading fails, the keys we have go on counting; their age starts anew, so that a dead provider is asked
    /// no more often than a live one.
    async fn read_again(&self) {
        let read = read(&self.source).await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.read_at = Instant::now();
        match read {
            Ok(keys) => known.keys = keys,
            Err(error) => tracing::warn!(%error, "the keys we have go on counting"),
        }
    }

    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> (Option<DecodingKey>, Duration) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting =
            known.keys.iter().filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let found = match (fitting.next(), fitting.next()) {
            (Some(only), None) => Some(only.key.clone()),
            _ => None,
        };
        (found, known.read_at.elapsed())
    }
}

async fn read(source: &JwksSource) -> Result<Vec<Key>, KeyError> {
    let name = match source {
        JwksSource::File(path) => path.display().to_string(),
        JwksSource::Url(url) => url.clone(),
    };
    let fail = |reason: String| KeyError::Jwks { source_name: name.clone(), reason };
    let bytes = match source {
        JwksSource::File(path) => tokio::fs::read(path).await.map_err(|error| fail(error.to_string()))?,
        JwksSource::Url(url) => tokio::time::timeout(PATIENCE, fetch(url))
            .await
            .map_err(|_| fail("no answer in time".to_owned()))?
            .map_err(|error| fail(error.to_string()))?,
    };
    let set: JwkSet = serde_json::from_slice(&bytes).map_err(|error| fail(error.to_string()))?;
    let keys: Vec<Key> = set.keys.iter().filter_map(key).collect();
    if keys.is_empty() { Err(fail("there is no RS256 or ES256 key in it".to_owned())) } else { Ok(keys) }
}

async fn fetch(url: &str) -> Result<Vec<u8>, reqwest::Error> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let mut response = client.get(url).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > MAX_BYTES {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Keys for other uses and other algorithms are passed over: they are not for us.
fn key(jwk: &jsonwebtoken::jwk::Jwk) -> Option<Key> {
    use jsonwebtoken::jwk::{EllipticCurve, KeyAlgorithm, PublicKeyUse};
    if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        _ => return None,
    };
    let stated = match jwk.common.key_algorithm {
        None => algorithm,
        Some(KeyAlgorithm::RS256) => Algorithm::RS256,
        Some(KeyAlgorithm::ES256) => Algorithm::ES256,
        Some(_) => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (stated == algorithm).then(|| Key { id: jwk.common.key_id.clone(), algorithm, key })
}
