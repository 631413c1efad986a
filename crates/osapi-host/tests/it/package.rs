//! The packages we tell of are those the host's own tool tells of.

use std::collections::BTreeSet;

use anyhow::Context as _;
use osapi_core::package::PackageFilter;
use osapi_core::{Operation, Outcome};
use osapi_host::machine::Command;
use osapi_host::{Context, System};
use serde_json::Value;

use crate::lab_host::{carry_out, prepare};

#[tokio::test]
async fn the_list_is_that_of_dpkg_query() {
    let system = System::local();
    let Some(dpkg_query) = system.program("dpkg-query").filter(|_| system.exists("/etc/debian_version")) else {
        println!("skipped: this is not a Debian host");
        return;
    };
    let command = Command::new(&dpkg_query).options([
        "-W",
        "-f",
        "${Package} ${Version} ${Architecture} ${Installed-Size} ${db:Status-Status} ${binary:Summary}\\n",
    ]);
    let said = system.run(command).await.unwrap().expect_status(&[0]).unwrap().stdout;
    let expected: BTreeSet<&str> =
        said.lines().map(str::trim_end).filter(|line| !line.contains(" not-installed ")).collect();

    let operation = Operation::PackageListGet(PackageFilter::default());
    let outcome = osapi_host::carry_out(&system, &operation, &Context::alone()).await.unwrap();
    let Outcome::PackageListGet(list) = outcome else { panic!("another outcome: {outcome:?}") };
    assert_eq!(list.total, list.packages.len());
    let ours: BTreeSet<String> = list
        .packages
        .iter()
        .map(|one| {
            let status = serde_json::to_value(one.status).unwrap().as_str().unwrap().replace('_', "-");
            let size = one.size_installed.map(|bytes| (bytes / 1024).to_string()).unwrap_or_default();
            format!("{} {} {} {size} {status} {}", one.name, one.version, one.architecture, one.description)
        })
        .collect();
    let ours: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    assert!(ours.len() > 50, "a Debian host has more packages than {}", ours.len());
    let differing: Vec<_> = ours.symmetric_difference(&expected).collect();
    assert!(differing.is_empty(), "{differing:#?}");
}

/// Name, version and status of each package `package.list.get` tells of, on a lab machine made into another host.
async fn rows_after(code: &str) -> anyhow::Result<Option<Vec<String>>> {
    let Some(preparation) = prepare() else { return Ok(None) };
    let lab = preparation.enter().await?;
    lab.shell(code).await?;
    let list = carry_out(&lab, &[], "package.list.get", serde_json::json!({})).await?.outcome()?;
    let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let packages = list["packages"].as_array().context("a list")?;
    let row = |one: &Value| format!("{} {} {}", text(one, "name"), text(one, "version"), text(one, "status"));
    Ok(Some(packages.iter().map(row).collect()))
}

const RPM_HOST: &str = r#"
rm /etc/os-release; echo 'ID="rocky"' >/etc/os-release; echo 'ID_LIKE="rhel centos fedora"' >>/etc/os-release
mkdir -p /etc/rpm; echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros; rpm --initdb
make_rpm() { # NAME VERSION MORE
  printf 'Name: %s\nVersion: %s\nRelease: 1.el9\nSummary: a, "b"\tc\nLicense: MIT\nBuildArch: noarch\n%b%%description\nx\n%%files\n' \
    "$1" "$2" "$3" >/tmp/one.spec
  rpmbuild --quiet -bb --define '_rpmdir /tmp/rpms' --define '_topdir /tmp/top' /tmp/one.spec
}
make_rpm java-17-openjdk 17.0.9 'Epoch: 1\n'; make_rpm kernel-core 5.14.0 ''; make_rpm kernel-core 5.15.0 ''
rpm -i --nodeps --force /tmp/rpms/noarch/*.rpm
"#;

#[tokio::test]
async fn an_rpm_host_tells_each_version_of_a_package_once() -> anyhow::Result<()> {
    let Some(rows) = rows_after(RPM_HOST).await? else { return Ok(()) };
    let expected = ["java-17-openjdk 1:17.0.9-1.el9", "kernel-core 5.14.0-1.el9", "kernel-core 5.15.0-1.el9"];
    assert_eq!(rows, expected.map(|row| format!("{row} installed")));
    Ok(())
}

const PACMAN_HOST: &str = r#"
rm /etc/os-release; echo 'ID=arch' >/etc/os-release
make_package() { # NAME VERSION
  mkdir -p "/tmp/$1"; cd "/tmp/$1"
  printf 'pkgname = %s\npkgver = %s\npkgdesc = x\nsize = 100\narch = any\n' "$1" "$2" >.PKGINFO
  bsdtar -czf "/tmp/$1.pkg.tar.gz" .PKGINFO
}
make_package demo 1.0-1; make_package lib32-demo 2:3.1-2
printf '[options]\nSigLevel = Never\nArchitecture = auto\n' >/etc/pacman.conf
pacman -U --noconfirm /tmp/demo.pkg.tar.gz /tmp/lib32-demo.pkg.tar.gz
rm /var/lib/pacman/local/demo-1.0-1/desc
"#;

#[tokio::test]
async fn a_pacman_host_tells_also_of_what_is_broken() -> anyhow::Result<()> {
    let Some(rows) = rows_after(PACMAN_HOST).await? else { return Ok(()) };
    assert_eq!(rows, ["demo 1.0-1 broken", "lib32-demo 2:3.1-2 installed"]);
    Ok(())
}

const KILLED_DPKG: &str = r#"
make_deb() { # NAME
  mkdir -p "/tmp/$1/DEBIAN"
  printf 'Package: %s\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@example.invalid>\nDescription: x\n' "$1" \
    >"/tmp/$1/DEBIAN/control"
}
make_deb fine; make_deb deadly
printf '#!/bin/sh\nkill -9 $PPID\n' >/tmp/deadly/DEBIAN/postinst; chmod 755 /tmp/deadly/DEBIAN/postinst
for name in fine deadly; do dpkg-deb -Znone -b /tmp/$name /tmp/$name.deb; done
! dpkg -i /tmp/fine.deb /tmp/deadly.deb
! grep -q '^Package: fine$' /var/lib/dpkg/status
"#;

#[tokio::test]
async fn what_a_killed_dpkg_left_in_its_journal_is_told() -> anyhow::Result<()> {
    let Some(rows) = rows_after(KILLED_DPKG).await? else { return Ok(()) };
    for row in ["fine 1.0 installed", "deadly 1.0 broken"] {
        assert!(rows.iter().any(|known| known == row), "{row} is not told");
    }
    Ok(())
}
