//! `token`.

use clap::{ArgGroup, Args, Subcommand};
use osapi_core::Permission;

use super::client::Connection;
use super::examples;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token with the signing key of the configuration
    #[command(after_help = GENERATE)]
    Generate(Generate),
    /// Check a token with the signing key of the configuration; tells by its exit status too
    #[command(after_help = VALIDATE, group = ArgGroup::new("which").required(true).args(["token", "text"]))]
    Validate {
        /// The token
        #[arg(value_name = "TOKEN")]
        text: Option<String>,
        /// The token; - reads it from stdin
        #[arg(short, long)]
        token: Option<String>,
    },
    /// Make a token count no more, at once, at the API server
    #[command(after_help = REVOKE, group = ArgGroup::new("which").required(true).args(["token", "id"]))]
    Revoke {
        #[command(flatten)]
        connection: Connection,
        /// The token; - reads it from stdin
        #[arg(short, long)]
        token: Option<String>,
        /// The token's identity, its `jti` claim
        #[arg(long)]
        id: Option<String>,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// List the tokens that were revoked
    #[command(after_help = REVOKED)]
    Revoked {
        #[command(flatten)]
        connection: Connection,
    },
}

/// What the token says.
#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Roles: admin, write, read or those of the configuration
    #[arg(short, long, required = true, value_delimiter = ',')]
    pub(crate) roles: Vec<String>,
    /// Who uses it, for the audit trail
    #[arg(short = 'u', long, visible_alias = "user")]
    pub(crate) subject: String,
    /// Permissions instead of those of the roles, such as system:read
    #[arg(short, long, value_delimiter = ',')]
    pub(crate) permissions: Vec<Permission>,
    /// How long it counts, such as 90d
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = super::client::duration)]
    pub(crate) expires_in: std::time::Duration,
}

const GENERATE: &str = examples! {
    "For an administrator" => "osapi token generate -r admin -u ops@example.com",
    "Only to read, for a day" => "osapi token generate -r read -u svc@example.com -p system:read -p health:read --expires-in 1d",
};
const VALIDATE: &str = examples! {
    "What does it say" => "osapi token validate --token \"$(cat token)\"",
    "Does it count" => "osapi token validate -q --token - < token && echo yes",
};
const REVOKE: &str = examples! {
    "A token that leaked" => "osapi token revoke --token - --reason leaked < token",
    "By its identity" => "osapi token revoke --id 01938c8e-7b3a-7000-8000-000000000000",
};
const REVOKED: &str = examples! {
    "All" => "osapi token revoked",
    "For a program" => "osapi token revoked --json",
};
