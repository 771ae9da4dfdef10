//! The wire format of a model file, looked at before any reader follows it: every length lies within its message.
//!
//! The messages that are decoded here are a part of ONNX; the engine decodes more of them, and does not come back from
//! a length that leads it backwards.

use self::Kind::*;

/// Messages within messages at most, as prost allows.
const DEEPEST: usize = 100;

/// A message of ONNX, by the fields of it that are messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Model,
    Training,
    Function,
    Graph,
    Annotation,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TensorType,
    Sequence,
    Map,
    Shape,
    /// Without messages in it.
    Leaf,
}

impl Kind {
    /// The message that a field holds, by its number in `onnx.proto`.
    fn field(self, number: u64) -> Option<Kind> {
        let kind = match (self, number) {
            (Model, 7) | (Training, 1 | 2) | (Attribute, 6 | 11) => Graph,
            (Model, 20) => Training,
            (Model, 25) => Function,
            (Graph, 1) | (Function, 7) => Node,
            (Node, 5) | (Function, 11) => Attribute,
            (Graph, 5) | (Attribute, 5 | 10) | (SparseTensor, 1 | 2) => Tensor,
            (Graph, 15) | (Attribute, 22 | 23) => SparseTensor,
            (Graph, 11..=13) | (Function, 12) => ValueInfo,
            (Graph, 14) => Annotation,
            (ValueInfo, 2) | (Attribute, 14 | 15) | (Sequence, 1) | (Map, 2) => Type,
            (Type, 1 | 8) => TensorType,
            (Type, 4 | 9) => Sequence,
            (Type, 5) => Map,
            (TensorType, 2) => Shape,
            (Model, 8 | 14)
            | (Training, 3 | 4)
            | (Function, 9 | 14)
            | (Graph, 16)
            | (Annotation, 2)
            | (Node, 9)
            | (Tensor, 3 | 13 | 16)
            | (ValueInfo, 4)
            | (Shape, 1) => Leaf,
            _ => return None,
        };
        Some(kind)
    }
}

/// Whether a message and all in it are sound.
pub(super) fn is_sound(bytes: &[u8], kind: Kind) -> bool {
    message(bytes, kind, 0).is_some()
}

fn message(mut bytes: &[u8], kind: Kind, depth: usize) -> Option<()> {
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        match tag & 7 {
            0 => {
                varint(&mut bytes)?;
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let content = bytes.get(..length)?;
                bytes = &bytes[length..];
                if let Some(kind) = kind.field(tag >> 3) {
                    (depth < DEEPEST).then_some(())?;
                    message(content, kind, depth + 1)?;
                }
            }
            5 => bytes = bytes.get(4..)?,
            // Groups: ONNX has none.
            _ => return None,
        }
    }
    Some(())
}

/// A number of up to ten bytes, taken off.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_ten_bytes_at_most() {
        let read = |mut bytes: &[u8]| varint(&mut bytes);
        assert_eq!(read(&[0x96, 0x01]), Some(150));
        assert_eq!(read(&u64_max(1)), Some(u64::MAX));
        assert_eq!(read(&u64_max(2)), None);
        assert_eq!(read(&[0x80; 12]), None);
        assert_eq!(read(&[0x80]), None);
    }

    fn u64_max(last: u8) -> Vec<u8> {
        let mut bytes = vec![0xff; 9];
        bytes.push(last);
        bytes
    }

    #[test]
    fn lengths_lie_within_their_message() {
        // A graph with a node of two bytes.
        assert!(is_sound(&[0x3a, 4, 0x0a, 2, 0x18, 1], Model));
        // The node's length leads out of the graph, out of the file, backwards.
        assert!(!is_sound(&[0x3a, 4, 0x0a, 3, 0x18, 1, 0x18], Model));
        assert!(!is_sound(&[0x3a, 4, 0x0a, 9, 0x18, 1], Model));
        let mut backwards = vec![0x3a, 11, 0x0a];
        backwards.extend(u64_max(1));
        assert!(!is_sound(&backwards, Model));
        // A name may be anything, a group is nothing.
        assert!(is_sound(&[0x3a, 4, 0x12, 2, 0xff, 0xff], Model));
        assert!(!is_sound(&[0x0b, 0x0c], Model));
    }

    #[test]
    fn messages_are_not_endlessly_deep() {
        let mut bytes = Vec::new();
        // A type in a sequence in a type …
        for _ in 0..20 {
            let mut outer = vec![0x22, bytes.len() as u8];
            outer.append(&mut bytes);
            bytes = vec![0x0a, outer.len() as u8];
            bytes.append(&mut outer);
        }
        assert!(is_sound(&bytes, Sequence));
        assert!(message(&bytes, Sequence, DEEPEST - 20).is_none());
    }
}
