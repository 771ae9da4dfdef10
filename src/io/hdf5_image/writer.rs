//! Lays a tree out in a byte vector: children before parents, addresses patched at the end.

use std::collections::BTreeMap;

use super::message::{self, CONSTANT, Message, kind, pad};
use super::{Data, Dataset, Group, Image, Node, UserBlock};

const USER_BLOCK_SIZE: usize = 512;
/// No timestamp and no version: equal content must give equal bytes.
const MATLAB_TEXT: &[u8] = b"MATLAB 7.3 MAT-file, Platform: bhscore HDF5 schema 1.00 .";
/// Where the text of the user block ends and the subsystem offset (8 bytes) begins.
const MATLAB_TEXT_SIZE: usize = 116;
const UNDEFINED: u64 = u64::MAX;
/// A leaf of a group holds up to `2 * LEAF_K` members.
const LEAF_K: usize = 4;
/// A B-tree node holds up to `2 * INTERNAL_K` children.
const INTERNAL_K: usize = 16;
/// Smallest global heap that libhdf5 accepts, and the step in which ours grows.
const GLOBAL_HEAP_STEP: usize = 4096;

/// Encodes the tree under `root`.
///
/// # Panics
///
/// If the data of a dataset have another length than its `dims` say, or a reference names no
/// object: both are mistakes of the calling code, not of input.
#[must_use]
pub fn encode(root: &Group, user_block: UserBlock) -> Image {
    let base = match user_block {
        UserBlock::None => 0,
        UserBlock::Matlab => USER_BLOCK_SIZE,
    };
    let mut writer = Writer {
        bytes: user_block_bytes(user_block),
        base,
        ..Writer::default()
    };
    let end_of_file = writer.superblock();
    let entry = writer.group(root, "");
    let root_entry_at = base + 56;
    writer.bytes[root_entry_at..root_entry_at + 40].copy_from_slice(&entry.bytes(0));
    writer.global_heap();
    writer.references();
    writer.raw_data(end_of_file)
}

fn user_block_bytes(user_block: UserBlock) -> Vec<u8> {
    if user_block == UserBlock::None {
        return Vec::new();
    }
    let mut bytes = MATLAB_TEXT.to_vec();
    bytes.resize(MATLAB_TEXT_SIZE, b' ');
    bytes.extend_from_slice(b"\0\0\0\0\0\0\0\0\x00\x02IM");
    bytes.resize(USER_BLOCK_SIZE, 0);
    bytes
}

/// What a parent needs to know of an object.
struct Entry {
    header: u64,
    /// B-tree and local heap of a group.
    group: Option<(u64, u64)>,
}

impl Entry {
    /// Symbol-table entry: name offset, object header, cache type, scratch pad.
    fn bytes(&self, name_offset: u64) -> [u8; 40] {
        let mut entry = [0; 40];
        entry[..8].copy_from_slice(&name_offset.to_le_bytes());
        entry[8..16].copy_from_slice(&self.header.to_le_bytes());
        if let Some((tree, heap)) = self.group {
            entry[16] = 1;
            entry[24..32].copy_from_slice(&tree.to_le_bytes());
            entry[32..40].copy_from_slice(&heap.to_le_bytes());
        }
        entry
    }
}

#[derive(Default)]
struct Writer<'a> {
    bytes: Vec<u8>,
    base: usize,
    /// Address of every object by its path.
    objects: BTreeMap<String, u64>,
    /// Where the data address of each dataset is stored.
    datasets: Vec<(usize, &'a Dataset)>,
    /// Texts of the global heap, and where their addresses belong.
    texts: Vec<String>,
    text_places: Vec<(usize, usize)>,
    /// Raw data of the reference arrays, in the order of `datasets`.
    resolved: Vec<Vec<u8>>,
}

impl<'a> Writer<'a> {
    /// Address, from the end of the user block, of the next byte.
    fn address(&self) -> u64 {
        (self.bytes.len() - self.base) as u64
    }

