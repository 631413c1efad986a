//! A change of the settings: all or nothing.
//!
//! What was is remembered first, outside this process: in a journal of the files to be changed, or in a checkpoint of
//! NetworkManager. Then the new settings are written, applied, read back and, if asked for, tried. Whatever fails puts back
//! what was; a kill does so too, by the journal at the next start or by NetworkManager when the checkpoint's time is up.

use std::time::Duration;

use osapi_core::network::{DnsUpdate, DnsUpdated};
use osapi_core::outcome::Change;
use osapi_core::{ErrorCode, Failure};
use zbus::Connection;

use super::host::{self, Host, Mechanism};
use super::network_manager::{self, Active, Checkpoint};
use super::undo::{self, Files, Journal};
use super::{Asked, InForce, dhcp_client, netplan, networkd, reachable, resolv_conf, resolved, settings};
use crate::network::link::Link;
use crate::{Context, System};

/// How long new settings may take to be in force: a service that is told anew may have to ask for a lease first.
const SETTLE_BOUND: Duration = Duration::from_secs(12);

/// After how long what stands in the way is looked for.
const NUDGE_AFTER: Duration = Duration::from_secs(3);

/// A change that did not come about.
#[derive(Debug, thiserror::Error)]
enum ChangeError {
    /// What was before is in force again.
    #[error("the DNS settings were not changed, what was before is in force again")]
    Reverted(#[source] Failure),
    /// It is not known what is in force.
    #[error("the change of the DNS settings failed, and putting back what was before failed too")]
    UndoFailed {
        /// Why it failed.
        change: Failure,
        /// Why that could not be undone.
        undo: Failure,
    },
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        match &error {
            ChangeError::Reverted(change) => {
                let failure = Self::new(change.code, format!("{error}: {change}"));
                change.hint.iter().fold(failure, |failure, hint| failure.with_hint(hint))
            }
            ChangeError::UndoFailed { change, undo } => Self::failed(format!("{error}: {change}; then: {undo}"))
                .with_hint("look at the host's DNS settings by hand; the next update tries again to put them back"),
        }
    }
}

pub(super) async fn update(system: &System, update: &DnsUpdate, context: &Context) -> Result<DnsUpdated, Failure> {
    for server in update.servers.iter().flatten() {
        if server.is_unspecified() || server.is_multicast() {
            return Err(Failure::invalid(format!("`servers`: `{server}` is no address of a server")));
        }
    }
    let link = Link::named(system, &update.interface)?;
    let _turn = undo::take_turn(system)?;
    recover(system).await?;
    let host = Host::look(system).await?;
    let mechanism = host.mechanism(Some(&link)).await;
    let before = host.in_force(&mechanism, Some(&link)).await?;
    let mut wanted = before.with(update);
    if mechanism.network_manager() {
        wanted = network_manager::by_family(wanted);
    }
    let change = if wanted == before { Change::Unchanged } else { Change::Updated };
    if change.changed() {
        let attempt =
            Attempt { system, host: &host, mechanism: &mechanism, link: &link, before: &before, wanted: &wanted };
        attempt.make(update, context).await?;
    }
    let of = |in_force| settings(in_force, &mechanism, Some(link.name.clone()));
    Ok(DnsUpdated { settings: of(wanted), previous: of(before), change })
}

/// Puts back what a change that was cut off left, if there is one. The caller has the turn.
pub(super) async fn recover(system: &System) -> Result<(), Failure> {
    let Some(journal) = undo::left(system)? else { return Ok(()) };
    tracing::warn!(interface = %journal.interface, "a change of the DNS settings was cut off; putting them back");
    put_back(system, &journal).await
}

/// One change under way.
struct Attempt<'a> {
    system: &'a System,
    host: &'a Host,
    mechanism: &'a Mechanism,
    link: &'a Link,
    before: &'a InForce,
    wanted: &'a InForce,
}

