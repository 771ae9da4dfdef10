//! How many bytes the working arrays may take.

use std::fs;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Upper bound for working arrays, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The bound.
    pub bytes: u64,
}

/// The bound where the system does not tell how much memory it has.
const FALLBACK: u64 = 4 << 30;

impl Memory {
    /// Half of what the machine has free now: other programs run there too.
    pub fn half_of_available() -> Memory {
        let available = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
            let line = text
                .lines()
                .find(|line| line.starts_with("MemAvailable:"))?;
            let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
            Some(kilobytes * 1024)
        });
        Memory {
            bytes: available.map_or(FALLBACK, |available| available / 2),
        }
    }
}

impl Memory {
    /// Refuses work that needs more than the bound.
    ///
    /// - `item`: whose work it is.
    /// - `what`: what takes the memory, in the user's words.
    pub fn require(self, bytes: u64, item: impl Into<String>, what: &str) -> Result<()> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let (needed, bound) = (amount(bytes), amount(self.bytes));
        Err(Error::data(
            item,
            format!("needs {needed} of memory for {what}, `--memory` allows {bound}"),
            format!(
                "give at least `--memory {needed}`, or ask for less at a time (a smaller ROI, fewer layers)"
            ),
        ))
    }
}

/// An amount as `--memory` takes it, rounded up.
fn amount(bytes: u64) -> String {
    if bytes < 1 << 30 {
        return format!("{}M", bytes.div_ceil(1 << 20));
    }
    let tenths = (bytes as f64 / (1u64 << 30) as f64 * 10.0).ceil();
    format!("{:.1}G", tenths / 10.0)
}

impl FromStr for Memory {
    type Err = Error;

    fn from_str(text: &str) -> Result<Memory> {
        let trimmed = text
            .trim()
            .trim_end_matches(['B', 'b'])
            .trim_end_matches('i');
        let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let shift = match trimmed[digits.len()..].to_ascii_uppercase().as_str() {
            "" => Some(0),
            "K" => Some(10),
            "M" => Some(20),
            "G" => Some(30),
            "T" => Some(40),
            _ => None,
        };
        let bytes = shift.and_then(|shift| {
            let number: f64 = digits.trim().parse().ok()?;
            let bytes = number * (1u64 << shift) as f64;
            (bytes.is_finite() && bytes >= (1u64 << 20) as f64).then_some(bytes as u64)
        });
        bytes.map(|bytes| Memory { bytes }).ok_or_else(|| {
            Error::data(
                format!("memory `{text}`"),
                "is not an amount of at least 1M",
                "write for instance `--memory 8G` or `--memory 500M`",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_that_an_error_names_is_enough() {
        for bytes in [
            (1u64 << 20) + 1,
            (1 << 30) - 1,
            (1 << 30) + 1,
            7_654_321_987,
        ] {
            let bound = Memory { bytes: bytes - 1 };
            let error = bound
                .require(bytes, "`sub-01/VC`", "its Gram matrix")
                .unwrap_err();
            let text = error.to_string();
            let named = text
                .split("--memory ")
                .last()
                .unwrap()
                .split('`')
                .next()
                .unwrap();
            let named: Memory = named.parse().unwrap();
            assert!(named.require(bytes, "", "").is_ok(), "{text}");
        }
    }

    #[test]
    fn amounts_with_units() {
        let bytes = |text: &str| text.parse::<Memory>().unwrap().bytes;
        assert_eq!(bytes("8G"), 8 << 30);
        assert_eq!(bytes("1.5G"), 3 << 29);
        assert_eq!(bytes("500MB"), 500 << 20);
        assert_eq!(bytes("4GiB"), 4 << 30);
        assert_eq!(bytes("2097152"), 2 << 20);
        for text in ["", "G", "-1G", "8X", "nan", "12", "infG"] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
    }
}
