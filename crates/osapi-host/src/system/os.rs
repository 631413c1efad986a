//! `system.os.get`: os-release, the kernel, and what kind of host it is.

use std::collections::BTreeMap;

use osapi_core::system::OsInfo;
use osapi_core::{ErrorCode, Failure};

use super::Init;
use crate::machine::FileError;
use crate::{System, package};

pub(crate) fn get(system: &System) -> Result<OsInfo, Failure> {
    let release = Release::read(system)?;
    let kernel = system.read("/proc/sys/kernel/osrelease")?.trim().to_owned();
    Ok(OsInfo {
        package_manager: package::manager(system),
        container: container(system, &kernel),
        distribution: release.id,
        version: release.version,
        name: release.name,
        like: release.like,
        kernel,
        architecture: rustix::system::uname().machine().to_string_lossy().into_owned(),
        init_system: init_system(system)?,
        boot_id: system.read("/proc/sys/kernel/random/boot_id")?.trim().to_owned(),
    })
}

/// What os-release says, with the defaults that its manual page gives.
struct Release {
    id: String,
    version: String,
    name: String,
    like: Vec<String>,
}

impl Release {
    fn read(system: &System) -> Result<Self, FileError> {
        let absent = |error: &FileError| error.code() == ErrorCode::NotFound;
        let text = match system.read("/etc/os-release") {
            Err(error) if absent(&error) => system.read("/usr/lib/os-release"),
            read => read,
        };
        match text {
            Err(error) if absent(&error) => Ok(Self::of("")),
            text => text.map(|text| Self::of(&text)),
        }
    }

    fn of(text: &str) -> Self {
        let mut fields = parse(text);
        let mut field = |name: &str| fields.remove(name).filter(|value| !value.is_empty());
        Self {
            id: field("ID").unwrap_or_else(|| "linux".to_owned()),
            version: field("VERSION_ID").unwrap_or_default(),
            name: field("PRETTY_NAME").unwrap_or_else(|| "Linux".to_owned()),
            like: field("ID_LIKE").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect(),
        }
    }
}

/// The assignments of os-release; values are quoted as in a shell.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some((name, value)) = line.split_once('=') {
            fields.insert(name.to_owned(), unquote(value));
        }
    }
    fields
}

fn unquote(value: &str) -> String {
    let quoted = |mark: char| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    if let Some(inner) = quoted('\'') {
        return inner.to_owned();
    }
    let mut plain = String::with_capacity(value.len());
    let mut characters = quoted('"').unwrap_or(value).chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    plain
}

fn init_system(system: &System) -> Result<String, FileError> {
    Ok(match Init::of(system) {
        Init::Systemd => "systemd".to_owned(),
        Init::OpenRc => "openrc".to_owned(),
        Init::Other => system.read("/proc/1/comm")?.trim().to_owned(),
    })
}

/// What a container leaves to be known by. The first five are declared, only the last is inferred.
fn container(system: &System, kernel: &str) -> Option<String> {
    let declared = |path: &str| {
        let text = system.read(path).ok()?;
        let name = text.split('\0').find_map(|part| part.strip_prefix("container=")).unwrap_or_default();
        Some(name.to_owned()).filter(|name| !name.is_empty())
    };
    if let Ok(name) = system.read("/run/systemd/container") {
        return Some(name.trim().to_owned());
    }
    if system.exists("/run/.containerenv") {
        return Some("podman".to_owned());
    }
    if system.exists("/.dockerenv") {
        return Some("docker".to_owned());
    }
    if let Some(name) = declared("/proc/1/environ") {
        return Some(name);
    }
    if kernel.contains("Microsoft") || kernel.contains("microsoft-standard-WSL") {
        return Some("wsl".to_owned());
    }
    let groups = system.read("/proc/1/cgroup").unwrap_or_default();
    [("/kubepods", "kubernetes"), ("/docker/", "docker"), ("/lxc", "lxc"), ("/libpod", "podman")]
        .into_iter()
        .find(|(mark, _)| groups.contains(mark))
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    #[test]
    fn values_are_unquoted_as_a_shell_would() {
        let fields = parse("# comment\nA=plain\nB=\"two words\"\nC='it $is'\nD=\"a \\\"b\\\" \\$c\"\nE=\n\nno line\n");
        let expected = [("A", "plain"), ("B", "two words"), ("C", "it $is"), ("D", "a \"b\" $c"), ("E", "")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(fields, BTreeMap::from(expected));
    }

    #[test]
    fn containers_are_told_by_what_they_leave() {
        let kernel = "6.1.0-18-amd64";
        let check = |script: Script, kernel: &str, expected: Option<&str>| {
            assert_eq!(container(&System::scripted(script), kernel).as_deref(), expected);
        };
        check(Script::new(), kernel, None);
        check(Script::new().file("/run/systemd/container", "systemd-nspawn\n"), kernel, Some("systemd-nspawn"));
        check(Script::new().file("/.dockerenv", ""), kernel, Some("docker"));
        check(Script::new().file("/proc/1/environ", "TERM=linux\0container=lxc\0"), kernel, Some("lxc"));
        check(Script::new().forbidden("/proc/1/environ"), kernel, None);
        check(Script::new(), "5.15.153.1-microsoft-standard-WSL2", Some("wsl"));
        check(Script::new().file("/proc/1/cgroup", "0::/kubepods/besteffort/pod1\n"), kernel, Some("kubernetes"));
    }
}
