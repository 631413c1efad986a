//! Tokens: what is in them, how ours are made, and which ones count.
//!
//! HS256 with our own keys, RS256 and ES256 with an identity provider's. What is wrong with a token is for the log; the
//! caller only learns that it does not count.

mod jwks;

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::settings::AuthenticationSettings;
use jwks::Jwks;

/// What our own tokens carry as `iss`.
pub const ISSUER: &str = "osapi";

/// What our own tokens carry as `aud` unless configuration says otherwise.
pub const AUDIENCES: [&str; 2] = ["https://localhost", "http://localhost"];

/// The longest token looked at, in bytes.
pub const MAX_LENGTH: usize = 8192;

/// How far clocks may differ, in seconds.
const CLOCK_SKEW: u64 = 60;

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who.
    pub sub: String,
    /// In which roles.
    pub roles: Vec<String>,
    /// Permissions in place of those of the roles, also when the list is empty: then there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Vec<String>>,
    /// Who made it.
    #[serde(default)]
    pub iss: String,
    /// For whom.
    #[serde(default)]
    pub aud: Audience,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub iat: i64,
    /// From when on it counts, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Until when it counts, in seconds since 1970.
    pub exp: i64,
    /// Its identity, by which it can be revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
}

/// One audience or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Many(AUDIENCES.map(str::to_owned).to_vec())
    }
}

impl Claims {
    /// Claims of a token of ours made `now` for so many seconds, with an identity of its own.
    #[must_use]
    pub fn new(subject: impl Into<String>, roles: Vec<String>, now: Timestamp, lifetime_seconds: i64) -> Self {
        Self {
            sub: subject.into(),
            roles,
            permissions: None,
            iss: ISSUER.to_owned(),
            aud: Audience::default(),
            iat: now.as_second(),
            nbf: Some(now.as_second()),
            exp: now.as_second().saturating_add(lifetime_seconds),
            jti: Some(uuid::Uuid::now_v7().to_string()),
        }
    }
}

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed")]
pub struct IssueError(#[source] jsonwebtoken::errors::Error);

/// Signs a token with HS256; the key is used as its text stands, not decoded.
///
/// # Errors
/// The library refuses the key.
pub fn issue(signing_key: &SecretString, claims: &Claims) -> Result<String, IssueError> {
    let key = EncodingKey::from_secret(signing_key.expose_secret().as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).map_err(IssueError)
}

/// Why a token does not count.
#[derive(Debug, thiserror::Error)]
pub enum TokenFault {
    /// It is longer than any token of ours.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    Oversized,
    /// Nobody we trust signs like this.
    #[error("no key fits its algorithm and key id")]
    NoKey,
    /// Signature, times, issuer, audience or form are wrong.
    #[error("it is not valid")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// It asks for an extension we do not know.
    #[error("it has critical extensions")]
    Critical,
    /// It does not say who.
    #[error("its subject is empty")]
    Subject,
}

/// Why tokens cannot be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is nothing to verify with.
    #[error("there is neither a signing key nor an issuer")]
    None,
    /// Two keys is one rotation; more is a mistake.
    #[error("there are {0} signing keys: at most two, the current one first")]
    TooMany(usize),
    /// Anybody could guess it.
    #[error("a signing key has fewer than 32 characters (hint: `openssl rand -hex 32` makes a strong one)")]
    Short,
    /// The identity provider's keys could not be read.
    #[error("the keys of the issuer at {source_name} could not be read: {reason}")]
    Jwks {
        /// Where they should be.
        source_name: String,
        /// Why.
        reason: String,
    },
}

/// Tells which tokens count.
#[derive(Debug)]
pub struct Verifier {
    keys: Vec<DecodingKey>,
    ours: Validation,
    issuer: Option<(Jwks, Validation)>,
}

impl Verifier {
    /// A verifier with these keys; reads those of the issuer once.
    ///
    /// # Errors
    /// There is no key, a weak one, or the issuer's cannot be read.
    pub async fn new(settings: &AuthenticationSettings) -> Result<Self, KeyError> {
        let keys = &settings.signing_keys;
        if keys.len() > 2 {
            return Err(KeyError::TooMany(keys.len()));
        }
        if keys.iter().any(|key| key.expose_secret().len() < 32) {
            return Err(KeyError::Short);
        }
        let issuer = match &settings.issuer {
            Some(issuer) => {
                let validation = validation(Algorithm::RS256, &issuer.issuer, &[issuer.audience.as_str()]);
                Some((Jwks::load(issuer).await?, validation))
            }
            None if keys.is_empty() => return Err(KeyError::None),
            None => None,
        };
        let audiences: Vec<&str> = if settings.audiences.is_empty() {
            AUDIENCES.to_vec()
        } else {
            settings.audiences.iter().map(String::as_str).collect()
        };
        Ok(Self {
            keys: keys.iter().map(|key| DecodingKey::from_secret(key.expose_secret().as_bytes())).collect(),
            ours: validation(Algorithm::HS256, ISSUER, &audiences),
            issuer,
        })
    }

    /// What the token says, if it counts. Revocation is not looked at.
    ///
    /// # Errors
    /// It does not count.
    pub async fn verify(&self, token: &str) -> Result<Claims, TokenFault> {
        if token.len() > MAX_LENGTH {
            return Err(TokenFault::Oversized);
        }
        let header = jsonwebtoken::decode_header(token).map_err(TokenFault::Invalid)?;
        if header.crit.is_some() {
            return Err(TokenFault::Critical);
        }
        let claims = match (header.alg, &self.issuer) {
            (Algorithm::HS256, _) if !self.keys.is_empty() => self.verify_ours(token)?,
            (Algorithm::RS256 | Algorithm::ES256, Some((jwks, validation))) => {
                let key = jwks.key(header.alg, header.kid.as_deref()).await.ok_or(TokenFault::NoKey)?;
                let validation = Validation { algorithms: vec![header.alg], ..validation.clone() };
                decode(token, &key, &validation)?
            }
            _ => return Err(TokenFault::NoKey),
        };
        if claims.sub.is_empty() { Err(TokenFault::Subject) } else { Ok(claims) }
    }

    fn verify_ours(&self, token: &str) -> Result<Claims, TokenFault> {
        let mut fault = TokenFault::NoKey;
        for key in &self.keys {
            match decode(token, key, &self.ours) {
                Ok(claims) => return Ok(claims),
                Err(TokenFault::Invalid(error)) if *error.kind() == ErrorKind::InvalidSignature => {
                    fault = TokenFault::Invalid(error);
                }
                Err(other) => return Err(other),
            }
        }
        Err(fault)
    }
}

fn decode(token: &str, key: &DecodingKey, validation: &Validation) -> Result<Claims, TokenFault> {
    jsonwebtoken::decode(token, key, validation).map(|data| data.claims).map_err(TokenFault::Invalid)
}

fn validation(algorithm: Algorithm, issuer: &str, audiences: &[&str]) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = CLOCK_SKEW;
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_audience(audiences);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}