    fn put_u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    fn patch_u64(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// Writes the superblock and returns where the end-of-file address belongs.
    fn superblock(&mut self) -> usize {
        self.bytes.extend_from_slice(b"\x89HDF\r\n\x1a\n");
        self.bytes.extend_from_slice(&[0, 0, 0, 0, 0, 8, 8, 0]);
        self.bytes
            .extend_from_slice(&[LEAF_K as u8, 0, INTERNAL_K as u8, 0, 0, 0, 0, 0]);
        self.put_u64(self.base as u64);
        self.put_u64(UNDEFINED);
        let end_of_file = self.bytes.len();
        self.put_u64(0);
        self.put_u64(UNDEFINED);
        self.bytes.extend_from_slice(&[0; 40]);
        end_of_file
    }

    /// Writes a group after its members.
    fn group(&mut self, group: &'a Group, path: &str) -> Entry {
        let mut entries = Vec::with_capacity(group.members.len());
        for (name, node) in &group.members {
            let member_path = format!("{path}/{name}");
            let entry = match node {
                Node::Group(member) => self.group(member, &member_path),
                Node::Dataset(dataset) => self.dataset(dataset),
            };
            self.objects.insert(member_path, entry.header);
            entries.push((name.as_str(), entry));
        }
        let (heap, offsets) = self.local_heap(group.members.keys());
        let tree = self.symbol_table(&entries, &offsets);
        let mut body = tree.to_le_bytes().to_vec();
        body.extend_from_slice(&heap.to_le_bytes());
        let mut messages = vec![Message::new(kind::SYMBOL_TABLE, 0, body)];
        for (name, value) in &group.attributes {
            messages.push(message::attribute(name, value, &mut self.texts));
        }
        Entry {
            header: self.object_header(messages),
            group: Some((tree, heap)),
        }
    }

    /// Writes the names of a group's members; returns the heap's address and each name's offset.
    fn local_heap<'n>(&mut self, names: impl Iterator<Item = &'n String>) -> (u64, Vec<u64>) {
        let mut segment = vec![0; 8];
        let mut offsets = Vec::new();
        for name in names {
            offsets.push(segment.len() as u64);
            segment.extend_from_slice(name.as_bytes());
            segment.push(0);
            pad(&mut segment);
        }
        let address = self.address();
        self.bytes.extend_from_slice(b"HEAP\0\0\0\0");
        self.put_u64(segment.len() as u64);
        // 1 stands for "no free block".
        self.put_u64(1);
        self.put_u64(address + 32);
        self.bytes.extend_from_slice(&segment);
        (address, offsets)
    }

    /// Writes leaves and B-tree of a group; returns the address of the root node.
    fn symbol_table(&mut self, entries: &[(&str, Entry)], offsets: &[u64]) -> u64 {
        // Each child with the largest name in it, as an offset into the local heap.
        let mut children = Vec::new();
        for (entries, offsets) in entries.chunks(2 * LEAF_K).zip(offsets.chunks(2 * LEAF_K)) {
            children.push((self.leaf(entries, offsets), offsets[offsets.len() - 1]));
        }
        for level in 0.. {
            children = self.tree_level(level, &children);
            if children.len() == 1 {
                break;
            }
        }
        children[0].0
    }

    fn leaf(&mut self, entries: &[(&str, Entry)], offsets: &[u64]) -> u64 {
        let address = self.address();
        let end = self.bytes.len() + 8 + 2 * LEAF_K * 40;
        self.bytes.extend_from_slice(b"SNOD\x01\0");
        self.bytes
            .extend_from_slice(&(entries.len() as u16).to_le_bytes());
        for ((_, entry), offset) in entries.iter().zip(offsets) {
            self.bytes.extend_from_slice(&entry.bytes(*offset));
        }
        self.bytes.resize(end, 0);
        address
    }

    /// Writes the nodes of one level over `children`; an empty group has one node without any.
    fn tree_level(&mut self, level: u8, children: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let size = 24 + 8 * (4 * INTERNAL_K + 1);
        let n_nodes = children.len().div_ceil(2 * INTERNAL_K).max(1);
        let first = self.address();
        let mut nodes = Vec::with_capacity(n_nodes);
        let mut lower_key = 0;
        for index in 0..n_nodes {
            let start = index * 2 * INTERNAL_K;
            let part = &children[start..children.len().min(start + 2 * INTERNAL_K)];
            let address = first + (index * size) as u64;
            let end = self.bytes.len() + size;
            self.bytes
                .extend_from_slice(&[b'T', b'R', b'E', b'E', 0, level]);
            self.bytes
                .extend_from_slice(&(part.len() as u16).to_le_bytes());
            self.put_u64(if index == 0 {
                UNDEFINED
            } else {
                address - size as u64
            });
            self.put_u64(if index + 1 == n_nodes {
                UNDEFINED
            } else {
                address + size as u64
            });
            self.put_u64(lower_key);
            for (child, upper_key) in part {
                self.put_u64(*child);
                self.put_u64(*upper_key);
                lower_key = *upper_key;
            }
            self.bytes.resize(end, 0);
            nodes.push((address, lower_key));
        }
        nodes
    }

