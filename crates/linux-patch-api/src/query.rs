//! Query strings, read strictly: a parameter nobody knows is refused by name, and so is one given twice.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde_json::{Map, Value};

use crate::envelope::Problem;

/// The parameters of a request, each a text.
pub(crate) struct Parameters(pub(crate) Map<String, Value>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|error| Problem::invalid(format!("the query is malformed: {error}")))?;
        let mut parameters = Map::new();
        for (name, value) in pairs {
            if parameters.insert(name.clone(), Value::String(value)).is_some() {
                return Err(Problem::invalid(format!("the parameter `{name}` is given twice")));
            }
        }
        Ok(Self(parameters))
    }
}

impl Parameters {
    /// Reads them into a type that refuses unknown fields.
    ///
    /// # Errors
    /// One is unknown or has a wrong value.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(self) -> Result<T, Problem> {
        serde_json::from_value(Value::Object(self.0))
            .map_err(|error| Problem::invalid(format!("the query is wrong: {error}")))
    }
}
