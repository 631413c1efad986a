//! DHCP clients that write `/etc/resolv.conf` at every lease: told to leave it alone, or else a change would not last.

use osapi_core::{ErrorCode, Failure};

use crate::System;
use crate::machine::FileError;
use crate::network::link::Link;

const DHCLIENT_HOOKS: &str = "/etc/dhcp/dhclient-enter-hooks.d";
const UDHCPC: &str = "/etc/udhcpc/udhcpc.conf";
const DHCPCD: &str = "/etc/dhcpcd.conf";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Dhclient,
    Udhcpc,
    Dhcpcd,
}

/// The file that makes the interface's DHCP client leave `/etc/resolv.conf` alone: path and contents; `None` where there is
/// no client or it does so already.
///
/// # Errors
/// `unsupported` where it must be told by hand.
pub(super) fn hands_off(system: &System, link: &Link) -> Result<Option<(String, String)>, Failure> {
    let Some(client) = running(system, link) else { return Ok(None) };
    match client {
        Client::Dhclient if system.exists(DHCLIENT_HOOKS) => {
            let path = format!("{DHCLIENT_HOOKS}/osapi-dns");
            let text = format!("{}make_resolv_conf() {{ :; }}\n", super::HEADER);
            Ok((system.read(&path).ok().as_ref() != Some(&text)).then_some((path, text)))
        }
        Client::Udhcpc => {
            let before = read_or_empty(system, UDHCPC)?;
            let text = without_resolv_conf(&before);
            Ok((text != before).then(|| (UDHCPC.to_owned(), text)))
        }
        Client::Dhcpcd if has_line(&read_or_empty(system, DHCPCD)?, "nohook resolv.conf") => Ok(None),
        Client::Dhcpcd => {
            Err(writes_the_file("dhcpcd", "add `nohook resolv.conf` to `/etc/dhcpcd.conf` and restart it"))
        }
        Client::Dhclient => Err(writes_the_file("dhclient", "make its script leave the file alone")),
    }
}

/// What the file says; nothing where there is none. One that cannot be read must not be overwritten.
fn read_or_empty(system: &System, path: &str) -> Result<String, FileError> {
    match system.read(path) {
        Err(error) if error.code() == ErrorCode::NotFound => Ok(String::new()),
        read => read,
    }
}

fn writes_the_file(client: &str, hint: &str) -> Failure {
    Failure::unsupported(format!("`{client}` writes `/etc/resolv.conf` at every lease")).with_hint(hint)
}

/// The client that is running for that interface.
fn running(system: &System, link: &Link) -> Option<Client> {
    let processes = system.list_dir("/proc").unwrap_or_default();
    let numbers = processes.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut lines = numbers.filter_map(|number| system.read(&format!("/proc/{number}/cmdline")).ok());
    lines.find_map(|line| client(&line, link.name.as_str()))
}

fn client(command_line: &str, interface: &str) -> Option<Client> {
    let mut words = command_line.split(['\0', ' ']);
    let program = words.next()?.rsplit('/').next()?.trim_end_matches(':');
    // dhcpcd minds all interfaces and names none.
    match program {
        "dhcpcd" => Some(Client::Dhcpcd),
        "dhclient" => words.any(|word| word == interface).then_some(Client::Dhclient),
        "udhcpc" => words.any(|word| word == interface).then_some(Client::Udhcpc),
        _ => None,
    }
}

fn has_line(text: &str, wanted: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().eq(wanted.split(' ')))
}

fn without_resolv_conf(text: &str) -> String {
    let others = text.lines().filter(|line| !line.trim_start().starts_with("RESOLV_CONF="));
    others.chain(["RESOLV_CONF=\"no\""]).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Script;

    fn link() -> Link {
        Link { name: "eth0".parse().unwrap(), index: 2 }
    }

    fn host(command_line: &str) -> Script {
        Script::new().file("/proc/1/cmdline", "/sbin/init\0").file("/proc/77/cmdline", command_line)
    }

    #[test]
    fn a_client_of_the_interface_is_told_once() {
        let udhcpc = "udhcpc\0-b\0-R\0-p\0/var/run/udhcpc.eth0.pid\0-i\0eth0\0";
        let told = |script: Script| hands_off(&System::scripted(script), &link()).unwrap();
        let (path, text) = told(host(udhcpc).file(UDHCPC, "RESOLV_CONF=yes\nIF_METRIC=1\n")).unwrap();
        assert_eq!((path.as_str(), text.as_str()), (UDHCPC, "IF_METRIC=1\nRESOLV_CONF=\"no\"\n"));
        assert_eq!(told(host(udhcpc).file(UDHCPC, &text)), None);
        assert_eq!(told(host("udhcpc\0-i\0eth1\0")), None);
        let closed = System::scripted(host(udhcpc).forbidden(UDHCPC));
        assert_eq!(hands_off(&closed, &link()).unwrap_err().code, ErrorCode::Forbidden);
        assert_eq!(told(host("nginx: worker process\0")), None);

        let dhclient = "/sbin/dhclient\0-4\0-pf\0/run/dhclient.eth0.pid\0eth0\0";
        let debian = host(dhclient).file("/etc/dhcp/dhclient-enter-hooks.d/debug", "");
        let (path, text) = told(debian).unwrap();
        assert_eq!(path, "/etc/dhcp/dhclient-enter-hooks.d/osapi-dns");
        assert!(text.ends_with("make_resolv_conf() { :; }\n"), "{text}");
        let failure = hands_off(&System::scripted(host(dhclient)), &link()).unwrap_err();
        assert!(failure.message.contains("`dhclient` writes"), "{failure}");
    }

    #[test]
    fn dhcpcd_reads_its_file_at_its_start_only() {
        let dhcpcd = "dhcpcd: [manager] [ip4] [ip6]\0";
        assert!(hands_off(&System::scripted(host(dhcpcd)), &link()).is_err());
        let told = host(dhcpcd).file(DHCPCD, "hostname\n  nohook   resolv.conf\n");
        assert_eq!(hands_off(&System::scripted(told), &link()), Ok(None));
    }
}
