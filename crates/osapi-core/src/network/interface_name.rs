//! The name of a network interface.

use std::fmt;
use std::str::FromStr;

use crate::text::written_as_text;

/// The name of a network interface as the kernel allows it (`dev_valid_name`): 1 to 15 bytes, no `/`, no `:`, no blank,
/// not `.` or `..`.
///
/// A leading `-` is refused too, so that no name can be read as an option, and so is anything but printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName(String);

/// Why a text is not the name of an interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an interface name: 1 to 15 printable characters without `/`, `:` and blanks, not beginning with `-`"
)]
pub struct InvalidInterfaceName(String);

impl InterfaceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = InvalidInterfaceName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = (1..=15).contains(&text.len())
            && text != "."
            && text != ".."
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
        if fine { Ok(Self(text.to_owned())) } else { Err(InvalidInterfaceName(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

written_as_text!(InterfaceName, example: "eth0", pattern: r"^[!-,.0-9;-~][!-.0-9;-~]{0,14}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_kernel_allows_less_options() {
        for good in ["eth0", "enp0s31f6", "br-lan", "eth0.100", "wg_0", "veth1@2"] {
            assert!(good.parse::<InterfaceName>().is_ok(), "`{good}` was refused");
        }
        for bad in ["", "-a", "a/b", "a:b", "a b", ".", "..", "abcdefghijklmnop", "a\n", "é"] {
            assert!(bad.parse::<InterfaceName>().is_err(), "`{bad}` was accepted");
        }
    }
}
