//! Superblocks of version 2 and 3 and object headers of version 2, which newer libraries write.
//!
//! Everything here ends in a checksum, and nothing is believed whose checksum is wrong.

use super::Input;
use super::object::{CONTINUATION, Fields, MAX_BLOCKS, Messages};

const LINK: u16 = 0x06;

/// Offset of the root group's header, from a superblock of version 2 or 3.
pub(super) fn root(input: &Input, base: u64) -> Option<u64> {
    let superblock = checked(input, base, 44)?;
    let fields = Fields(&superblock);
    // Sizes of addresses and lengths; consistency flags may say "open".
    if !matches!(superblock[8], 2 | 3) || superblock[9..11] != [8, 8] || fields.u64(12)? != base {
        return None;
    }
    if fields.u64(28)? != input.length {
        return None;
    }
    fields.u64(36)?.checked_add(base)
}

/// `size` bytes that are followed by their checksum.
pub(super) fn checked(input: &Input, offset: u64, size: u64) -> Option<Vec<u8>> {
    let mut bytes = input.bytes(offset, size.checked_add(4)?)?.into_owned();
    let stored = bytes.split_off(bytes.len() - 4);
    // The fuzzer cannot guess checksums, and is to see what lies behind them.
    (cfg!(fuzzing) || checksum(&bytes).to_le_bytes() == stored[..]).then_some(bytes)
}

/// All messages of an object header of version 2.
pub(super) fn messages(input: &Input, base: u64, address: u64) -> Option<Messages> {
    let prefix = input.bytes(address, 6)?;
    if &prefix[..5] != b"OHDR\x02" {
        return None;
    }
    let flags = prefix[5];
    let mut at = 6;
    // Four times of access and change; limits of attribute storage.
    at += if flags & 0x20 != 0 { 16 } else { 0 };
    at += if flags & 0x10 != 0 { 4 } else { 0 };
    let n_size_bytes = 1usize << (flags & 3);
    let size = input.bytes(address.checked_add(at)?, n_size_bytes as u64)?;
    let size = size
        .iter()
        .rev()
        .fold(0u64, |size, &byte| (size << 8) | u64::from(byte));
    let start = at as usize + n_size_bytes;
    let total = size.checked_add(start as u64)?;
    let mut blocks = vec![(address, total, start)];
    let mut messages = Vec::new();
    let mut next = 0;
    let mut left = input.length;
    while let Some(&(offset, size, start)) = blocks.get(next) {
        next += 1;
        // Blocks do not overlap.
        left = left.checked_sub(size)?;
        if next > MAX_BLOCKS {
            return None;
        }
        let block = checked(input, offset, size)?;
        if next > 1 && block.get(..4)? != b"OCHK" {
            return None;
        }
        // Creation order is stored where flag bit 2 says so.
        let head = if flags & 4 != 0 { 6 } else { 4 };
        let mut at = start;
        // Less than a message may be left as a gap.
        while at + head <= block.len() {
            let number = u16::from(block[at]);
            let size = usize::from(Fields(&block).u16(at + 1)?);
            // Flag bit 1: the message is stored elsewhere.
            if block[at + 3] & 2 != 0 {
                return None;
            }
            let body = block.get(at + head..at + head + size)?.to_vec();
            at += head + size;
            if number == CONTINUATION {
                let fields = Fields(&body);
                let size = fields.u64(8)?.checked_sub(4)?;
                blocks.push((fields.u64(0)?.checked_add(base)?, size, 4));
            }
            messages.push((number, body));
        }
    }
    Some(messages)
}

/// Address of the member `name`, among the links of a group's header.
pub(super) fn link(messages: &Messages, base: u64, name: &[u8]) -> Option<u64> {
    for (_, body) in messages.iter().filter(|(number, _)| *number == LINK) {
        let (version, flags) = (*body.first()?, *body.get(1)?);
        // Only hard links, which do not say so.
        if version != 1 || flags & 8 != 0 {
            continue;
        }
        let mut at = 2;
        // Creation order; character set.
        at += if flags & 4 != 0 { 8 } else { 0 };
        at += if flags & 16 != 0 { 1 } else { 0 };
        let n_size_bytes = 1usize << (flags & 3);
        let size = body.get(at..at + n_size_bytes)?;
        let size = size
            .iter()
            .rev()
            .fold(0u64, |size, &byte| (size << 8) | u64::from(byte));
        let start = at + n_size_bytes;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        if body.get(start..end)? == name {
            return Fields(body).u64(end)?.checked_add(base);
        }
    }
    None
}

/// Bob Jenkins' `lookup3` hash (public domain, 2006), `hashlittle` with the initial value 0.
fn checksum(bytes: &[u8]) -> u32 {
    let start = 0xDEAD_BEEF_u32.wrapping_add(bytes.len() as u32);
    let mut state = [start; 3];
    let last = bytes.len().saturating_sub(1) / 12 * 12;
    let (whole, rest) = bytes.split_at(last);
    for block in whole.chunks_exact(12) {
        add(&mut state, block);
        mix(&mut state);
    }
    if rest.is_empty() {
        return state[2];
    }
    let mut padded = [0; 12];
    padded[..rest.len()].copy_from_slice(rest);
    add(&mut state, &padded);
    let [mut a, mut b, mut c] = state;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

fn add(state: &mut [u32; 3], block: &[u8]) {
    let (words, _) = block.as_chunks::<4>();
    for (value, word) in state.iter_mut().zip(words) {
        *value = value.wrapping_add(u32::from_le_bytes(*word));
    }
}

fn mix(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    for (first, second, third) in [(4, 6, 8), (16, 19, 4)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(first);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(second);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(third);
        b = b.wrapping_add(a);
    }
    *state = [a, b, c];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_lookup3() {
        // Values of the self-test that comes with lookup3.c.
        assert_eq!(checksum(b""), 0xDEAD_BEEF);
        assert_eq!(checksum(b"Four score and seven years ago"), 0x1777_0551);
    }
}
