//! One call: the request, trying again, and reading the answer.

use std::time::Duration;

use osapi_core::api::Problem;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Client, ClientError};

/// The largest answer read, in bytes.
const MAX_BYTES: usize = 256 << 20;

/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest pause a server may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// An answer: what it says, and the body as it came.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The HTTP status.
    pub status: u16,
    /// What it says.
    pub value: T,
    /// The body as it came.
    pub text: String,
}

/// A request in the making.
pub(crate) struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Result<String, serde_json::Error>>,
    headers: Vec<(&'static str, String)>,
    /// Doing it twice is the same as doing it once.
    idempotent: bool,
}

impl Client {
    pub(crate) fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        let idempotent = method == Method::GET;
        Call { client: self, method, path: path.into(), query: Vec::new(), body: None, headers: Vec::new(), idempotent }
    }

    pub(crate) fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::POST, path)
    }
}

impl Call<'_> {
    pub(crate) fn query(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn query_if(self, name: &'static str, value: Option<&impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub(crate) fn body(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_string(body));
        self
    }

    /// Tries again as reading calls do, if so: the server knows the second request for the first.
    pub(crate) fn again_if(mut self, idempotent: bool) -> Self {
        self.idempotent |= idempotent;
        self
    }

    /// Sends it and reads a JSON answer. `also` are statuses beside the good ones whose body is an answer too.
    pub(crate) async fn json<T: DeserializeOwned>(self, also: &[StatusCode]) -> Result<Answer<T>, ClientError> {
        let response = self.send(also).await?;
        let (status, text) = (response.status().as_u16(), text(&self.client.url, response).await?);
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Answer { status, value, text }),
            Err(error) => Err(not_understood(status, &error.to_string(), &text)),
        }
    }

    /// Sends it and reads a text.
    pub(crate) async fn text(self) -> Result<String, ClientError> {
        let response = self.send(&[]).await?;
        text(&self.client.url, response).await
    }

    /// Sends it and expects nothing.
    pub(crate) async fn nothing(self) -> Result<(), ClientError> {
        self.send(&[]).await.map(drop)
    }

    /// Sends it and hands out the answer as it comes, for as long as it comes.
    pub(crate) async fn stream(self) -> Result<Response, ClientError> {
        self.send(&[]).await
    }

    async fn send(&self, also: &[StatusCode]) -> Result<Response, ClientError> {
        let attempts = if self.idempotent { self.client.retries + 1 } else { 1 };
        let mut pause = PAUSE;
        for left in (0..attempts).rev() {
            let sent = tokio::time::timeout(self.client.timeout, self.request()?.send()).await;
            let (error, wait) = match sent {
                Ok(Ok(response)) if response.status().is_success() || also.contains(&response.status()) => {
                    return Ok(response);
                }
                Ok(Ok(response)) => {
                    let wait = wait(&response);
                    let error = refused(&self.client.url, response).await;
                    match wait {
                        Some(wait) => (error, wait),
                        None => return Err(error),
                    }
                }
                Ok(Err(source)) => (ClientError::Unreachable { url: self.client.url.clone(), source }, pause),
                Err(_) => return Err(ClientError::Timeout { url: self.client.url.clone() }),
            };
            if left == 0 {
                return Err(error);
            }
            tracing::debug!(%error, "trying again");
            tokio::time::sleep(wait.max(pause)).await;
            pause *= 2;
        }
        // There is always one attempt, and the last one returns.
        Err(ClientError::Timeout { url: self.client.url.clone() })
    }

    fn request(&self) -> Result<RequestBuilder, ClientError> {
        let url = format!("{}{}", self.client.url, self.path);
        let mut request = self.client.http.request(self.method.clone(), url).headers(self.client.headers.clone());
        if !self.query.is_empty() {
            request = request.query(&self.query);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        match &self.body {
            Some(Ok(body)) => Ok(request.header("content-type", "application/json").body(body.clone())),
            Some(Err(error)) => Err(not_understood(0, &error.to_string(), "")),
            None => Ok(request),
        }
    }
}

/// How long the server asks to wait, where trying again may help.
fn wait(response: &Response) -> Option<Duration> {
    let again = matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    again.then(|| Duration::from_secs(seconds).min(MAX_PAUSE))
}

async fn refused(url: &str, response: Response) -> ClientError {
    let status = response.status().as_u16();
    let text = match text(url, response).await {
        Ok(text) => text,
        Err(error) => return error,
    };
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => ClientError::Refused { status, problem: Box::new(problem), text },
        Err(error) => not_understood(status, &error.to_string(), &text),
    }
}

async fn text(url: &str, mut response: Response) -> Result<String, ClientError> {
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > MAX_BYTES => {
                return Err(not_understood(status, "it is too large", ""));
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(source) => return Err(ClientError::Unreachable { url: url.to_owned(), source }),
        }
    }
    String::from_utf8(bytes).map_err(|_| not_understood(status, "it is not UTF-8", ""))
}

pub(crate) fn not_understood(status: u16, reason: &str, text: &str) -> ClientError {
    ClientError::Answer { status, reason: reason.to_owned(), text: text.chars().take(4096).collect() }
}
