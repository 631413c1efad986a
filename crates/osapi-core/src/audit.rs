//! The audit trail's entries and the chain that ties them together.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::AuditVerification;
use crate::job::JobId;

/// One request and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// Its place in the trail; 0 until it is written.
    #[serde(default)]
    pub sequence: u64,
    /// Its identity.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub id: Uuid,
    /// When the request came.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub timestamp: Timestamp,
    /// Who asked; empty when that was not proved.
    pub user: String,
    /// The roles in the token.
    pub roles: Vec<String>,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The operation of the API document; absent when no route matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// Where it came from.
    pub source_ip: String,
    /// The HTTP status answered.
    pub response_code: u16,
    /// How long the answer took.
    pub duration_ms: u64,
    /// The job it made or was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// For whom, as asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The request's identity, as answered in `X-Request-Id`.
    pub request_id: String,
    /// What was to be changed, secrets left out, at most 2048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The hash of the entry before this one in its chain; empty for the first.
    #[serde(default)]
    pub previous_hash: String,
    /// SHA-256 in hex over this entry with `hash` empty.
    #[serde(default)]
    pub hash: String,
}

impl AuditEntry {
    /// The entry in its place, tied to the one before it: `sequence`, `previous_hash` and `hash` filled in.
    ///
    /// # Errors
    /// Never for these fields; kept because serialisation is fallible by signature.
    pub fn chained(mut self, sequence: u64, previous_hash: String) -> Result<Self, serde_json::Error> {
        self.sequence = sequence;
        self.previous_hash = previous_hash;
        self.hash = self.digest()?;
        Ok(self)
    }

    /// The hash the entry ought to carry.
    ///
    /// # Errors
    /// Never for these fields; kept because serialisation is fallible by signature.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let bare = Self { hash: String::new(), ..self.clone() };
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(serde_json::to_vec(&bare)?) {
            hex.push_str(&format!("{byte:02x}"));
        }
        Ok(hex)
    }
}

/// Looks at entries oldest first and tells the first place where the chain does not hold.
///
/// The first entry may be any, since older ones expire; from there on every entry must be in its place and tied to the
/// one before it. A chain that was cut at an end or made anew as a whole is just another chain: only a hash that was
/// kept elsewhere tells it from the one that was there.
#[derive(Clone, Debug, Default)]
pub struct ChainCheck {
    known_hash: Option<String>,
    entries: u64,
    first_sequence: Option<u64>,
    last: Option<(u64, String)>,
    broken: Option<(u64, String)>,
}

impl ChainCheck {
    /// A check that also wants an entry with this hash in the chain. That the first names it as the one before it
    /// does not count: whoever knows the hash can write such an entry.
    #[must_use]
    pub fn expecting(known_hash: Option<String>) -> Self {
        Self { known_hash, ..Self::default() }
    }

    /// Looks at the next entry. After the first fault nothing more is looked at.
    pub fn look_at(&mut self, entry: &AuditEntry) {
        if self.broken.is_some() {
            return;
        }
        self.entries += 1;
        self.first_sequence.get_or_insert(entry.sequence);
        if let Some(fault) = self.fault(entry) {
            self.broken = Some((entry.sequence, fault));
        } else if let Some(known) = &self.known_hash
            && entry.hash == *known
        {
            self.known_hash = None;
        }
        self.last = Some((entry.sequence, entry.hash.clone()));
    }

    /// Tells of something in the place of an entry that is none.
    pub fn unreadable(&mut self, sequence: u64, reason: &str) {
        self.broken.get_or_insert_with(|| (sequence, format!("it cannot be read: {reason}")));
    }

    /// What was found. `last_written` is the last place ever written, where that is known: entries missing at the end
    /// show by it.
    #[must_use]
    pub fn finish(self, last_written: Option<u64>) -> AuditVerification {
        let mut broken = self.broken;
        let last_sequence = self.last.as_ref().map(|(sequence, _)| *sequence);
        if let (None, Some(written)) = (&broken, last_written)
            && written > last_sequence.unwrap_or(0)
            && self.entries > 0
        {
            broken = Some((last_sequence.unwrap_or(0) + 1, "the newest entries are missing".to_owned()));
        }
        let (broken_at, mut reason) = broken.unzip();
        if reason.is_none() && self.known_hash.is_some() {
            reason =
                Some("no kept entry has the known hash: it has expired, or the trail was cut or made anew".to_owned());
        }
        AuditVerification {
            intact: reason.is_none(),
            entries: self.entries,
            first_sequence: self.first_sequence,
            last_sequence,
            last_hash: self.last.map(|(_, hash)| hash),
            broken_at,
            reason,
        }
    }

