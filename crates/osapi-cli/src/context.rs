//! Named API servers, in the user's own folder, readable by nobody else.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use osapi_settings::{Environment, Layer};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// An API server to talk to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Where it is.
    pub(crate) url: String,
    /// The token to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    /// A file with the token to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// The authority its certificate must come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// All named API servers of this user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    /// The one used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// By name.
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Entry>,
}

impl Contexts {
    /// Reads those of this user; there may be none.
    pub(crate) fn load(environment: &Environment) -> Result<Self, Failure> {
        let Some(path) = file(environment) else { return Ok(Self::default()) };
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| Failure::usage(format!("`{}` is damaged: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::file("read", &path, &error)),
        }
    }

    /// Writes them back, for this user alone.
    pub(crate) fn save(&self, environment: &Environment) -> Result<(), Failure> {
        let path = file(environment).ok_or_else(|| {
            Failure::usage("there is no folder for contexts")
                .with_hint("set `HOME`, `XDG_CONFIG_HOME` or `OSAPI_CONFIG_DIR`")
        })?;
        let text = serde_json::to_string_pretty(self).map_err(|error| Failure::of(&error))?;
        write_private(&path, &format!("{text}\n"))
    }

    /// The one of that name, or the current one when none is named.
    pub(crate) fn find(&self, name: Option<&str>) -> Result<Option<(&str, &Entry)>, Failure> {
        let Some(name) = name.or(self.current.as_deref()) else { return Ok(None) };
        match self.contexts.get_key_value(name) {
            Some((name, entry)) => Ok(Some((name, entry))),
            None => Err(self.unknown(name)),
        }
    }

    /// No context has that name.
    pub(crate) fn unknown(&self, name: &str) -> Failure {
        let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
        let failure = Failure::usage(format!("there is no context `{name}`"));
        match known.as_slice() {
            [] => failure.with_hint(format!("`osapi context set {name} --url URL` makes it")),
            known => failure.with_hint(format!("there are `{}`", known.join("`, `"))),
        }
    }
}

impl Entry {
    /// Its values as a layer between environment and file.
    pub(crate) fn layer(&self, name: &str) -> Layer {
        let origin = format!("context `{name}`");
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        Layer::new()
            .with("api.client.url", &self.url, &origin)
            .with_some("api.client.security.bearer_token", self.token.as_ref(), &origin)
            .with_some("api.client.security.bearer_token_file", path(&self.token_file), &origin)
            .with_some("api.client.tls.ca_file", path(&self.ca_file), &origin)
    }
}

/// Writes a file that only its owner may read, atomically, making its folder if it is missing.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fresh.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
        fresh.write_all(text.as_bytes())?;
        fresh.as_file().sync_all()?;
        fresh.persist(path)?;
        Ok(())
    };
    write().map_err(|error| Failure::file("write", path, &error))
}

fn file(environment: &Environment) -> Option<PathBuf> {
    let folder =
        match (environment.get("OSAPI_CONFIG_DIR"), environment.get("XDG_CONFIG_HOME"), environment.get("HOME")) {
            (Some(folder), _, _) => PathBuf::from(folder),
            (None, Some(config), _) => PathBuf::from(config).join("osapi"),
            (None, None, Some(home)) => PathBuf::from(home).join(".config/osapi"),
            (None, None, None) => return None,
        };
    Some(folder.join("contexts.json"))
}
