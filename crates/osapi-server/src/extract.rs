//! Reading a request: path, query and body, each refused by name when it is not what the document says.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use osapi_core::Target;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::IntoParams;

use crate::fault::Fault;

/// The query, every parameter known.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        match query {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(Fault::invalid(format!("the query is wrong: {}", cause(&rejection)))),
        }
    }
}

/// No query at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Whom an operation is for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetQuery {
    /// Whom it is for: `_any` worker, `_all`, a host, or a label such as `group:web.dev`.
    #[serde(default = "any", alias = "target_hostname")]
    #[param(required = false, default = "_any")]
    pub(crate) target: Target,
}

const fn any() -> Target {
    Target::Any
}

/// A part of the path.
pub(crate) struct Part<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Part<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let part: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        match part {
            Ok(Path(part)) => Ok(Self(part)),
            Err(rejection) => Err(Fault::invalid(format!("the path is wrong: {}", cause(&rejection)))),
        }
    }
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        read(&bytes(request, state).await?).map(Self)
    }
}

/// A JSON body, or none, which counts as an empty object.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let json = is_json(request.headers());
        let bytes = bytes(request, state).await?;
        match (bytes.is_empty(), json) {
            (true, _) => Ok(Self(T::default())),
            (false, false) => Err(not_json()),
            (false, true) => read::<Option<T>>(&bytes).map(|body| Self(body.unwrap_or_default())),
        }
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<bytes::Bytes, Fault> {
    bytes::Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Fault::invalid("the body is larger than this server accepts").with_status(StatusCode::PAYLOAD_TOO_LARGE)
        }
        _ => Fault::invalid("the body could not be read to its end"),
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    // Derived readers take an array for a struct, field by field; nobody means that.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Fault::invalid("the body is wrong: it must be an object, not an array"));
    }
    let fault = match strictly(bytes) {
        Ok(value) => return Ok(value),
        Err(fault) => fault,
    };
    // To JSON `3.0` is the integer 3; to serde it is not.
    let whole = serde_json::from_slice(bytes).ok().and_then(whole_numbers);
    whole.and_then(|value| serde_json::from_value(value).ok()).ok_or(fault)
}

/// The value with whole numbers written as integers; `None` when there was nothing to change.
fn whole_numbers(value: Value) -> Option<Value> {
    fn walk(value: Value, changed: &mut bool) -> Value {
        match value {
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
                Some(float) if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 => {
                    *changed = true;
                    Value::from(float as i64)
                }
                Some(_) | None => Value::Number(number),
            },
            Value::Array(items) => items.into_iter().map(|item| walk(item, changed)).collect(),
            Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, walk(field, changed))).collect(),
            Value::Null | Value::Bool(_) | Value::String(_) => value,
        }
    }
    let mut changed = false;
    let value = walk(value, &mut changed);
    changed.then_some(value)
}

fn strictly<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => Fault::invalid(format!("the body is wrong: {}", error.inner())),
            path => Fault::invalid(format!("`{path}` in the body is wrong: {}", error.inner())),
        }
    })?;
    deserializer.end().map_err(|error| Fault::invalid(format!("the body is wrong: {error}")))?;
    Ok(value)
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn not_json() -> Fault {
    Fault::invalid("the body must be JSON, with `Content-Type: application/json`")
        .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// The innermost cause of a rejection, which names the field.
fn cause(rejection: &dyn std::error::Error) -> String {
    let mut cause = rejection;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
