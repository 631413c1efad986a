//! Quantities with units: `250ms`, `1h30m`, `7d`; `100MiB`, `2GB`.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Reads a duration with its unit, down to milliseconds; days have 24 hours and weeks 7 days.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

/// Reads a number of bytes: plain, or with `kB`, `MB`, `GB`, `TB` (powers of 1000) or `KiB`, `MiB`, `GiB`, `TiB` (of 1024).
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let factor: u64 = match text[digits..].trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("7d", 7 * 86_400_000),
            ("1h30m", 5_400_000),
            ("2m", 120_000),
            ("1w", 7 * 86_400_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "30", "7x", "-1s", "1mo", "soon"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1000_or_1024_as_written() {
        for (text, bytes) in [("0", 0), ("104857600", 104_857_600), ("100MiB", 104_857_600), ("2 GB", 2_000_000_000)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for bad in ["", "MiB", "-1", "1.5GB", "1 mib", "99999999999TiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
