//! Unit of work ↔ names of its claim files.
//!
//! `<unit, percent-encoded>.g<generation>`, all in one folder. Encoded names that would be too long for a file
//! system are cut and end in `%-<hash>`, which no encoded name does: different units have different names.

use std::fmt;

/// Longest name of a file on the usual file systems, in bytes.
const LONGEST: usize = 255;

/// Room for `.g` and the largest generation.
const GENERATION_ROOM: usize = 12;

/// Bytes that are kept of a name that is cut.
const KEPT: usize = 160;

/// Digits of the hash of a name that is cut.
const HASH_DIGITS: usize = 32;

/// What a unit is called in the folder of claims.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct UnitName(String);

impl UnitName {
    /// The name of a unit such as `decode-train/pytorch/alexnet/conv1/sub-01/V1`.
    pub fn new(unit: &str) -> UnitName {
        let mut name = String::with_capacity(unit.len() + 16);
        for (at, byte) in unit.bytes().enumerate() {
            // A dot in front would hide the file.
            let plain = byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'_' | b':' | b'+' | b'=' | b',')
                || (byte == b'.' && at > 0);
            if plain {
                name.push(char::from(byte));
            } else {
                name.push_str(&format!("%{byte:02X}"));
            }
        }
        if name.is_empty() || name.len() > LONGEST - GENERATION_ROOM {
            let hash = blake3::hash(unit.as_bytes()).to_hex();
            name.truncate(KEPT);
            name.push_str("%-");
            name.push_str(&hash[..HASH_DIGITS]);
        }
        UnitName(name)
    }

    /// The unit, if its name was not cut.
    pub fn unit(&self) -> Option<String> {
        let mut parts = self.0.split('%');
        let mut bytes = parts.next()?.as_bytes().to_vec();
        for part in parts {
            let (code, rest) = part.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            bytes.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8(bytes).ok()
    }

    /// The file of one generation.
    pub fn file(&self, generation: u32) -> String {
        format!("{}.g{generation}", self.0)
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Name and generation in the name of a claim file; `None` for files that are none.
pub(super) fn parse(file: &str) -> Option<(UnitName, u32)> {
    let (name, generation) = file.rsplit_once(".g")?;
    let generation: u32 = generation.parse().ok()?;
    let parsed = UnitName(name.to_owned());
    (generation > 0 && parsed.file(generation) == file).then_some((parsed, generation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_readable_and_of_one_folder() {
        let name = UnitName::new("decode-train/pytorch/alexnet/conv1/sub-01/V1");
        let file = "decode-train%2Fpytorch%2Falexnet%2Fconv1%2Fsub-01%2FV1.g1";
        assert_eq!(name.file(1), file);
        assert_eq!(
            name.unit().unwrap(),
            "decode-train/pytorch/alexnet/conv1/sub-01/V1"
        );
        assert_eq!(parse(file), Some((name, 1)));
        for other in [
            "",
            "a",
            "a.g",
            "a.g0",
            "a.g01",
            "a.g+1",
            "a.gx",
            "a.g4294967296",
            ".tmp",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_unit_is_read_from_a_name_that_was_not_cut() {
        for unit in ["a/ü b", ".", "100%", "a.g1"] {
            assert_eq!(UnitName::new(unit).unit().as_deref(), Some(unit));
        }
        assert_eq!(UnitName::new(&"ü/".repeat(200)).unit(), None);
        assert_eq!(UnitName("a%".to_owned()).unit(), None);
    }

    #[test]
    fn no_two_units_share_a_file_and_every_name_fits() {
        let long = "ü/".repeat(200);
        let hash_like = format!("{}%-{}", "a".repeat(KEPT), "0".repeat(HASH_DIGITS));
        let mut units = vec![
            String::new(),
            ".".into(),
            "..".into(),
            "a".into(),
            "a.g1".into(),
            "a.g1.g1".into(),
            "a/b".into(),
            "a%2Fb".into(),
            "a\\b".into(),
            "a\0b".into(),
            "a b".into(),
            "ä".into(),
            "a".repeat(243),
            "a".repeat(244),
            "a".repeat(245),
            "a".repeat(4000),
            long.clone(),
            format!("{long}x"),
            hash_like,
            "%-".into(),
        ];
        units.extend((0..100).map(|i| format!("{}{i}", "x".repeat(300))));
        let mut files = HashSet::new();
        for unit in &units {
            for generation in [1, 2, 11, u32::MAX] {
                let file = UnitName::new(unit).file(generation);
                assert!(file.len() <= LONGEST && !file.starts_with('.'), "{file}");
                assert!(
                    file.bytes().all(|b| b.is_ascii_graphic() && b != b'/'),
                    "{file}"
                );
                assert_eq!(parse(&file), Some((UnitName::new(unit), generation)));
                assert!(files.insert(file), "{unit} {generation}");
            }
        }
    }
}
