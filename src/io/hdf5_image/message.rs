//! The messages of an object header: dataspace, datatype, attribute, as bytes.

use super::{Attribute, Element};

/// Message numbers of the format.
pub(in crate::io) mod kind {
    pub const DATASPACE: u16 = 0x01;
    pub const DATATYPE: u16 = 0x03;
    pub const FILL_VALUE: u16 = 0x05;
    pub const LAYOUT: u16 = 0x08;
    pub const ATTRIBUTE: u16 = 0x0C;
    pub const SYMBOL_TABLE: u16 = 0x11;
}

/// Message flag "constant", which libhdf5 sets on what cannot change after creation.
pub(super) const CONSTANT: u8 = 1;

/// One message of an object header.
pub(super) struct Message {
    pub kind: u16,
    pub flags: u8,
    pub body: Vec<u8>,
    /// Places in `body` that hold addresses of texts in the global heap: `(offset, text index)`.
    pub texts: Vec<(usize, usize)>,
}

impl Message {
    pub fn new(kind: u16, flags: u8, body: Vec<u8>) -> Self {
        Message {
            kind,
            flags,
            body,
            texts: Vec::new(),
        }
    }
}

/// Appends zero bytes up to a multiple of 8.
pub(super) fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
}

/// Dataspace message, version 1, without maximal dimensions; no `dims` means a scalar.
pub(super) fn dataspace(dims: &[u64]) -> Vec<u8> {
    let rank = u8::try_from(dims.len()).expect("HDF5 arrays have at most 32 axes");
    let mut body = vec![1, rank, 0, 0, 0, 0, 0, 0];
    for dim in dims {
        body.extend_from_slice(&dim.to_le_bytes());
    }
    body
}

/// Datatype message, version 1, of an element.
pub(in crate::io) fn datatype(element: Element) -> Vec<u8> {
    let (class_bits, properties): ([u8; 4], &[u8]) = match element {
        // Byte order, padding, sign bit; then bit offset, precision, exponent and mantissa.
        Element::F32 => (
            [0x11, 0x20, 31, 0],
            &[0, 0, 32, 0, 23, 8, 0, 23, 0x7F, 0, 0, 0],
        ),
        Element::F64 => (
            [0x11, 0x20, 63, 0],
            &[0, 0, 64, 0, 52, 11, 0, 52, 0xFF, 3, 0, 0],
        ),
        // Bit 3 of the second byte: signed. Then bit offset and precision.
        Element::I64 => ([0x10, 0x08, 0, 0], &[0, 0, 64, 0]),
        Element::U64 => ([0x10, 0, 0, 0], &[0, 0, 64, 0]),
        Element::U8 => ([0x10, 0, 0, 0], &[0, 0, 8, 0]),
        Element::U16 => ([0x10, 0, 0, 0], &[0, 0, 16, 0]),
        Element::Reference => ([0x17, 0, 0, 0], &[]),
        // Padded with zero bytes, UTF-8.
        Element::Text(_) => ([0x13, 0x11, 0, 0], &[]),
    };
    typed(class_bits, element.size(), properties)
}

/// Datatype of an ASCII text of `size` bytes, padded with zero bytes.
fn ascii(size: usize) -> Vec<u8> {
    let size = u32::try_from(size).expect("attribute texts are short");
    typed([0x13, 0x01, 0, 0], size, &[])
}

/// Variable-length list of `base`; bit 0 of `flags` makes it a text, bit 8 makes that UTF-8.
fn variable_length(flags: [u8; 3], base: &[u8]) -> Vec<u8> {
    typed(
        [0x19, flags[0], flags[1], flags[2]],
        VARIABLE_LENGTH_SIZE,
        base,
    )
}

/// Length (4), heap address (8), heap index (4).
const VARIABLE_LENGTH_SIZE: u32 = 16;

fn typed(class_bits: [u8; 4], size: u32, properties: &[u8]) -> Vec<u8> {
    let mut body = class_bits.to_vec();
    body.extend_from_slice(&size.to_le_bytes());
    body.extend_from_slice(properties);
    body
}

/// Attribute message, version 1; texts that belong in the global heap are appended to `heap`.
pub(super) fn attribute(name: &str, value: &Attribute, heap: &mut Vec<String>) -> Message {
    let scalar = dataspace(&[]);
    let list = |length: usize| dataspace(&[length as u64]);
    let (datatype, dataspace, data, texts) = match value {
        Attribute::Text(text) => (ascii(text.len()), scalar, text.as_bytes().to_vec(), &[][..]),
        Attribute::U8(value) => (datatype(Element::U8), scalar, vec![*value], &[][..]),
        Attribute::I64(value) => (
            datatype(Element::I64),
            scalar,
            value.to_le_bytes().to_vec(),
            &[][..],
        ),
        Attribute::U64s(values) => {
            let data = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (datatype(Element::U64), list(values.len()), data, &[][..])
        }
        Attribute::Characters(texts) => (
            variable_length([0, 0, 0], &ascii(1)),
            list(texts.len()),
            Vec::new(),
            &texts[..],
        ),
        Attribute::Texts(texts) => (
            variable_length([1, 1, 0], &datatype(Element::U8)),
            list(texts.len()),
            Vec::new(),
            &texts[..],
        ),
    };
    let name_size = name.len() + 1;
    let mut body = vec![1, 0];
    for size in [name_size, datatype.len(), dataspace.len()] {
        let size = u16::try_from(size).expect("attribute names and types are short");
        body.extend_from_slice(&size.to_le_bytes());
    }
    body.extend_from_slice(name.as_bytes());
    body.push(0);
    pad(&mut body);
    body.extend_from_slice(&datatype);
    pad(&mut body);
    body.extend_from_slice(&dataspace);
    pad(&mut body);
    body.extend_from_slice(&data);
    let mut places = Vec::with_capacity(texts.len());
    for text in texts {
        let length = u32::try_from(text.len()).expect("attribute texts are short");
        body.extend_from_slice(&length.to_le_bytes());
        places.push((body.len(), heap.len()));
        heap.push(text.clone());
        body.extend_from_slice(&[0; 12]);
    }
    Message {
        texts: places,
        ..Message::new(kind::ATTRIBUTE, 0, body)
    }
}