    fn dataset(&mut self, dataset: &'a Dataset) -> Entry {
        let mut layout = vec![3, 1];
        layout.extend_from_slice(&UNDEFINED.to_le_bytes());
        layout.extend_from_slice(&dataset.size().to_le_bytes());
        // Version 2, allocated late, written if set by the user, defined, of size 0.
        let fill_value = vec![2, 2, 2, 1, 0, 0, 0, 0];
        let datatype = message::datatype(dataset.element);
        let mut messages = vec![
            Message::new(kind::LAYOUT, 0, layout),
            Message::new(kind::DATASPACE, 0, message::dataspace(&dataset.dims)),
            Message::new(kind::DATATYPE, CONSTANT, datatype),
            Message::new(kind::FILL_VALUE, CONSTANT, fill_value),
        ];
        for (name, value) in &dataset.attributes {
            messages.push(message::attribute(name, value, &mut self.texts));
        }
        // The layout stands first: prefix of the header 16, of the message 8, version and class 2.
        self.datasets.push((self.bytes.len() + 26, dataset));
        Entry {
            header: self.object_header(messages),
            group: None,
        }
    }

    fn object_header(&mut self, messages: Vec<Message>) -> u64 {
        let address = self.address();
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[1, 0]);
        self.bytes
            .extend_from_slice(&(messages.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&1u32.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 8]);
        for mut message in messages {
            pad(&mut message.body);
            let size = u16::try_from(message.body.len()).expect("messages stay below 64 KiB");
            self.bytes.extend_from_slice(&message.kind.to_le_bytes());
            self.bytes.extend_from_slice(&size.to_le_bytes());
            self.bytes.extend_from_slice(&[message.flags, 0, 0, 0]);
            let body_at = self.bytes.len();
            self.text_places
                .extend(message.texts.iter().map(|(at, text)| (body_at + at, *text)));
            self.bytes.extend_from_slice(&message.body);
        }
        let size = (self.bytes.len() - start - 16) as u32;
        self.bytes[start + 8..start + 12].copy_from_slice(&size.to_le_bytes());
        address
    }

    /// Writes the global heap, if any attribute needs one.
    fn global_heap(&mut self) {
        if self.texts.is_empty() {
            return;
        }
        let address = self.address();
        let start = self.bytes.len();
        self.bytes
            .extend_from_slice(b"GCOL\x01\0\0\0\0\0\0\0\0\0\0\0");
        for (index, text) in self.texts.iter().enumerate() {
            self.bytes
                .extend_from_slice(&(index as u16 + 1).to_le_bytes());
            self.bytes.extend_from_slice(&[0; 6]);
            self.bytes
                .extend_from_slice(&(text.len() as u64).to_le_bytes());
            self.bytes.extend_from_slice(text.as_bytes());
            pad(&mut self.bytes);
        }
        let used = self.bytes.len() - start;
        // The rest, with its own prefix of 16 bytes, is object 0: free space.
        let size = (used + 16).next_multiple_of(GLOBAL_HEAP_STEP);
        self.put_u64(0);
        self.put_u64((size - used) as u64);
        self.bytes.resize(start + size, 0);
        self.patch_u64(start + 8, size as u64);
        for (at, text) in std::mem::take(&mut self.text_places) {
            self.patch_u64(at, address);
            self.bytes[at + 8..at + 12].copy_from_slice(&(text as u32 + 1).to_le_bytes());
        }
    }

    /// Turns the paths of the reference arrays into addresses.
    fn references(&mut self) {
        for (_, dataset) in &self.datasets {
            if let Data::References(paths) = &dataset.data {
                let address =
                    |path: &String| *self.objects.get(path).expect("references name an object");
                self.resolved.push(
                    paths
                        .iter()
                        .flat_map(|p| address(p).to_le_bytes())
                        .collect(),
                );
            }
        }
    }

    /// Appends the given raw data, leaves the holes, and finishes the addresses.
    fn raw_data(mut self, end_of_file: usize) -> Image {
        let mut resolved = std::mem::take(&mut self.resolved).into_iter();
        let datasets = std::mem::take(&mut self.datasets);
        for (layout_at, dataset) in &datasets {
            let references;
            let data = match &dataset.data {
                Data::Bytes(bytes) => bytes,
                Data::References(_) => {
                    references = resolved.next().expect("one per reference array");
                    &references
                }
                Data::Hole => continue,
            };
            assert_eq!(data.len() as u64, dataset.size(), "data and dims disagree");
            if data.is_empty() {
                continue;
            }
            pad(&mut self.bytes);
            let address = self.address();
            self.patch_u64(*layout_at, address);
            self.bytes.extend_from_slice(data);
        }
        let mut total_len = self.bytes.len() as u64;
        let mut holes = Vec::new();
        for (layout_at, dataset) in &datasets {
            if matches!(dataset.data, Data::Hole) && dataset.size() > 0 {
                if holes.is_empty() {
                    pad(&mut self.bytes);
                }
                let offset = total_len.next_multiple_of(8);
                self.patch_u64(*layout_at, offset - self.base as u64);
                holes.push((offset, dataset.size()));
                total_len = offset + dataset.size();
            }
        }
        self.patch_u64(end_of_file, total_len);
        Image {
            bytes: self.bytes,
            holes,
            total_len,
        }
    }
}
