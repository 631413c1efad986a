//! Who asks and what they may do: the roles of a token become permissions, in the order the product prescribes.

use std::collections::{BTreeMap, BTreeSet};

use osapi_core::Permission;
use osapi_core::permission::BuiltInRole;

use crate::token::Claims;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Public,
    /// A token that counts, whatever it permits.
    Token,
    /// A token that permits this.
    Needs(Permission),
}

/// Who asks, proved by a token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) subject: String,
    pub(crate) roles: Vec<String>,
    permissions: BTreeSet<Permission>,
}

impl Caller {
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

/// The roles of the configuration.
#[derive(Debug)]
pub(crate) struct Roles(BTreeMap<String, BTreeSet<Permission>>);

impl Roles {
    pub(crate) const fn new(custom: BTreeMap<String, BTreeSet<Permission>>) -> Self {
        Self(custom)
    }

    /// The caller of a token: its own permissions where it has a list of them, be it empty, else those of its roles, each
    /// looked up among the configured ones first and the built-in ones second. What is unknown permits nothing.
    pub(crate) fn caller(&self, claims: Claims) -> Caller {
        let permissions = match &claims.permissions {
            Some(direct) => direct.iter().filter_map(|permission| permission.parse().ok()).collect(),
            None => claims.roles.iter().flat_map(|role| self.of(role)).collect(),
        };
        Caller { subject: claims.sub, roles: claims.roles, permissions }
    }

    fn of(&self, role: &str) -> BTreeSet<Permission> {
        match self.0.get(role) {
            Some(permissions) => permissions.clone(),
            None => BuiltInRole::named(role).map(BuiltInRole::permissions).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(custom: &[(&str, &[Permission])], roles: &[&str], permissions: Option<&[&str]>) -> Vec<&'static str> {
        let custom = custom.iter().map(|(name, set)| ((*name).to_owned(), set.iter().copied().collect())).collect();
        let claims = Claims {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            permissions: permissions.map(|list| list.iter().map(|permission| (*permission).to_owned()).collect()),
            ..Claims::default()
        };
        let caller = Roles::new(custom).caller(claims);
        Permission::ALL
            .iter()
            .filter(|permission| caller.may(**permission))
            .map(|permission| permission.as_str())
            .collect()
    }

    #[test]
    fn permissions_of_the_token_go_before_its_roles() {
        assert_eq!(may(&[], &["admin"], Some(&["system:read", "no:such"])), ["system:read"]);
        assert_eq!(may(&[], &["admin"], Some(&["no:such"])), [""; 0]);
        assert_eq!(may(&[], &["admin"], Some(&[])), [""; 0], "an empty list is a list");
    }

    #[test]
    fn configured_roles_go_before_built_in_ones() {
        assert_eq!(may(&[("ops", &[Permission::JobRead])], &["ops"], None), ["job:read"]);
        assert_eq!(may(&[("read", &[Permission::HealthRead])], &["read"], None), ["health:read"]);
        assert_eq!(may(&[], &["nobody"], None), [""; 0]);
        assert_eq!(
            may(&[], &["read"], None),
            ["system:read", "network:read", "package:read", "job:read", "health:read"]
        );
    }
}
