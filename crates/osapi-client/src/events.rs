//! Answers that come line by line: server-sent events and JSON Lines.

use std::collections::VecDeque;

use futures::Stream;
use osapi_core::job::JobEvent;
use reqwest::Response;

use crate::ClientError;
use crate::call::not_understood;

/// The longest line taken, in bytes.
const MAX_LINE: usize = 4 << 20;

/// A body, line by line.
pub(crate) struct Lines {
    response: Response,
    rest: Vec<u8>,
    whole: VecDeque<String>,
}

impl Lines {
    pub(crate) const fn new(response: Response) -> Self {
        Self { response, rest: Vec::new(), whole: VecDeque::new() }
    }

    /// The next line without its end; `None` when there are no more.
    async fn next(&mut self) -> Result<Option<String>, ClientError> {
        loop {
            if let Some(line) = self.whole.pop_front() {
                return Ok(Some(line));
            }
            let url = self.response.url().to_string();
            let chunk = self.response.chunk().await.map_err(|source| ClientError::Unreachable { url, source })?;
            let Some(chunk) = chunk else {
                let rest = std::mem::take(&mut self.rest);
                return if rest.is_empty() { Ok(None) } else { self.text(rest).map(Some) };
            };
            self.rest.extend_from_slice(&chunk);
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.truncate(end);
                let line = self.text(line)?;
                self.whole.push_back(line);
            }
            if self.rest.len() > MAX_LINE {
                return Err(not_understood(self.response.status().as_u16(), "a line is too long", ""));
            }
        }
    }

    fn text(&self, line: Vec<u8>) -> Result<String, ClientError> {
        let text = String::from_utf8(line);
        text.map(|text| text.trim_end_matches('\r').to_owned())
            .map_err(|_| not_understood(self.response.status().as_u16(), "it is not UTF-8", ""))
    }

    /// The lines as a stream, empty ones left out; it ends after the first error.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<String, ClientError>> {
        futures::stream::unfold(Some(self), async |lines| {
            let mut lines = lines?;
            loop {
                match lines.next().await {
                    Ok(Some(line)) if line.is_empty() => {}
                    Ok(Some(line)) => return Some((Ok(line), Some(lines))),
                    Ok(None) => return None,
                    Err(error) => return Some((Err(error), None)),
                }
            }
        })
    }
}

/// What happens to a job, as it happens.
pub struct Events(Lines);

impl std::fmt::Debug for Events {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Events").field(&self.0.response.url().path()).finish()
    }
}

impl Events {
    pub(crate) const fn new(response: Response) -> Self {
        Self(Lines::new(response))
    }

    /// The next event; `None` when the job is final or the server stops. To resume, ask again after the last `sequence`.
    ///
    /// # Errors
    /// The connection broke, or what came is no event.
    pub async fn next(&mut self) -> Result<Option<JobEvent>, ClientError> {
        // Each of our events has exactly one `data` line, which says everything.
        while let Some(line) = self.0.next().await? {
            if let Some(data) = line.strip_prefix("data:") {
                let event = serde_json::from_str(data.trim_start());
                return event.map(Some).map_err(|error| not_understood(200, &error.to_string(), data));
            }
        }
        Ok(None)
    }
}
