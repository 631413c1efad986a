//! All settings of the program: file, context, environment and flags, checked, each section in a file of its own.
//!
//! Every section is read whatever the command, so that a wrong key is found by any of them; what is merely missing is an
//! error only for the commands that need it.

mod api;
mod client;
mod files;
mod nats;
mod telemetry;
mod worker;

use std::path::{Path, PathBuf};

use osapi_settings::{Declaration, Document, Environment, Layer, Reader, Scope};

pub(crate) use api::ApiSettings;
pub(crate) use client::ClientSettings;
pub(crate) use nats::NatsSettings;
pub(crate) use telemetry::{LogSettings, TracingExporter};
pub(crate) use worker::WorkerSection;

use crate::failure::Failure;
use crate::roles::Roles;

/// The configuration file when none is named; it may be missing.
pub(crate) const DEFAULT_FILE: &str = "/etc/osapi/osapi.yaml";

/// Variables that are ours and stand for no key.
const OTHER_VARIABLES: [&str; 3] = ["OSAPI_OSAPIFILE", "OSAPI_CONTEXT", "OSAPI_CONFIG_DIR"];

/// What a command needs beyond defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Nothing,
    /// A key to sign and check tokens with.
    SigningKey,
    /// Every file that is named, to tell what is wrong with any of them.
    Files,
    /// What these roles need to start: their files, and the API server its signing key.
    Roles(Roles),
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file named by flag or variable.
    pub(crate) file: Option<PathBuf>,
    /// What flags say, by key path.
    pub(crate) flags: Layer,
    /// What the context says, by key path.
    pub(crate) context: Layer,
    /// The environment.
    pub(crate) environment: Environment,
}

/// Everything, checked and total.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) log: LogSettings,
    pub(crate) client: ClientSettings,
    pub(crate) api: ApiSettings,
    pub(crate) nats: NatsSettings,
    pub(crate) worker: WorkerSection,
    /// Every key with its value and origin, for `config show` and the reference page.
    pub(crate) declared: Vec<Declaration>,
    /// The file that was read, if there is one.
    pub(crate) file: Option<PathBuf>,
}

impl Settings {
    /// What holds where nobody says anything: for pages and templates.
    pub(crate) fn defaults() -> Result<Self, Failure> {
        Self::read(Document::empty(), None, Sources::default(), Need::Nothing)
    }

    /// Reads and checks everything.
    pub(crate) fn load(sources: Sources, need: Need) -> Result<Self, Failure> {
        let (document, file) = match &sources.file {
            Some(path) => (Document::read(path)?, Some(path.clone())),
            None if Path::new(DEFAULT_FILE).exists() => {
                (Document::read(Path::new(DEFAULT_FILE))?, Some(PathBuf::from(DEFAULT_FILE)))
            }
            None => (Document::empty(), None),
        };
        Self::read(document, file, sources, need)
    }

    fn read(document: Document, file: Option<PathBuf>, sources: Sources, need: Need) -> Result<Self, Failure> {
        let reader = Reader::new("OSAPI", document, &sources.environment)
            .with_known_variables(&OTHER_VARIABLES)
            .with_flags(sources.flags)
            .with_context(sources.context);

        let log = LogSettings::read(&reader);
        let api = ApiSettings::read(&reader, &log);
        let client = ClientSettings::read(&reader, &api);
        let nats = NatsSettings::read(&reader, &sources.environment);
        let worker = WorkerSection::read(&reader);
        if matches!(need, Need::SigningKey | Need::Roles(Roles::Server | Roles::All)) {
            api.require_signing_key(&reader);
        }
        nats.check(&reader);
        files::check(&reader, need, nats.broker.is_some());

        let declared = reader.finish()?;
        Ok(Self { log, client, api, nats, worker, declared, file })
    }

    /// Keys that were given and have no effect, with the reason.
    pub(crate) fn without_effect(&self) -> impl Iterator<Item = String> {
        self.declared.iter().filter(|one| one.scope == Scope::Retired).filter_map(|one| {
            let origin = one.origin.as_ref()?;
            Some(format!("{origin}: `{}` has no effect: {}", one.path, one.doc))
        })
    }
}
