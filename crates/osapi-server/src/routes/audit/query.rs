//! Which audit entries, and how a bounded look through the trail finds them.

use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use osapi_core::api::AuditPage;
use osapi_core::audit::AuditEntry;
use osapi_jobs::{AuditLog, StoreError};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::fault::Fault;

/// How many are read at once when a filter is given.
const CHUNK: u64 = 512;

/// Which entries, and which part of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    /// Of this user.
    user: Option<String>,
    /// Answered with this HTTP status.
    #[param(minimum = 100, maximum = 599)]
    status: Option<u16>,
    /// Whose path begins like this.
    path: Option<String>,
    /// At or after.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// At most this many, 1 to 1000.
    #[serde(default = "twenty")]
    #[param(required = false, default = 20, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Skip this many first, at most 10000; `cursor`, which goes through the whole trail, goes before it.
    #[serde(default)]
    #[param(required = false, default = 0, maximum = 10_000)]
    offset: usize,
    /// What the part before gave as `next_cursor`.
    #[param(pattern = "^[0-9]{1,15}(-[0-9]{1,5})?$")]
    cursor: Option<String>,
}

const fn twenty() -> usize {
    20
}

/// What the trail must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyQuery {
    /// The `last_hash` of an earlier check: the trail up to there must still be the same.
    #[param(pattern = "^[0-9a-f]{64}$")]
    known_hash: Option<String>,
}

impl VerifyQuery {
    pub(super) fn known_hash(self) -> Result<Option<String>, Fault> {
        let fine = |hash: &str| {
            hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        match self.known_hash {
            Some(hash) if !fine(&hash) => Err(Fault::invalid("`known_hash` must be 64 digits and letters `a` to `f`")
                .with_hint("it is the `last_hash` of an earlier check")),
            known => Ok(known),
        }
    }
}

/// Which entries to export.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// At or after.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl ExportQuery {
    pub(super) fn matches(&self, entry: &AuditEntry) -> bool {
        self.since.is_none_or(|since| entry.timestamp >= since)
            && self.until.is_none_or(|until| entry.timestamp < until)
    }
}

impl AuditQuery {
    fn check(&self) -> Result<(), Fault> {
        if !(1..=1000).contains(&self.limit) {
            return Err(Fault::invalid("`limit` must be 1 to 1000"));
        }
        if self.offset > 10_000 {
            return Err(Fault::invalid("`offset` must be at most 10000").with_hint("use `cursor`"));
        }
        if self.status.is_some_and(|status| !(100..=599).contains(&status)) {
            return Err(Fault::invalid("`status` must be 100 to 599"));
        }
        Ok(())
    }

    /// Where to go on: the place before which the next entry is, and how many matches are still to be skipped.
    fn cursor(&self) -> Result<Option<(u64, usize)>, Fault> {
        let Some(text) = &self.cursor else { return Ok(None) };
        let number = |text: &str, digits: usize| {
            let fine = (1..=digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            if fine { text.parse::<u64>().ok() } else { None }
        };
        let (place, skip) = text.split_once('-').map_or((text.as_str(), "0"), |(place, skip)| (place, skip));
        let read = number(place, 15).zip(number(skip, 5).and_then(|skip| usize::try_from(skip).ok()));
        read.map(Some).ok_or_else(|| Fault::invalid("`cursor` is not one that a list gave"))
    }

    fn matches(&self, entry: &AuditEntry) -> bool {
        self.user.as_ref().is_none_or(|user| entry.user == *user)
            && self.status.is_none_or(|status| entry.response_code == status)
            && self.path.as_ref().is_none_or(|path| entry.path.starts_with(path.as_str()))
            && self.since.is_none_or(|since| entry.timestamp >= since)
            && self.until.is_none_or(|until| entry.timestamp < until)
    }

    const fn filters(&self) -> bool {
        self.user.is_some()
            || self.status.is_some()
            || self.path.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }
}

/// Leaves out what is no entry of ours; a check of the chain tells of it.
pub(super) fn readable(
    entries: BoxStream<'static, Result<AuditEntry, StoreError>>,
) -> impl Stream<Item = Result<AuditEntry, StoreError>> {
    entries.filter(|entry| {
        let unreadable = matches!(entry, Err(StoreError::Unreadable { .. }));
        if unreadable {
            tracing::warn!("the audit trail holds something that is no entry: `audit verify` tells where");
        }
        std::future::ready(!unreadable)
    })
}

/// A part of the trail, newest first. The places of entries never change, so the parts do not shift as entries come.
///
/// It looks at `most` places: when that ends it before the part is full, the cursor goes on from there, with what is
/// still to be skipped.
pub(super) async fn newest_first(log: &AuditLog, query: &AuditQuery, most: u64) -> Result<AuditPage, Fault> {
    query.check()?;
    let extent = log.extent().await?;
    let (mut next, mut skip) = match query.cursor()? {
        Some((cursor, skip)) => (cursor.saturating_sub(1).min(extent.last), skip),
        None => (extent.last, query.offset),
    };
    let lowest = extent.first.max(next.saturating_sub(most).saturating_add(1)).max(1);
    let wanted = (query.limit + skip) as u64;
    let chunk = if query.filters() { CHUNK.max(wanted) } else { wanted };
    let mut items = Vec::new();
    'trail: while next >= lowest && extent.entries > 0 {
        let from = lowest.max(next.saturating_sub(chunk - 1));
        let entries: Vec<AuditEntry> = readable(log.read(from, next)).try_collect().await?;
        next = from - 1;
        for entry in entries.into_iter().rev().filter(|entry| query.matches(entry)) {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let sequence = entry.sequence;
            items.push(entry);
            if items.len() == query.limit {
                next = sequence - 1;
                break 'trail;
            }
        }
    }
    let more = next >= extent.first.max(1) && extent.entries > 0;
    let cursor = if skip > 0 { format!("{}-{skip}", next + 1) } else { (next + 1).to_string() };
    let total_items = (!query.filters()).then_some(extent.entries);
    Ok(AuditPage { total_items, items, next_cursor: more.then_some(cursor) })
}
