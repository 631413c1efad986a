//! Everything that is read and checked before a port is bound.

use std::fmt;

use jiff::Timestamp;
use osapi_pki::{FileError, Rotation, ServerTls};
use osapi_settings::SettingsError;
use std::sync::Arc;
use tokio::sync::watch;

use crate::settings::{Settings, Source};
use crate::whitelist::Whitelist;

/// Settings, certificates and whitelist, all of them fit to use.
pub struct Prepared {
    /// Where the settings came from.
    pub source: Source,
    /// The settings.
    pub settings: Settings,
    pub(crate) rotation: Rotation,
    pub(crate) tls: watch::Receiver<Arc<ServerTls>>,
    pub(crate) whitelist: Whitelist,
}

/// Everything that is wrong, one line each.
#[derive(Debug, thiserror::Error)]
pub struct Unfit(pub Vec<String>);

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("\n"))
    }
}

impl Prepared {
    /// Reads and checks it all, reporting everything that is wrong at once.
    ///
    /// # Errors
    /// Anything is wrong with the settings, the certificates or the whitelist.
    pub fn load(source: Source, now: Timestamp) -> Result<Self, Unfit> {
        let (settings, wrong) = source.read().map_err(|error| Unfit(settings_lines(&error)))?;
        let mut problems = wrong.err().as_ref().map(settings_lines).unwrap_or_default();
        let rotation = Rotation::start(settings.certificates.clone(), now);
        let whitelist = Whitelist::load(&settings.whitelist);
        problems.extend(rotation.as_ref().err().into_iter().flatten().map(certificate_line));
        problems.extend(whitelist.as_ref().err().map(settings_lines).unwrap_or_default());
        match (rotation, whitelist) {
            (Ok((rotation, tls)), Ok(whitelist)) if problems.is_empty() => {
                Ok(Self { source, settings, rotation, tls, whitelist })
            }
            _ => Err(Unfit(problems)),
        }
    }
}

pub(crate) fn settings_lines(error: &SettingsError) -> Vec<String> {
    match error {
        SettingsError::Read { source, .. } => vec![format!("{error}: {source}")],
        SettingsError::Problems(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

pub(crate) fn certificate_line(error: &FileError) -> String {
    format!("{error} (hint: {})", error.hint())
}