    fn fault(&self, entry: &AuditEntry) -> Option<String> {
        if entry.digest().ok()? != entry.hash {
            return Some("it was altered: its hash is another".to_owned());
        }
        let (sequence, hash) = self.last.as_ref()?;
        if entry.sequence != sequence + 1 {
            return Some(format!("entries between {sequence} and {} are missing", entry.sequence));
        }
        (entry.previous_hash != *hash).then(|| "it is not tied to the entry before it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(length: u64) -> Vec<AuditEntry> {
        let mut previous = String::new();
        (1..=length)
            .map(|sequence| {
                let entry = AuditEntry {
                    sequence: 0,
                    id: Uuid::nil(),
                    timestamp: Timestamp::UNIX_EPOCH,
                    user: format!("user-{sequence}"),
                    roles: vec!["admin".to_owned()],
                    method: "GET".to_owned(),
                    path: "/api/v1/jobs".to_owned(),
                    operation_id: None,
                    source_ip: "192.0.2.1".to_owned(),
                    response_code: 200,
                    duration_ms: 1,
                    job_id: None,
                    target: None,
                    trace_id: None,
                    request_id: String::new(),
                    summary: None,
                    previous_hash: String::new(),
                    hash: String::new(),
                };
                let entry = entry.chained(sequence, previous.clone()).unwrap();
                previous.clone_from(&entry.hash);
                entry
            })
            .collect()
    }

    fn verdict(entries: &[AuditEntry], last_written: Option<u64>) -> AuditVerification {
        let mut check = ChainCheck::default();
        entries.iter().for_each(|entry| check.look_at(entry));
        check.finish(last_written)
    }

    #[test]
    fn a_whole_chain_holds_also_when_its_beginning_has_expired() {
        let entries = trail(5);
        assert!(verdict(&entries, Some(5)).intact);
        assert!(verdict(&entries[2..], Some(5)).intact);
        assert!(verdict(&[], Some(5)).intact);
    }

    #[test]
    fn a_chain_that_was_cut_or_made_anew_shows_by_a_hash_kept_elsewhere() {
        let whole = trail(5);
        let known = whole[2].hash.clone();
        let check = |entries: &[AuditEntry], intact| {
            let mut check = ChainCheck::expecting(Some(known.clone()));
            entries.iter().for_each(|entry| check.look_at(entry));
            let verdict = check.finish(entries.last().map(|entry| entry.sequence));
            assert_eq!((verdict.intact, verdict.broken_at), (intact, None), "{verdict:?}");
        };
        check(&whole, true);
        check(&whole[2..], true);
        check(&whole[3..], false);
        check(&whole[4..], false);
        check(&whole[..2], false);
        check(&[], false);
        let mut other = AuditEntry { user: "mallory".to_owned(), ..whole[0].clone() };
        other = other.chained(1, String::new()).unwrap();
        check(&[other.clone()], false);
        check(&[other.chained(1, known.clone()).unwrap()], false);
    }

    #[test]
    fn every_kind_of_tampering_is_told_with_its_place() {
        let check = |change: &dyn Fn(&mut Vec<AuditEntry>), broken_at| {
            let mut entries = trail(5);
            change(&mut entries);
            let verdict = verdict(&entries, Some(5));
            assert_eq!((verdict.intact, verdict.broken_at), (false, Some(broken_at)), "{verdict:?}");
        };
        check(&|entries| entries[2].user = "mallory".to_owned(), 3);
        check(&|entries| drop(entries.remove(2)), 4);
        check(&|entries| drop(entries.pop()), 5);
        check(&|entries| entries.swap(1, 2), 3);
        check(
            &|entries| {
                let forged = AuditEntry { user: "mallory".to_owned(), ..entries[2].clone() };
                entries[2] = forged.chained(3, entries[1].hash.clone()).unwrap();
            },
            4,
        );
    }
}
