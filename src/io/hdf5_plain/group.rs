//! Superblocks of version 0, old-style groups and object headers of version 1.

use std::borrow::Cow;

use super::Input;
use super::object::{CONTINUATION, Fields, MAX_BLOCKS, Messages};
use crate::io::hdf5_image::message::kind;

/// Deeper trees than this are damaged.
const MAX_TREE_LEVEL: u8 = 8;

/// Offset of the root group's header, from a superblock of version 0.
pub(super) fn root(input: &Input, base: u64) -> Option<u64> {
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
    fields.u64(64)?.checked_add(base)
}

/// Offset of the header of the member `name` of a group with these messages.
pub(super) fn member(input: &Input, base: u64, messages: &Messages, name: &[u8]) -> Option<u64> {
    let (_, table) = messages
        .iter()
        .find(|(number, _)| *number == kind::SYMBOL_TABLE)?;
    let tree = Fields(table).u64(0)?.checked_add(base)?;
    let heap = Fields(table).u64(8)?.checked_add(base)?;
    let names = Names::open(input, base, heap)?;
    lookup(input, base, tree, &names, name)
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
pub(super) fn messages(input: &Input, base: u64, address: u64) -> Option<Messages> {
    let prefix = input.bytes(address, 16)?;
    if prefix[0] != 1 {
        return None;
    }
    let fields = Fields(&prefix);
    let n_messages = usize::from(fields.u16(2)?);
    let mut blocks = vec![(address.checked_add(16)?, u64::from(fields.u32(8)?))];
    let mut messages = Vec::new();
    let mut next = 0;
    let mut left = input.length;
    while let Some(&(start, size)) = blocks.get(next) {
        next += 1;
        // Blocks do not overlap.
        left = left.checked_sub(size)?;
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