enum Remembered {
    Journal(Journal),
    Checkpoint(Checkpoint),
}

impl Attempt<'_> {
    async fn make(&self, update: &DnsUpdate, context: &Context) -> Result<(), Failure> {
        let asked = Asked { servers: update.servers.is_some(), search_domains: update.search_domains.is_some() };
        let confirm = asked.servers && update.confirm_reachable.unwrap_or(context.through_worker);
        let new = self.new_files(&asked).await?;
        let remembered = self.remember(&new).await?;
        let work = async {
            context.say(format!("setting the name servers of `{}`", self.link.name));
            self.write(&asked, &new).await?;
            self.verify().await?;
            if confirm { self.confirm(context).await } else { Ok(()) }
        };
        let result = tokio::select! {
            biased;
            () = context.cancel.cancelled() => Err(Failure::failed("the change was called off")),
            result = work => result,
        };
        let result = match result {
            Ok(()) => self.keep(&remembered).await,
            Err(change) => Err(change),
        };
        let Err(change) = result else { return Ok(()) };
        context.say("putting back what was before");
        Err(match self.revert(&remembered).await {
            Ok(()) => ChangeError::Reverted(change).into(),
            Err(undo) => ChangeError::UndoFailed { change, undo }.into(),
        })
    }

    /// The files of ours that are to be written: paths and contents.
    async fn new_files(&self, asked: &Asked) -> Result<Vec<(String, String)>, Failure> {
        Ok(match self.mechanism {
            Mechanism::NetworkManager(_) | Mechanism::Netplan { .. } => Vec::new(),
            Mechanism::Networkd(file) => vec![networkd::drop_in(self.system, file, asked, self.wanted)?],
            Mechanism::Resolved => {
                let whole = resolved::read(self.bus()?, None).await?;
                vec![resolved::drop_in(self.system, asked, &whole, self.wanted)?]
            }
            Mechanism::ResolvConf => {
                let file = resolv_conf::file(self.system, asked, self.wanted)?;
                dhcp_client::hands_off(self.system, self.link)?.into_iter().chain([file]).collect()
            }
        })
    }

    async fn remember(&self, new: &[(String, String)]) -> Result<Remembered, Failure> {
        let new: Vec<String> = new.iter().map(|(path, _)| path.clone()).collect();
        let (files, paths) = match self.mechanism {
            Mechanism::NetworkManager(active) => return self.checkpoint(active).await.map(Remembered::Checkpoint),
            Mechanism::Netplan { .. } => (Files::Netplan, netplan::files(self.system)?),
            Mechanism::Networkd(_) => (Files::Networkd, new),
            Mechanism::Resolved => (Files::ResolvedConf, new),
            Mechanism::ResolvConf => (Files::ResolvConf, new),
        };
        Journal::begin(self.system, files, &self.link.name, self.before, paths).map(Remembered::Journal)
    }

    async fn checkpoint(&self, active: &Active) -> Result<Checkpoint, Failure> {
        Checkpoint::create(self.bus()?, active).await
    }

    fn bus(&self) -> Result<&Connection, Failure> {
        self.host.bus().ok_or_else(|| Failure::new(ErrorCode::Unavailable, "the system bus is gone"))
    }

    async fn write(&self, asked: &Asked, new: &[(String, String)]) -> Result<(), Failure> {
        for (path, contents) in new {
            if let Some((folder, _)) = path.rsplit_once('/') {
                self.system.create_dir(folder, 0o755)?;
            }
            self.system.write(path, contents.as_bytes(), 0o644)?;
        }
        match self.mechanism {
            Mechanism::NetworkManager(active) => {
                network_manager::apply(self.system, active, self.link, asked, self.wanted).await
            }
            Mechanism::Netplan { id, .. } => {
                netplan::set(self.system, id, asked, self.wanted).await?;
                netplan::apply(self.system).await
            }
            Mechanism::Networkd(_) => networkd::apply(self.system).await,
            Mechanism::Resolved => resolved::apply(self.system, self.link).await,
            Mechanism::ResolvConf => Ok(()),
        }
    }

    async fn verify(&self) -> Result<(), Failure> {
        // Where there is no answer yet, somebody is still starting.
        if self.settled(self.wanted, NUDGE_AFTER).await.is_ok_and(|now| now != *self.wanted) {
            match self.mechanism {
                // It loses track where one change follows the other closely; told again it changes nothing.
                Mechanism::NetworkManager(active) => network_manager::activate(self.system, active, self.link).await?,
                // Somebody set the interface at run time, which outlasts what the files say.
                Mechanism::Networkd(_) | Mechanism::Netplan { .. } if self.host.resolved() => {
                    resolved::forget(self.system, self.link).await?;
                }
                Mechanism::Networkd(_) | Mechanism::Netplan { .. } | Mechanism::Resolved | Mechanism::ResolvConf => {}
            }
        }
        let now = self.settled(self.wanted, SETTLE_BOUND).await?;
        if now == *self.wanted {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "`{}` does not take them: it has the servers `{}` and the domains `{}`",
            self.link.name,
            super::joined(&now.servers),
            now.domains()
        )))
    }

    async fn settled(&self, wanted: &InForce, bound: Duration) -> Result<InForce, Failure> {
        host::settled(self.system, self.link, wanted, Some(self.mechanism.name()), bound).await
    }

    async fn confirm(&self, context: &Context) -> Result<(), Failure> {
        if self.wanted.servers.is_empty() {
            return Ok(());
        }
        context.say("asking the new name servers");
        if reachable::any(&self.wanted.servers).await {
            return Ok(());
        }
        let servers = super::joined(&self.wanted.servers);
        Err(Failure::new(ErrorCode::Unavailable, format!("none of the new name servers answers: `{servers}`"))
            .with_hint("set `confirm_reachable` to false if they are to come up later"))
    }

    async fn keep(&self, remembered: &Remembered) -> Result<(), Failure> {
        match remembered {
            Remembered::Journal(journal) => journal.end(self.system),
            Remembered::Checkpoint(checkpoint) => checkpoint.keep().await,
        }
    }

    async fn revert(&self, remembered: &Remembered) -> Result<(), Failure> {
        match remembered {
            Remembered::Journal(journal) => put_back(self.system, journal).await,
            Remembered::Checkpoint(checkpoint) => {
                checkpoint.roll_back().await?;
                is_back(&self.settled(self.before, SETTLE_BOUND).await?, self.before)
            }
        }
    }
}

