//! What holds at the moment: settings, certificates and whitelist, each replaced as a whole while connections go on.

use std::sync::Arc;

use osapi_pki::ServerTls;
use tokio::sync::watch;

use crate::settings::Settings;
use crate::whitelist::Whitelist;

/// The readers' side. Whoever needs a value borrows it anew each time.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) settings: watch::Receiver<Arc<Settings>>,
    pub(crate) tls: watch::Receiver<Arc<ServerTls>>,
    pub(crate) whitelist: watch::Receiver<Arc<Whitelist>>,
    pub(crate) faults: watch::Receiver<Faults>,
}

/// Which files on disk are not fit to use, so that what they said before still holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    pub(crate) configuration: bool,
    pub(crate) certificates: bool,
    pub(crate) whitelist: bool,
}
