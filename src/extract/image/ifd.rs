//! Single tags of a TIFF structure: of a TIFF file, or of the EXIF block in another.

/// Which way an image is to be turned.
pub const ORIENTATION: u16 = 274;
/// Bits of a sample.
pub const BITS: u16 = 258;
/// Which bit of a byte comes first.
pub const FILL_ORDER: u16 = 266;
/// What samples mean.
pub const PHOTOMETRIC: u16 = 262;

/// Bytes of an entry: tag, type, count and value.
const ENTRY: usize = 12;
/// Where an entry's value stands in it.
const VALUE: usize = 8;
/// Type of whole numbers of two bytes.
const SHORT: u16 = 3;

/// A number of two bytes in a TIFF structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Where it stands.
    pub at: usize,
    /// The number.
    pub value: u16,
    /// Whether the lower byte comes first.
    little_endian: bool,
}

impl Short {
    /// The number as stored here.
    pub fn bytes(self, value: u16) -> [u8; 2] {
        if self.little_endian {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    }
}

/// The tag's value in the first directory, if there is one of two bytes. Damaged structures have no tags.
pub fn short(structure: &[u8], tag: u16) -> Option<Short> {
    let little_endian = match structure.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let two = |at: usize| -> Option<u16> {
        let bytes = structure.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little_endian {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let (upper, lower) = if little_endian { (6, 4) } else { (4, 6) };
    let directory = usize::from(two(upper)?) << 16 | usize::from(two(lower)?);
    let entries = usize::from(two(directory)?);
    let mut places = (0..entries).map(|entry| directory + 2 + entry * ENTRY);
    let entry = places.find(|&place| two(place) == Some(tag))?;
    let value = two(entry + VALUE)?;
    (two(entry + 2) == Some(SHORT)).then_some(Short {
        at: entry + VALUE,
        value,
        little_endian,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_in_both_byte_orders() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        for structure in [little, big] {
            let found = short(structure, ORIENTATION).unwrap();
            assert_eq!((found.at, found.value), (18, 6));
            assert_eq!(structure[18..20], found.bytes(6));
            assert_eq!(short(structure, PHOTOMETRIC), None);
            for end in 0..structure.len() {
                let _ = short(&structure[..end], ORIENTATION);
            }
        }
        assert_eq!(short(b"II*\0\xff\xff\xff\xff", ORIENTATION), None);
    }
}
