//! Finding a variable in the root group and parsing the messages of its header.

use super::layout::{Layout, Raw, pipeline};
use super::{Input, group, modern, plausible};
use crate::io::hdf5_image::Element;
use crate::io::hdf5_image::message::{datatype, kind};
use crate::io::mat::Convention;

/// A single or double array in a layout that this module reads.
#[derive(Debug)]
pub(super) struct Object {
    /// Axis lengths, slowest first.
    pub dims: Vec<usize>,
    pub n_elements: usize,
    /// Bytes per element: 4 or 8.
    pub size: usize,
    pub convention: Convention,
    pub layout: Layout,
}

/// Messages of an object header with their numbers.
pub(super) type Messages = Vec<(u16, Vec<u8>)>;

/// Header blocks of an object; hdf5storage writes up to three.
pub(super) const MAX_BLOCKS: usize = 64;
const MAX_AXES: usize = 32;

impl Object {
    /// Parses the header of `variable`; `None` for anything that is not plain.
    pub fn find(input: &Input, variable: &str) -> Option<Object> {
        let base = input.hdf5_start()?;
        let name = variable.as_bytes();
        let messages = match input.bytes(base, 9)?[8] {
            0 => {
                let root = group::root(input, base)?;
                let messages = group::messages(input, base, root)?;
                let header = group::member(input, base, &messages, name)?;
                group::messages(input, base, header)?
            }
            _ => {
                let root = modern::root(input, base)?;
                let messages = modern::messages(input, base, root)?;
                let header = modern::link(&messages, base, name)?;
                modern::messages(input, base, header)?
            }
        };
        parse(input, base, &messages)
    }
}

/// Little-endian fields at given offsets.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl Fields<'_> {
    pub fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.0.get(at..at.checked_add(2)?)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.0.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    pub fn u64(&self, at: usize) -> Option<u64> {
        let bytes = self.0.get(at..at.checked_add(8)?)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }
}

const EMPTY: u16 = 0x00;
const OLD_FILL_VALUE: u16 = 0x04;
const FILTERS: u16 = 0x0B;
pub(super) const CONTINUATION: u16 = 0x10;
const MODIFIED: u16 = 0x12;
const ATTRIBUTE_INFO: u16 = 0x15;

fn parse(input: &Input, base: u64, messages: &[(u16, Vec<u8>)]) -> Option<Object> {
    let (mut dims, mut size, mut layout) = (None, None, None);
    let mut filters = Vec::new();
    let mut convention = Convention::default();
    for (number, body) in messages {
        match *number {
            kind::DATASPACE => dims = Some(dataspace(body)?),
            kind::DATATYPE => size = Some(element_size(body)?),
            kind::LAYOUT => layout = Some(body),
            FILTERS => filters = pipeline(body)?,
            kind::ATTRIBUTE => attribute(body, &mut convention)?,
            ATTRIBUTE_INFO if !has_dense_attributes(body)? => {}
            EMPTY | OLD_FILL_VALUE | kind::FILL_VALUE | CONTINUATION | MODIFIED => {}
            _ => return None,
        }
    }
    let (dims, size, layout) = (dims?, size?, layout?);
    let n_elements = plausible(&dims, size, input.length)?;
    if matches!(
        convention.class.as_deref(),
        Some("char" | "cell" | "struct")
    ) {
        return None;
    }
    let layout = Raw {
        body: layout,
        dims: &dims,
        size,
        base,
    }
    .layout(filters)?;
    Some(Object {
        dims,
        n_elements,
        size,
        convention,
        layout,
    })
}

/// Whether attributes are stored outside the header, by the attribute info message.
fn has_dense_attributes(body: &[u8]) -> Option<bool> {
    // Flag bit 0: the largest creation order comes first.
    let at = if *body.get(1)? & 1 != 0 { 4 } else { 2 };
    Some(Fields(body).u64(at)? != u64::MAX)
}

fn dataspace(body: &[u8]) -> Option<Vec<usize>> {
    let rank = usize::from(*body.get(1)?);
    let start = match body[0] {
        1 => 8,
        // Version 2 has a type: 0 scalar, 1 simple, 2 null.
        2 if *body.get(3)? != 2 => 4,
        _ => return None,
    };
    if rank > MAX_AXES {
        return None;
    }
    let length = |axis| usize::try_from(Fields(body).u64(start + 8 * axis)?).ok();
    (0..rank).map(length).collect()
}

fn element_size(body: &[u8]) -> Option<usize> {
    let known = [(Element::F32, 4), (Element::F64, 8)];
    known
        .into_iter()
        .find(|(element, _)| body.starts_with(&datatype(*element)))
        .map(|(_, n)| n)
}

/// Reads what the loader goes by; `None` for the attributes of empty arrays and unknown versions.
fn attribute(body: &[u8], convention: &mut Convention) -> Option<()> {
    let fields = Fields(body);
    // Version 1 pads each part; version 3 names the character set of the name instead.
    let (start, unit) = match *body.first()? {
        1 => (8, 8),
        // Flags: type or space are stored elsewhere.
        3 if *body.get(1)? == 0 => (9, 1),
        _ => return None,
    };
    let padded = |at| Some(usize::from(fields.u16(at)?).next_multiple_of(unit));
    let name_end = start + usize::from(fields.u16(2)?);
    let type_at = start + padded(2)?;
    let space_at = type_at + padded(4)?;
    let data_at = space_at + padded(6)?;
    let name = body.get(start..name_end)?.split(|&byte| byte == 0).next()?;
    let datatype_bytes = body.get(type_at..space_at)?;
    let dims = dataspace(body.get(space_at..data_at)?);
    let data = body.get(data_at..)?;
    match name {
        b"MATLAB_class" => {
            // Class 3: fixed-length text.
            let size = Fields(datatype_bytes).u32(4)? as usize;
            if datatype_bytes[0] != 0x13 || !dims?.is_empty() {
                return None;
            }
            let text = data.get(..size)?.split(|&byte| byte == 0).next()?;
            convention.class = Some(std::str::from_utf8(text).ok()?.to_owned());
        }
        b"Python.Shape" => {
            let rank = *dims?.first()?;
            if !datatype_bytes.starts_with(&datatype(Element::U64)) || rank > MAX_AXES {
                return None;
            }
            let shape = (0..rank).map(|axis| Fields(data).u64(8 * axis));
            convention.python_shape = Some(shape.collect::<Option<_>>()?);
        }
        b"MATLAB_empty" => return None,
        _ => {}
    }
    Some(())
}
