//! Finding a variable in the root group and parsing its object header.

use std::borrow::Cow;

use super::{Input, plausible};
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

#[derive(Debug)]
pub(super) enum Layout {
    /// In one piece, at this offset from the start of the file.
    Contiguous {
        address: u64,
    },
    Chunked(Chunked),
}

/// Where the chunks are and what was done to them.
#[derive(Debug)]
pub(super) struct Chunked {
    /// Address of the B-tree from the start of the file.
    pub tree: u64,
    /// Start of the HDF5 part of the file, to which addresses refer.
    pub base: u64,
    /// Axis lengths of a chunk, slowest first.
    pub dims: Vec<usize>,
    /// In the order in which they were applied on writing.
    pub filters: Vec<Filter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    /// With the size of an element.
    Shuffle(usize),
    Fletcher32,
}

/// Deeper trees than this are damaged.
const MAX_TREE_LEVEL: u8 = 8;
/// Header blocks of an object; hdf5storage writes up to three.
const MAX_BLOCKS: usize = 64;
const MAX_AXES: usize = 32;

impl Object {
    /// Parses the header of `variable`; `None` for anything that is not plain.
    pub fn find(input: &Input, variable: &str) -> Option<Object> {
        let base = input.hdf5_start()?;
        let superblock = input.bytes(base, 96)?;
        let fields = Fields(&superblock);
        // Versions of superblock, free space, root group, shared messages; sizes of addresses.
        if superblock[8..15] != [0, 0, 0, 0, 0, 8, 8] || fields.u64(24)? != base {
            return None;
        }
        // The superblock says where the file ends: this one is cut short, or was added to.
        if fields.u64(40)? != input.length {
            return None;
        }
        let root = fields.u64(64)?.checked_add(base)?;
        let messages = messages(input, base, root)?;
        let (_, table) = messages
            .iter()
            .find(|(number, _)| *number == kind::SYMBOL_TABLE)?;
        let tree = Fields(table).u64(0)?.checked_add(base)?;
        let heap = Fields(table).u64(8)?.checked_add(base)?;
        let names = Names::open(input, base, heap)?;
        let header = lookup(input, base, tree, &names, variable.as_bytes())?;
        parse(input, base, &self::messages(input, base, header)?)
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

/// The local heap of a group: its members' names.
struct Names<'a>(Cow<'a, [u8]>);

impl<'a> Names<'a> {
    fn open(input: &'a Input, base: u64, address: u64) -> Option<Self> {
        let heap = input.bytes(address, 32)?;
        if &heap[..5] != b"HEAP\0" {
            return None;
        }
        let fields = Fields(&heap);
        input
            .bytes(fields.u64(24)?.checked_add(base)?, fields.u64(8)?)
            .map(Names)
    }

