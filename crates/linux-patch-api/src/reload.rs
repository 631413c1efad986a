//! Takes up changed files while serving: what is valid replaces the old as a whole, what is not changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use osapi_core::outcome::Change;
use osapi_pki::Rotation;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::audit_log;
use crate::live::{Faults, Live};
use crate::prepare::{Prepared, certificate_line, settings_lines};
use crate::settings::{Settings, Source};
use crate::whitelist::Whitelist;

/// Files are read when nothing has changed for this long: certificate and key are rarely written in one moment.
const QUIET: Duration = Duration::from_millis(200);
/// They are read after this long however much goes on.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writers' side of [`Live`].
pub(crate) struct Reloader {
    source: Source,
    rotation: Rotation,
    settings: watch::Sender<Arc<Settings>>,
    whitelist: watch::Sender<Arc<Whitelist>>,
    faults: watch::Sender<Faults>,
}

impl Reloader {
    /// Splits what was prepared into what is read and what replaces it.
    pub(crate) fn new(prepared: Prepared) -> (Self, Live) {
        let Prepared { source, settings, rotation, tls, whitelist } = prepared;
        let (settings, settings_now) = watch::channel(Arc::new(settings));
        let (whitelist, whitelist_now) = watch::channel(Arc::new(whitelist));
        let (faults, faults_now) = watch::channel(Faults::default());
        let live = Live { settings: settings_now, tls, whitelist: whitelist_now, faults: faults_now };
        (Self { source, rotation, settings, whitelist, faults }, live)
    }

    /// Reads all files again.
    pub(crate) fn reload(&mut self, now: Timestamp) {
        let configuration = !self.reload_settings(now);
        let certificates = !self.reload_certificates(now);
        let whitelist = !self.reload_whitelist();
        self.faults.send_replace(Faults { configuration, certificates, whitelist });
    }

    /// Whether the file is fit to use.
    fn reload_settings(&mut self, now: Timestamp) -> bool {
        let read = self.source.read().and_then(|(settings, wrong)| wrong.map(|()| settings));
        let next = match read {
            Ok(next) => next,
            Err(error) => return refused("configuration", settings_lines(&error)),
        };
        let present = self.settings.borrow().clone();
        if *present == next {
            return true;
        }
        // Nothing is replaced before all that the new settings point to is known to be fit.
        let whitelist = match Whitelist::load(&next.whitelist) {
            Ok(whitelist) => whitelist,
            Err(error) => return refused("configuration", settings_lines(&error)),
        };
        if let Err(errors) = self.rotation.turn_to(next.certificates.clone(), now) {
            return refused("configuration", errors.iter().map(certificate_line));
        }
        if (present.listen, present.max_concurrent, &present.telemetry)
            != (next.listen, next.max_concurrent, &next.telemetry)
        {
            warn!(
                "changes of `server.bind`, `server.port`, `jobs`, `logging` and `telemetry` hold from the next start on"
            );
        }
        self.whitelist.send_replace(Arc::new(whitelist));
        self.settings.send_replace(Arc::new(next));
        audit_log::reloaded("configuration", true);
        true
    }

    fn reload_certificates(&self, now: Timestamp) -> bool {
        match self.rotation.reload(now) {
            Ok(Change::Unchanged) => true,
            Ok(Change::Created | Change::Updated | Change::Removed) => {
                audit_log::reloaded("certificates", true);
                true
            }
            Err(errors) => refused("certificates", errors.iter().map(certificate_line)),
        }
    }

    fn reload_whitelist(&self) -> bool {
        let path = self.settings.borrow().whitelist.clone();
        match Whitelist::load(&path) {
            Ok(next) => {
                let changed = self.whitelist.send_if_modified(|present| {
                    let changed = **present != next;
                    if changed {
                        *present = Arc::new(next);
                    }
                    changed
                });
                if changed {
                    audit_log::reloaded("whitelist", true);
                }
                true
            }
            Err(error) => refused("whitelist", settings_lines(&error)),
        }
    }

    /// Every file that is read.
    fn files(&self) -> Vec<PathBuf> {
        let settings = self.settings.borrow();
        let certificates = self.rotation.files();
        let mut files = vec![
            self.source.path.clone(),
            settings.whitelist.clone(),
            certificates.authorities.clone(),
            certificates.certificate.clone(),
            certificates.key.clone(),
        ];
        files.extend(certificates.revoked.clone());
        files
    }
}

fn refused(part: &'static str, problems: impl IntoIterator<Item = String>) -> bool {
    for problem in problems {
        error!(part, problem, "not taken up, the old stays");
    }
    audit_log::reloaded(part, false);
    false
}

/// Follows the files, and SIGHUP, until `shutdown`.
pub(crate) async fn follow(mut reloader: Reloader, shutdown: CancellationToken) {
    let changed = Arc::new(Notify::new());
    let mut watcher = watcher(changed.clone());
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            error!(%error, "changed files are not taken up: SIGHUP cannot be listened to");
            return;
        }
    };
    // Something may have changed between the first reading and the first look, hence once at once.
    loop {
        watch(watcher.as_mut(), &reloader.files());
        reloader.reload(Timestamp::now());
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(()) = hangups.recv() => info!("SIGHUP: reading all files again"),
            () = changed.notified() => settle(&changed).await,
        }
    }
}

/// Waits until nothing changes for a moment.
async fn settle(changed: &Notify) {
    let settled = async { while timeout(QUIET, changed.notified()).await.is_ok() {} };
    drop(timeout(PATIENCE, settled).await);
}

fn watcher(changed: Arc<Notify>) -> Option<RecommendedWatcher> {
    let report = move |event: notify::Result<notify::Event>| {
        // Our own reading is an event too.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            changed.notify_one();
        }
    };
    notify::recommended_watcher(report)
        .inspect_err(|error| error!(%error, "changed files are taken up on SIGHUP only"))
        .ok()
}

/// Watches the folders of the files: editors and deployment tools replace a file rather than write to it.
fn watch(watcher: Option<&mut RecommendedWatcher>, files: &[PathBuf]) {
    let Some(watcher) = watcher else { return };
    let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    for folder in folders {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            warn!(folder = %folder.display(), %error, "changes in this folder are taken up on SIGHUP only");
        }
    }
}
