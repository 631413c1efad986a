//! `/etc/resolv.conf`, where nothing but the file rules.

use std::net::IpAddr;

use osapi_core::network::SearchDomain;
use osapi_core::{ErrorCode, Failure};

use super::{Asked, InForce};
use crate::System;

pub(super) const PATH: &str = "/etc/resolv.conf";

/// What the resolver of the C library uses of the file; more are ignored.
const SERVERS: usize = 3;

/// What the file says; nothing where there is none.
///
/// # Errors
/// It may not be read.
pub(super) fn read(system: &System) -> Result<InForce, Failure> {
    match system.read(PATH) {
        Ok(text) => Ok(parse(&text)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(InForce::default()),
        Err(error) => Err(error.into()),
    }
}

/// The file with the lists that were asked for and all else as it was.
///
/// # Errors
/// More servers than the C library uses, or a program that is not ours to contradict writes the file.
pub(super) fn file(system: &System, asked: &Asked, wanted: &InForce) -> Result<(String, String), Failure> {
    if wanted.servers.len() > SERVERS {
        return Err(Failure::invalid(format!(
            "`servers` must have at most {SERVERS} addresses on a host that uses `{PATH}`"
        )));
    }
    if let Ok(target) = system.read_link(PATH) {
        return Err(Failure::unsupported(format!("`{PATH}` is a link to `{target}`, which another program writes"))
            .with_hint("set the name servers where that program is configured"));
    }
    let text = system.read(PATH).unwrap_or_default();
    Ok((PATH.to_owned(), edited(&text, asked, wanted)))
}

fn parse(text: &str) -> InForce {
    let mut settings = InForce::default();
    for line in text.lines() {
        let Some((keyword, rest)) = line.split_once([' ', '\t']) else { continue };
        let mut words = rest.split_whitespace();
        match keyword {
            "nameserver" => settings.servers.extend(words.next().and_then(address)),
            // The last one counts.
            "search" | "domain" => {
                settings.search_domains =
                    words.filter_map(|word| word.trim_end_matches('.').parse::<SearchDomain>().ok()).collect();
            }
            _ => {}
        }
    }
    settings.servers.truncate(SERVERS);
    settings
}

/// An address, without the zone that a link-local one may carry.
fn address(word: &str) -> Option<IpAddr> {
    word.split('%').next()?.parse().ok()
}

/// A list that was not asked for keeps its lines, which may say more than we read: the zone of a link-local server.
fn edited(text: &str, asked: &Asked, wanted: &InForce) -> String {
    let stays = |line: &&str| match line.split_whitespace().next() {
        Some("nameserver") => !asked.servers,
        Some("search" | "domain") => !asked.search_domains,
        _ => true,
    };
    let mut lines: Vec<String> = text.lines().filter(stays).map(str::to_owned).collect();
    if asked.search_domains && !wanted.search_domains.is_empty() {
        lines.push(format!("search {}", super::joined(&wanted.search_domains)));
    }
    if asked.servers {
        lines.extend(wanted.servers.iter().map(|server| format!("nameserver {server}")));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# by hand\ndomain ignored.example\nsearch Corp.Example lab.example.\nnameserver 192.0.2.1\n\
        nameserver fe80::1%eth0\n  nameserver 192.0.2.2\nnameserver\t192.0.2.3\nnameserver 192.0.2.4\noptions edns0\n";

    #[test]
    fn the_file_is_read_as_the_c_library_reads_it() {
        let settings = parse(TEXT);
        assert_eq!(super::super::joined(&settings.servers), "192.0.2.1 fe80::1 192.0.2.3");
        assert_eq!(super::super::joined(&settings.search_domains), "corp.example lab.example");
        assert_eq!(parse(""), InForce::default());
    }

    #[test]
    fn only_our_lines_change() {
        let mut wanted = InForce { servers: vec!["192.0.2.9".parse().unwrap()], ..InForce::default() };
        let both = Asked { servers: true, search_domains: true };
        assert_eq!(edited(TEXT, &both, &wanted), "# by hand\noptions edns0\nnameserver 192.0.2.9\n");
        wanted.search_domains = vec!["new.example".parse().unwrap()];
        assert_eq!(edited("", &both, &wanted), "search new.example\nnameserver 192.0.2.9\n");
        assert_eq!(parse(&edited(TEXT, &both, &wanted)), wanted);
        assert_eq!(edited(TEXT, &both, &InForce::default()), "# by hand\noptions edns0\n");
    }

    #[test]
    fn a_list_not_asked_for_keeps_what_only_its_lines_say() {
        let wanted = InForce { search_domains: vec!["new.example".parse().unwrap()], ..parse(TEXT) };
        let text = edited(TEXT, &Asked { servers: false, search_domains: true }, &wanted);
        assert!(text.contains("nameserver fe80::1%eth0\n") && text.ends_with("\nsearch new.example\n"), "{text}");
        assert_eq!(parse(&text), wanted);
    }
}
