//! The `system.*` operations.

pub(crate) mod disk;
pub(crate) mod hostname;
pub(crate) mod load;
pub(crate) mod memory;
pub(crate) mod os;
pub(crate) mod power;
pub(crate) mod service;
pub(crate) mod status;
pub(crate) mod uptime;

use crate::System;

/// What process 1 is, as far as it changes how things are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Init {
    /// systemd booted this host; its being installed is not enough.
    Systemd,
    /// OpenRC runs the services.
    OpenRc,
    /// Neither.
    Other,
}

impl Init {
    /// What booted this host, told by what the two leave under `/run`.
    pub(crate) fn of(system: &System) -> Self {
        if system.exists("/run/systemd/system") {
            Self::Systemd
        } else if system.exists("/run/openrc") {
            Self::OpenRc
        } else {
            Self::Other
        }
    }
}
