//! `client audit`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use uuid::Uuid;

use super::examples;

/// What to do with the audit trail.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List entries, newest first
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most this many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// Leave this many out first
        #[arg(long, value_name = "N", default_value_t = 0)]
        offset: usize,
    },
    /// Everything about one entry
    #[command(after_help = GET, group = ArgGroup::new("which").required(true).args(["id", "audit_id"]))]
    Get {
        /// The entry
        #[arg(value_name = "ENTRY")]
        id: Option<Uuid>,
        /// The entry
        #[arg(long, value_name = "ENTRY")]
        audit_id: Option<Uuid>,
    },
    /// Write all entries to a file, one JSON object a line, oldest first
    #[command(after_help = EXPORT)]
    Export {
        /// The file; - for stdout
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// What it is written to
        #[arg(long = "type", value_name = "TYPE", default_value = "file", value_parser = ["file"])]
        kind: String,
        #[command(flatten)]
        filter: Filter,
    },
    /// Prove that no entry was altered or removed; tells by its exit status too
    #[command(after_help = VERIFY)]
    Verify {
        /// The hash that an earlier check told: proves that the trail up to there is still the same
        #[arg(long, value_name = "HASH")]
        known_hash: Option<String>,
    },
}

/// Which entries.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Filter {
    /// Of this user
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// Answered with this HTTP status
    #[arg(long, value_name = "CODE")]
    pub(crate) status: Option<u16>,
    /// Whose path begins so
    #[arg(long)]
    pub(crate) path: Option<String>,
    /// At or after this time, such as 2026-11-21T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<Timestamp>,
}

const LIST: &str = examples! {
    "The last twenty" => "osapi client audit list",
    "What was refused" => "osapi client audit list --status 403 --limit 100",
};
const GET: &str = examples! {
    "One" => "osapi client audit get 01938c8e-7b3a-7000-8000-000000000000",
    "As the public project spells it" => "osapi client audit get --audit-id 01938c8e-7b3a-7000-8000-000000000000",
};
const EXPORT: &str = examples! {
    "All" => "osapi client audit export --output audit.jsonl",
    "Of one user to a program" => "osapi client audit export --output - --user ops@example.com | wc -l",
};
const VERIFY: &str = examples! {
    "The whole trail" => "osapi client audit verify",
    "That it still holds what it held then" => "osapi client audit verify --known-hash \"$(cat last-hash)\"",
    "In a script" => "osapi client audit verify -q || echo 'the audit trail was altered'",
};
