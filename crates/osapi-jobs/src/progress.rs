//! What a host says while it is at it: that it has begun, and lines. Bounded, best effort, and never in the way of the work.

use std::time::Duration;

use jiff::Timestamp;
use osapi_core::{HostName, JobId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::names::Key;
use crate::records::{Event, Line};
use crate::store::Store;

/// How many lines may wait to be sent.
pub(crate) const CHANNEL: usize = 256;

/// Work that is done sooner than this is not worth a record of its beginning.
const WORTH_SAYING: Duration = Duration::from_millis(250);

/// How long lines are gathered before they are sent together.
const GATHER: Duration = Duration::from_millis(300);

/// The most lines in one record; events are numbered within a record, so it must stay below that span.
pub(crate) const LINES_PER_RECORD: usize = 100;

/// The most lines and bytes one host may say about one job.
const LINES: usize = 2_000;
const BYTES: usize = 512 << 10;

/// The longest line; the rest of it is cut off.
const LINE: usize = 4 << 10;

/// How long the last lines may take once the work is done.
const LAST: Duration = Duration::from_secs(2);

/// Whose progress it is.
pub(crate) type Speaker<'a> = (JobId, &'a HostName, Uuid);

/// Sends what comes from `lines` until `done`, and that the work has begun if it takes long enough.
pub(crate) async fn follow(
    store: &Store,
    speaker: Speaker<'_>,
    mut lines: mpsc::Receiver<String>,
    done: &CancellationToken,
) {
    let mut voice = Voice { store, speaker, number: 0, pending: Vec::new(), lines: 0, bytes: 0, omitted: 0 };
    let start = std::pin::pin!(tokio::time::sleep(WORTH_SAYING));
    let mut start = Some(start);
    let mut open = true;
    loop {
        let gathered = !voice.pending.is_empty();
        tokio::select! {
            biased;
            () = done.cancelled() => break,
            () = async { if let Some(start) = start.as_mut() { start.await } }, if start.is_some() => {
                start = None;
                let event = Event::Started { at: Timestamp::now(), instance: speaker.2 };
                // The end of the work does not wait for a broker that is away.
                tokio::select! { () = voice.send(&event) => {}, () = done.cancelled() => break }
            }
            line = lines.recv(), if open && voice.pending.len() < LINES_PER_RECORD => match line {
                Some(line) => voice.hear(&line),
                None => open = false,
            },
            () = tokio::time::sleep(GATHER), if gathered => {
                tokio::select! { () = voice.flush() => {}, () = done.cancelled() => break }
            }
        }
    }
    while let Ok(line) = lines.try_recv() {
        voice.hear(&line);
    }
    voice.say_what_was_omitted();
    let _ = tokio::time::timeout(LAST, voice.flush()).await;
}

struct Voice<'a> {
    store: &'a Store,
    speaker: Speaker<'a>,
    number: u64,
    pending: Vec<Line>,
    lines: usize,
    bytes: usize,
    omitted: usize,
}

impl Voice<'_> {
    fn hear(&mut self, line: &str) {
        let end = (0..=line.len().min(LINE)).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
        self.lines += 1;
        self.bytes += end;
        if self.lines > LINES || self.bytes > BYTES {
            self.omitted += 1;
            return;
        }
        self.pending.push(Line { at: Timestamp::now(), text: line[..end].to_owned() });
    }

    fn say_what_was_omitted(&mut self) {
        if self.omitted > 0 {
            let text = format!("… {} more lines are left out", self.omitted);
            self.pending.push(Line { at: Timestamp::now(), text });
        }
    }

    async fn flush(&mut self) {
        while !self.pending.is_empty() {
            let rest = self.pending.split_off(self.pending.len().min(LINES_PER_RECORD));
            let lines = std::mem::replace(&mut self.pending, rest);
            self.send(&Event::Progress { lines }).await;
        }
    }

    async fn send(&mut self, event: &Event) {
        let (job, host, _) = self.speaker;
        // Its own time as the number: a second run on this host must not write over the first one's events.
        let now = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default();
        self.number = now.max(self.number + 1);
        let Ok(body) = serde_json::to_vec(event) else { return };
        if let Err(fault) = self.store.put(Key::Event(job, host.clone(), self.number), body.into()).await {
            tracing::debug!(%fault, "progress did not get through");
        }
    }
}