/// Puts files back, applies them and sees to it that what they held is in force.
async fn put_back(system: &System, journal: &Journal) -> Result<(), Failure> {
    let now = if journal.mechanism == Files::Netplan { netplan::files(system)? } else { Vec::new() };
    journal.restore(system, &now)?;
    // An interface that is gone takes its settings along.
    let Ok(link) = Link::named(system, &journal.interface) else { return journal.end(system) };
    match journal.mechanism {
        Files::Networkd => networkd::apply(system).await?,
        Files::Netplan => netplan::apply(system).await?,
        Files::ResolvedConf => resolved::apply(system, &link).await?,
        Files::ResolvConf => {}
    }
    let settled = || host::settled(system, &link, &journal.before, None, SETTLE_BOUND);
    let mut now = settled().await?;
    if now != journal.before && Host::look(system).await?.resolved() {
        // It came from no file: somebody had set it at run time.
        resolved::set_for_now(system, &link, &journal.before).await?;
        now = settled().await?;
    }
    is_back(&now, &journal.before)?;
    journal.end(system)
}

fn is_back(now: &InForce, before: &InForce) -> Result<(), Failure> {
    if now == before {
        return Ok(());
    }
    let (now, before) = (super::joined(&now.servers), super::joined(&before.servers));
    Err(Failure::failed(format!("the servers are `{now}` and were `{before}`")))
}
