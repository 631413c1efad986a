//! Why there is no broker.

use std::path::PathBuf;

use osapi_core::ErrorCode;

/// Why the broker could not be started or kept.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No nats-server anywhere.
    #[error(
        "there is no nats-server: none is built into this program, none is beside it, none on `PATH`; install nats-server 2.10 or newer, or set `nats.server.program`"
    )]
    NoProgram,
    /// The program named in the settings cannot be run.
    #[error("`{0}` is not a program; set `nats.server.program` to a nats-server or leave it out")]
    NotAProgram(PathBuf),
    /// The packed program is damaged.
    #[error("the nats-server built into this program is damaged: {0}; build or install it again")]
    Damaged(String),
    /// The directory for the unpacked program belongs to somebody else or is open to others.
    #[error("`{0}` must belong to the user who starts the broker and be closed to others (mode 0700)")]
    NotPrivate(PathBuf),
    /// A file or directory could not be made or read.
    #[error("cannot {action} `{path}`: {source}")]
    File {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A value does not fit into a configuration file.
    #[error("`{key}` has characters that a nats-server configuration cannot hold")]
    Unwritable {
        /// The key.
        key: &'static str,
    },
    /// Another broker uses the store.
    #[error(
        "another broker already uses the store `{0}`; stop it, or set `nats.server.store_dir` to another directory"
    )]
    StoreInUse(PathBuf),
    /// Another program has the port.
    #[error(
        "cannot listen on {address}: {source}; stop what uses it, or set `nats.server.host` and `nats.server.port`"
    )]
    Address {
        /// `host:port`.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It was started and ended at once, or could not be started at all.
    #[error("nats-server did not start: {0}")]
    Start(String),
    /// It runs and does not answer.
    #[error("nats-server did not answer at {address} in {seconds} seconds")]
    Silent {
        /// `host:port`.
        address: String,
        /// How long it was given.
        seconds: u64,
    },
}

impl BrokerError {
    /// What kind of failure it is.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NoProgram => ErrorCode::Unsupported,
            Self::NotAProgram(_) | Self::Unwritable { .. } => ErrorCode::Invalid,
            Self::NotPrivate(_) => ErrorCode::Forbidden,
            Self::StoreInUse(_) | Self::Address { .. } => ErrorCode::Conflict,
            Self::Damaged(_) | Self::File { .. } | Self::Start(_) => ErrorCode::Failed,
            Self::Silent { .. } => ErrorCode::Timeout,
        }
    }
}
