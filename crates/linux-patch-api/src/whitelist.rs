//! Who may connect at all: a list of addresses and networks. Who is not on it does not exist for us.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;

use ipnet::IpNet;
use osapi_settings::{Document, Environment, Reader, SettingsError};

/// The addresses that may connect. An empty list lets nobody in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whitelist {
    networks: Vec<IpNet>,
}

impl Whitelist {
    /// Reads `entries:` of a YAML file.
    ///
    /// # Errors
    /// The file cannot be read, or anything in it is not an address or a network; all of it is named.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let reader = Reader::new("WHITELIST", Document::read(path)?, &Environment::default());
        let entries = reader.root().list::<Entry>("entries", "address or network", &[], "who may connect");
        reader.finish()?;
        Ok(Self { networks: entries.into_iter().map(|entry| entry.0).collect() })
    }

    /// Whether that address may connect. An IPv4 address that came over IPv6 counts as IPv4.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether nobody may connect.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }
}

/// One line of the list.
struct Entry(IpNet);

/// Why a text is not an entry.
#[derive(Debug)]
enum InvalidEntry {
    NoAddress,
    HostBits(IpNet),
}

impl fmt::Display for InvalidEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A name would let in whomever the name server says at the moment.
            Self::NoAddress => formatter.write_str(
                "it must be an address (`192.0.2.7`, `2001:db8::7`) or a network (`192.0.2.0/24`, `2001:db8::/64`); \
                 names are not looked up",
            ),
            Self::HostBits(network) => {
                let (host, whole) = (network.addr(), network.trunc());
                write!(formatter, "it has bits set beyond its prefix; write `{whole}` or `{host}`")
            }
        }
    }
}

impl FromStr for Entry {
    type Err = InvalidEntry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let network = address.or_else(|_| text.parse::<IpNet>()).map_err(|_| InvalidEntry::NoAddress)?;
        if network == network.trunc() { Ok(Self(network)) } else { Err(InvalidEntry::HostBits(network)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Whitelist, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Whitelist::load(file.path()).map_err(|error| error.to_string())
    }

    fn allows(text: &str, address: &str) -> bool {
        load(text).unwrap().allows(address.parse().unwrap())
    }

    #[test]
    fn an_empty_list_lets_nobody_in() {
        for text in ["", "entries:\n", "entries: []\n"] {
            assert!(load(text).unwrap().is_empty());
            assert!(!allows(text, "127.0.0.1"), "{text}");
        }
    }

    #[test]
    fn addresses_and_networks_of_both_families_are_let_in() {
        let list = "entries:\n  - 192.0.2.7\n  - 10.1.0.0/16 # office\n  - \"2001:db8::/64\"\n  - '::1'\n";
        for inside in ["192.0.2.7", "10.1.255.255", "2001:db8::42", "::1", "::ffff:192.0.2.7"] {
            assert!(allows(list, inside), "{inside}");
        }
        for outside in ["192.0.2.8", "10.2.0.1", "2001:db8:0:1::1", "::2", "127.0.0.1", "::ffff:192.0.2.8"] {
            assert!(!allows(list, outside), "{outside}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_with_its_line() {
        let error = load("entries:\n  - 10.0.0.1\n  - gateway.example\n  - 10.0.0.5/8\n  - 10.0.0.0/33\n").unwrap_err();
        for part in
            [":3: ", "`gateway.example`", "names are not looked up", ":4: ", "`10.0.0.0/8` or `10.0.0.5`", ":5: "]
        {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        assert!(load("entires:\n  - 10.0.0.1\n").unwrap_err().contains("`entires`"));
        assert!(load("- 10.0.0.1\n").is_err());
        assert!(Whitelist::load(Path::new("/nonexistent/whitelist.yaml")).is_err());
    }
}
