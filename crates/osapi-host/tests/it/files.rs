//! Reading and replacing files, below a root and as a bystander sees it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use osapi_core::ErrorCode;
use osapi_core::outcome::Change;
use osapi_host::System;

#[test]
fn a_write_says_what_it_did_and_leaves_no_trace() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let system = System::rooted(root.path());
    assert_eq!(system.write("/etc/hostname", b"a\n", 0o644).unwrap(), Change::Created);
    assert_eq!(system.write("/etc/hostname", b"a\n", 0o644).unwrap(), Change::Unchanged);
    assert_eq!(system.write("/etc/hostname", b"b\n", 0o600).unwrap(), Change::Updated);
    assert_eq!(system.read("/etc/hostname").unwrap(), "b\n");
    let mode = fs::metadata(root.path().join("etc/hostname")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(system.list_dir("/etc").unwrap(), ["hostname"]);
    assert_eq!(system.remove("/etc/hostname").unwrap(), Change::Removed);
    assert_eq!(system.remove("/etc/hostname").unwrap(), Change::Unchanged);
    assert_eq!(system.read("/etc/hostname").unwrap_err().code(), ErrorCode::NotFound);
}

#[test]
fn links_are_resolved_inside_the_root_and_outlive_a_write() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("usr/lib")).unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    fs::write(root.path().join("usr/lib/os-release"), "ID=inside\n").unwrap();
    symlink("/usr/lib/os-release", root.path().join("etc/os-release")).unwrap();
    symlink("../../../../../../etc/passwd", root.path().join("etc/escape")).unwrap();
    let system = System::rooted(root.path());
    assert_eq!(system.read("/etc/os-release").unwrap(), "ID=inside\n");
    assert_eq!(system.read_link("/etc/os-release").unwrap(), "/usr/lib/os-release");
    assert_eq!(system.read("/etc/escape").unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!(system.write("/etc/os-release", b"ID=new\n", 0o644).unwrap(), Change::Updated);
    assert_eq!(system.read_link("/etc/os-release").unwrap(), "/usr/lib/os-release");
    assert_eq!(fs::read_to_string(root.path().join("usr/lib/os-release")).unwrap(), "ID=new\n");
}

#[test]
fn a_failure_names_the_path() {
    let failure: osapi_core::Failure = System::local().read("/nowhere/at/all").unwrap_err().into();
    assert!(failure.message.starts_with("cannot read `/nowhere/at/all`: "), "{}", failure.message);
    let huge = System::local().read("/dev/zero").unwrap_err();
    assert_eq!(huge.code(), ErrorCode::Failed);
}
