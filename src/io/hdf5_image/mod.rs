//! HDF5 files made in memory: the same content gives the same bytes, on every machine.
//!
//! A caller describes a tree of [`Group`]s and [`Dataset`]s; [`encode`] lays it out as the oldest
//! form of HDF5, which every reader understands (libhdf5 since 1.0, MATLAB, Octave, h5py,
//! hdf5storage). There are no timestamps, no free space and no library in the way, so writing can
//! go on in all threads at once, which libhdf5 with its global lock cannot.
//!
//! # On disk
//!
//! All integers are little-endian; addresses are 8 bytes and count from the end of the user block.
//!
//! | part | bytes | content |
//! |---|---|---|
//! | user block | 512 or 0 | MATLAB: 116 bytes of text, 8 zero bytes, version `0x0200`, `IM`, zeros |
//! | superblock, version 0 | 96 | signature, offset and length size 8, group leaf K 4, internal K 16, base address, end of file (from the start of the file), symbol-table entry of the root group |
//! | group | | object header; B-tree nodes `TREE` (544 bytes each, up to 32 children); local heap `HEAP` with the member names; leaves `SNOD` (328 bytes, up to 8 members in byte order of their names) |
//! | dataset | | object header version 1 with the messages dataspace (0x01, version 1), datatype (0x03, version 1), fill value (0x05, version 2), layout (0x08, version 3, contiguous) and one attribute message (0x0C, version 1) per attribute |
//! | global heap `GCOL` | multiple of 4096, or absent | texts of the variable-length attributes |
//! | raw data | | of the datasets given as bytes, then of the holes; each starts at a multiple of 8 |
//!
//! Dimensions are stored slowest first, as HDF5 wants it. MATLAB's order is the reverse of that;
//! reversing is the caller's business ([`crate::io::mat`]).

pub(in crate::io) mod message;
mod writer;

pub use writer::encode;

use std::collections::BTreeMap;

/// A named collection of groups and datasets.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Attributes, written in this order.
    pub attributes: Vec<(String, Attribute)>,
    /// Members by name.
    pub members: BTreeMap<String, Node>,
}

impl Group {
    /// Adds a dataset under `name`.
    pub fn insert_dataset(&mut self, name: &str, dataset: Dataset) {
        self.members.insert(name.to_owned(), Node::Dataset(dataset));
    }

    /// Adds a group under `name`.
    pub fn insert_group(&mut self, name: &str, group: Group) {
        self.members.insert(name.to_owned(), Node::Group(group));
    }
}

/// A member of a group.
#[derive(Debug, Clone)]
pub enum Node {
    /// A group.
    Group(Group),
    /// A dataset.
    Dataset(Dataset),
}

/// An array on disk.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Type of one element.
    pub element: Element,
    /// Axis lengths, slowest first; empty for a scalar.
    pub dims: Vec<u64>,
    /// The elements.
    pub data: Data,
    /// Attributes, written in this order.
    pub attributes: Vec<(String, Attribute)>,
}

impl Dataset {
    /// Number of bytes of the raw data.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.dims.iter().product::<u64>() * u64::from(self.element.size())
    }
}

/// Type of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 64-bit integer.
    U64,
    /// Byte; also MATLAB's logical.
    U8,
    /// 16-bit unsigned integer; also MATLAB's char (UTF-16).
    U16,
    /// Reference to another object of the file.
    Reference,
    /// Text of this many bytes, padded with zero bytes (UTF-8).
    Text(u32),
}

impl Element {
    /// Bytes of one element.
    #[must_use]
    pub fn size(self) -> u32 {
        match self {
            Element::F32 => 4,
            Element::F64 | Element::I64 | Element::U64 | Element::Reference => 8,
            Element::U8 => 1,
            Element::U16 => 2,
            Element::Text(bytes) => bytes,
        }
    }
}

/// Where the elements of a dataset come from.
#[derive(Debug, Clone)]
pub enum Data {
    /// Little-endian elements, slowest axis first.
    Bytes(Vec<u8>),
    /// Absolute paths (`/#refs#/a`) of the objects referred to.
    References(Vec<String>),
    /// Space is left; the caller fills it (see [`Image::holes`]).
    Hole,
}

/// A small value attached to a group or dataset.
#[derive(Debug, Clone)]
pub enum Attribute {
    /// Fixed-length ASCII text, of exactly its length.
    Text(String),
    /// One byte.
    U8(u8),
    /// One signed integer.
    I64(i64),
    /// A list of sizes.
    U64s(Vec<u64>),
    /// Variable-length lists of single characters, as in `MATLAB_fields`.
    Characters(Vec<String>),
    /// Variable-length UTF-8 texts.
    Texts(Vec<String>),
}

impl Attribute {
    /// A text attribute.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Attribute::Text(text.to_owned())
    }
}

/// What stands before the HDF5 part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserBlock {
    /// Nothing: a plain HDF5 file.
    None,
    /// The 512 bytes by which MATLAB and hdf5storage know a v7.3 file.
    Matlab,
}

/// An encoded file whose holes are still to be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The file up to the first hole (or to its end).
    pub bytes: Vec<u8>,
    /// `(offset, length)` in bytes from the start of the file, for each [`Data::Hole`] in the order
    /// of the walk: members of a group by name, groups entered where they stand.
    pub holes: Vec<(u64, u64)>,
    /// Length of the complete file.
    pub total_len: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(values: &[f32]) -> Vec<u8> {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }

    fn dataset(values: &[f32]) -> Dataset {
        Dataset {
            element: Element::F32,
            dims: vec![values.len() as u64, 1],
            data: Data::Bytes(bytes_of(values)),
            attributes: vec![("MATLAB_class".to_owned(), Attribute::text("single"))],
        }
    }

    #[test]
    fn same_content_gives_same_bytes_and_the_matlab_header() {
        let mut root = Group::default();
        root.insert_dataset("b", dataset(&[1.0, 2.0]));
        root.insert_dataset("a", dataset(&[3.0]));
        let image = encode(&root, UserBlock::Matlab);
        assert_eq!(image, encode(&root, UserBlock::Matlab));
        assert_eq!(&image.bytes[..10], b"MATLAB 7.3");
        assert_eq!(&image.bytes[124..128], b"\x00\x02IM");
        assert_eq!(&image.bytes[512..520], b"\x89HDF\r\n\x1a\n");
        assert_eq!(image.total_len, image.bytes.len() as u64);
        assert!(image.holes.is_empty());
    }

    #[test]
    fn holes_come_after_all_bytes() {
        let mut root = Group::default();
        root.insert_dataset(
            "a",
            Dataset {
                data: Data::Hole,
                ..dataset(&[0.0; 7])
            },
        );
        root.insert_dataset("b", dataset(&[1.0, 2.0]));
        root.insert_dataset(
            "c",
            Dataset {
                data: Data::Hole,
                ..dataset(&[0.0; 3])
            },
        );
        let image = encode(&root, UserBlock::None);
        let end = image.bytes.len() as u64;
        assert_eq!(image.holes, [(end, 28), (end + 32, 12)]);
        assert_eq!(image.total_len, end + 44);
    }
}
