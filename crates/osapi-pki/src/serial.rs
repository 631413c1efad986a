//! Serial numbers of certificates, as people write them and as lists hold them.

use std::fmt;
use std::str::FromStr;

/// The longest X.509 allows, in bytes.
const BYTES_MAX: usize = 20;

/// The serial number of a certificate: a positive number, written in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Serial(Vec<u8>);

/// Why a text is no serial number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a serial number: 1 to 40 hex digits, with or without colons")]
pub struct NotASerial(String);

impl Serial {
    /// From the bytes in a certificate; a sign byte is no part of the number.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes.get(zeros..).unwrap_or_default().to_vec())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Serial {
    type Err = NotASerial;

    fn from_str(text: &str) -> Result<Self, NotASerial> {
        let refuse = || NotASerial(text.chars().take(80).collect());
        let digits: String = text.chars().filter(|character| *character != ':').collect();
        if digits.is_empty() || digits.len() > 2 * BYTES_MAX || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        let even = if digits.len().is_multiple_of(2) { digits } else { format!("0{digits}") };
        let byte = |at: usize| even.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes: Option<Vec<u8>> = (0..even.len()).step_by(2).map(byte).collect();
        let serial = Self::from_bytes(&bytes.ok_or_else(refuse)?);
        if serial.0.is_empty() { Err(refuse()) } else { Ok(serial) }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_print_is_read_and_nothing_else() {
        for text in ["0a1b", "a1b", "0A:1B", "000a1b"] {
            assert_eq!(text.parse::<Serial>().unwrap().to_string(), "0a1b", "{text}");
        }
        for text in ["", ":", "0", "00:00", "0x0a", "xyz", "-1", "a b", &"1".repeat(41), "ä1"] {
            assert!(text.parse::<Serial>().is_err(), "{text}");
        }
    }
}