    fn get(&self, offset: u64) -> Option<&[u8]> {
        let rest = self.0.get(usize::try_from(offset).ok()?..)?;
        rest.split(|&byte| byte == 0).next()
    }
}

/// Descends the B-tree of a group to the object header of `name`.
fn lookup(input: &Input, base: u64, tree: u64, names: &Names, name: &[u8]) -> Option<u64> {
    let mut address = tree;
    let mut expected_level = None;
    loop {
        let node = input.bytes(address, 24)?;
        let level = node[5];
        if &node[..5] != b"TREE\0" || level > MAX_TREE_LEVEL {
            return None;
        }
        if expected_level.is_some_and(|expected| expected != level) {
            return None;
        }
        let n_children = usize::from(Fields(&node).u16(6)?);
        let entries = input.bytes(address.checked_add(24)?, 8 + 16 * n_children as u64)?;
        let fields = Fields(&entries);
        let mut child = None;
        for index in 0..n_children {
            // The key after a child is the largest name in it.
            if name <= names.get(fields.u64(16 * index + 16)?)? {
                child = Some(fields.u64(16 * index + 8)?.checked_add(base)?);
                break;
            }
        }
        address = child?;
        match level.checked_sub(1) {
            Some(next) => expected_level = Some(next),
            None => return leaf(input, base, address, names, name),
        }
    }
}

fn leaf(input: &Input, base: u64, address: u64, names: &Names, name: &[u8]) -> Option<u64> {
    let head = input.bytes(address, 8)?;
    if &head[..5] != b"SNOD\x01" {
        return None;
    }
    let n_members = usize::from(Fields(&head).u16(6)?);
    let entries = input.bytes(address.checked_add(8)?, 40 * n_members as u64)?;
    for entry in entries.chunks_exact(40) {
        let fields = Fields(entry);
        if names.get(fields.u64(0)?)? == name {
            // Cache type 2 is a symbolic link.
            return if fields.u32(16)? == 2 {
                None
            } else {
                fields.u64(8)?.checked_add(base)
            };
        }
    }
    None
}

/// All messages of an object header, version 1, with their numbers.
fn messages(input: &Input, base: u64, address: u64) -> Option<Vec<(u16, Vec<u8>)>> {
    let prefix = input.bytes(address, 16)?;
    if prefix[0] != 1 {
        return None;
    }
    let fields = Fields(&prefix);
    let n_messages = usize::from(fields.u16(2)?);
    let mut blocks = vec![(address.checked_add(16)?, u64::from(fields.u32(8)?))];
    let mut messages = Vec::new();
    let mut next = 0;
    while let Some(&(start, size)) = blocks.get(next) {
        next += 1;
        if next > MAX_BLOCKS {
            return None;
        }
        let block = input.bytes(start, size)?;
        let mut at = 0;
        while at + 8 <= block.len() {
            let fields = Fields(&block[at..]);
            let (number, size) = (fields.u16(0)?, usize::from(fields.u16(2)?));
            // Flag bit 1: the message is stored elsewhere.
            if block[at + 4] & 2 != 0 {
                return None;
            }
            let body = block.get(at + 8..at + 8 + size)?.to_vec();
            at += 8 + size;
            if number == CONTINUATION {
                let fields = Fields(&body);
                blocks.push((fields.u64(0)?.checked_add(base)?, fields.u64(8)?));
            }
            messages.push((number, body));
        }
    }
    (messages.len() == n_messages).then_some(messages)
}

const EMPTY: u16 = 0x00;
const OLD_FILL_VALUE: u16 = 0x04;
const FILTERS: u16 = 0x0B;
const CONTINUATION: u16 = 0x10;
const MODIFIED: u16 = 0x12;

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
    let fields = Fields(layout);
    let layout = match layout.get(..2)? {
        [3, 1] if filters.is_empty() => {
            if fields.u64(10)? != (n_elements * size) as u64 || n_elements == 0 {
                return None;
            }
            Layout::Contiguous {
                address: fields.u64(2)?.checked_add(base)?,
            }
        }
        [3, 2] if usize::from(*layout.get(2)?) == dims.len() + 1 && n_elements > 0 => {
            let length = |axis| Some(fields.u32(11 + 4 * axis)? as usize);
            if length(dims.len())? != size {
                return None;
            }
            let chunk_dims: Vec<usize> = (0..dims.len()).map(length).collect::<Option<_>>()?;
            if chunk_dims.contains(&0) {
                return None;
            }
            let tree = fields.u64(3)?.checked_add(base)?;
            Layout::Chunked(Chunked {
                tree,
                base,
                dims: chunk_dims,
                filters,
            })
        }
        _ => return None,
    };
    Some(Object {
        dims,
        n_elements,
        size,
        convention,
        layout,
    })
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

/// Filter pipeline message, version 1.
fn pipeline(body: &[u8]) -> Option<Vec<Filter>> {
    if *body.first()? != 1 {
        return None;
    }
    let n_filters = usize::from(*body.get(1)?);
    let mut filters = Vec::new();
    let mut at = 8;
    for _ in 0..n_filters {
        let fields = Fields(body.get(at..)?);
        let (number, name, n_values) = (fields.u16(0)?, fields.u16(2)?, fields.u16(6)?);
        let values_at = 8 + usize::from(name).next_multiple_of(8);
        filters.push(match number {
            1 => Filter::Deflate,
            // Its value is the size of the elements.
            2 if n_values == 1 => Filter::Shuffle(fields.u32(values_at)? as usize),
            3 => Filter::Fletcher32,
            _ => return None,
        });
        // An odd number of values is padded.
        at += values_at + 4 * usize::from(n_values.next_multiple_of(2));
    }
    Some(filters)
}

/// Reads what the loader goes by; `None` for the attributes of empty arrays and unknown versions.
fn attribute(body: &[u8], convention: &mut Convention) -> Option<()> {
    let fields = Fields(body);
    if *body.first()? != 1 {
        return None;
    }
    let padded = |at| Some(usize::from(fields.u16(at)?).next_multiple_of(8));
    let name_end = 8 + usize::from(fields.u16(2)?);
    let type_at = 8 + padded(2)?;
    let space_at = type_at + padded(4)?;
    let data_at = space_at + padded(6)?;
    let name = body.get(8..name_end)?.split(|&byte| byte == 0).next()?;
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
