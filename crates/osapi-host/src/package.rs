//! The `package.*` operations, and which package manager rules a host.
//!
//! Lists are read from the database files where those are a documented text format (dpkg, apk, pacman): no program, no
//! locale, no lock, and a few milliseconds. rpm's database is read by `rpm` alone, once for all packages.

mod apk;
mod apt;
mod dnf;
pub(crate) mod in_progress;
mod pacman;

use osapi_core::package::{PackageFilter, PackageList};
use osapi_core::system::PackageManagerName;
use osapi_core::{ErrorCode, Failure};

use crate::{Context, System};

/// The package manager that rules a host: that of its family where os-release names one we know, since a Debian host may
/// well carry `rpm` and `pacman` too; otherwise the one whose database is there.
pub(crate) fn manager(system: &System) -> PackageManagerName {
    let release = system.read("/etc/os-release").or_else(|_| system.read("/usr/lib/os-release")).unwrap_or_default();
    match family(&release).unwrap_or_else(|| by_database(system)) {
        PackageManagerName::Dnf if system.program("dnf").is_none() && system.program("yum").is_some() => {
            PackageManagerName::Yum
        }
        known => known,
    }
}

pub(crate) async fn list(system: &System, filter: &PackageFilter, context: &Context) -> Result<PackageList, Failure> {
    let wanted = filter.name.clone().unwrap_or_default();
    let package_manager = manager(system);
    let mut packages = match package_manager {
        PackageManagerName::Apt => blocking(system, apt::list).await?,
        PackageManagerName::Dnf | PackageManagerName::Yum => dnf::list(system, context).await?,
        PackageManagerName::Apk => blocking(system, apk::list).await?,
        PackageManagerName::Pacman => blocking(system, pacman::list).await?,
        PackageManagerName::None => {
            return Err(Failure::unsupported("this host has none of the package managers apt, dnf, yum, apk, pacman"));
        }
    };
    packages.retain(|package| package.name.contains(&wanted));
    packages.sort_by(|one, other| {
        (&one.name, &one.architecture, &one.version).cmp(&(&other.name, &other.architecture, &other.version))
    });
    Ok(PackageList { total: packages.len(), packages, package_manager })
}

/// Reads files away from the threads that serve others: a database is megabytes.
async fn blocking<T: Send + 'static>(system: &System, read: fn(&System) -> Result<T, Failure>) -> Result<T, Failure> {
    let system = system.clone();
    let joined = tokio::task::spawn_blocking(move || read(&system)).await;
    joined.unwrap_or_else(|error| {
        Err(Failure::new(ErrorCode::Internal, format!("reading the package database broke off: {error}")))
    })
}

fn family(os_release: &str) -> Option<PackageManagerName> {
    let field = |name: &str| {
        let value = os_release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
    };
    let (own, like) = (field("ID"), field("ID_LIKE"));
    std::iter::once(own.as_str()).chain(like.split_whitespace()).find_map(|id| {
        Some(match id {
            "debian" | "ubuntu" => PackageManagerName::Apt,
            "fedora" | "rhel" | "centos" | "amzn" | "ol" => PackageManagerName::Dnf,
            "alpine" => PackageManagerName::Apk,
            "arch" => PackageManagerName::Pacman,
            _ => return None,
        })
    })
}

fn by_database(system: &System) -> PackageManagerName {
    if system.exists(apt::STATUS) {
        PackageManagerName::Apt
    } else if system.exists(apk::DATABASES[0]) || system.exists(apk::DATABASES[1]) {
        PackageManagerName::Apk
    } else if system.exists(pacman::DATABASE) {
        PackageManagerName::Pacman
    } else if system.program("rpm").is_some() {
        PackageManagerName::Dnf
    } else {
        PackageManagerName::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    fn with_release(release: &str) -> Script {
        Script::new().file("/etc/os-release", release).file(apt::STATUS, "").file("/var/lib/pacman/local/x/desc", "")
    }

    #[test]
    fn the_family_decides_and_not_what_happens_to_be_installed() {
        for (release, expected) in [
            ("NAME=\"Debian GNU/Linux\"\nID=debian\n", PackageManagerName::Apt),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", PackageManagerName::Apt),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", PackageManagerName::Dnf),
            ("ID='alpine'\n", PackageManagerName::Apk),
            ("ID=manjaro\nID_LIKE=arch\n", PackageManagerName::Pacman),
        ] {
            assert_eq!(manager(&System::scripted(with_release(release))), expected, "{release}");
        }
    }

    #[test]
    fn an_old_host_of_the_rhel_family_has_yum() {
        let script = with_release("ID=\"centos\"\nVERSION_ID=\"7\"\n").program("yum");
        assert_eq!(manager(&System::scripted(script)), PackageManagerName::Yum);
        let script = with_release("ID=\"rocky\"\nID_LIKE=\"rhel\"\n").program("yum").program("dnf");
        assert_eq!(manager(&System::scripted(script)), PackageManagerName::Dnf);
    }

    #[test]
    fn without_a_known_family_the_database_tells() {
        assert_eq!(manager(&System::scripted(Script::new().file(apt::STATUS, ""))), PackageManagerName::Apt);
        let moved = Script::new().file("/usr/lib/apk/db/installed", "");
        assert_eq!(manager(&System::scripted(moved)), PackageManagerName::Apk);
        assert_eq!(manager(&System::scripted(Script::new().program("rpm"))), PackageManagerName::Dnf);
        assert_eq!(manager(&System::scripted(with_release("ID=suse\n"))), PackageManagerName::Apt);
        assert_eq!(manager(&System::scripted(Script::new())), PackageManagerName::None);
    }

    async fn listed(script: Script, name: &str) -> Result<PackageList, Failure> {
        let filter = PackageFilter { name: Some(name.to_owned()) };
        list(&System::scripted(script), &filter, &Context::alone()).await
    }

    #[tokio::test]
    async fn a_host_without_a_package_manager_says_so() {
        assert_eq!(listed(Script::new(), "").await.unwrap_err().code, ErrorCode::Unsupported);
    }

    #[tokio::test]
    async fn a_database_that_may_not_be_read_is_forbidden_and_not_empty() {
        let script = Script::new().file("/etc/os-release", "ID=debian\n").forbidden(apt::STATUS);
        let failure = listed(script, "").await.unwrap_err();
        assert_eq!(failure.code, ErrorCode::Forbidden);
        assert!(failure.message.contains(apt::STATUS), "{failure}");
    }

    #[tokio::test]
    async fn names_are_compared_here_and_are_no_pattern() {
        let status = "Package: libdemo\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\n\
                      Package: demo\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n";
        let script = || Script::new().file("/etc/os-release", "ID=debian\n").file(apt::STATUS, status);
        for (name, expected) in [("", 2), ("demo", 2), ("lib", 1), ("d*", 0), ("-n", 0)] {
            assert_eq!(listed(script(), name).await.unwrap().total, expected, "{name}");
        }
        assert_eq!(listed(script(), "").await.unwrap().packages[0].name, "demo");
    }
}
