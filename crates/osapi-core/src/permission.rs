//! What a caller may do: flat `resource:verb` permissions and the built-in roles that stand for sets of them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// One permission, `resource:verb`. There are no wildcards and no denials.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Permission {
            /// Every permission there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The permission as it is written in tokens and configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

permissions! {
    /// Read what a system is and how it does.
    SystemRead = "system:read",
    /// Change a host's name, restart it or shut it down.
    SystemWrite = "system:write",
    /// Read the network's configuration.
    NetworkRead = "network:read",
    /// Change the network's configuration; send pings.
    NetworkWrite = "network:write",
    /// Read packages and patches.
    PackageRead = "package:read",
    /// Change packages and apply patches.
    PackageWrite = "package:write",
    /// Read jobs and workers.
    JobRead = "job:read",
    /// Submit, retry, cancel and delete jobs.
    JobWrite = "job:write",
    /// Drain and resume workers.
    WorkerWrite = "worker:write",
    /// Read the status of the components.
    HealthRead = "health:read",
    /// Read the audit trail.
    AuditRead = "audit:read",
    /// Revoke tokens and see which are revoked.
    TokenWrite = "token:write",
}

/// Why a text is not a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a permission")]
pub struct UnknownPermission(String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A role every deployment has. Configuration may add others and may redefine these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltInRole {
    /// May do everything.
    Admin,
    /// May read and change hosts, not read the audit trail.
    Write,
    /// May read.
    Read,
}

impl BuiltInRole {
    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "admin" => Some(Self::Admin),
            "write" => Some(Self::Write),
            "read" => Some(Self::Read),
            _ => None,
        }
    }

    /// What the role stands for.
    #[must_use]
    pub fn permissions(self) -> BTreeSet<Permission> {
        use Permission::{
            AuditRead, HealthRead, JobRead, JobWrite, NetworkRead, NetworkWrite, PackageRead, PackageWrite, SystemRead,
            SystemWrite, TokenWrite, WorkerWrite,
        };
        let read = [SystemRead, NetworkRead, PackageRead, JobRead, HealthRead];
        let write = [NetworkWrite, JobWrite];
        // The seed's `write` role changes networks and jobs; what can take a host away is for administrators.
        let admin = [SystemWrite, PackageWrite, WorkerWrite, AuditRead, TokenWrite];
        match self {
            Self::Read => read.into(),
            Self::Write => read.into_iter().chain(write).collect(),
            Self::Admin => read.into_iter().chain(write).chain(admin).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_reads_back_and_admin_holds_all() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        assert_eq!(BuiltInRole::Admin.permissions().len(), Permission::ALL.len());
        assert!("system:*".parse::<Permission>().is_err());
    }
}
