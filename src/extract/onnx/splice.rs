//! Changes of a graph in the bytes of its model: whatever is not known here stays as it is.

use std::ops::Range;

use prost::bytes::{Buf, Bytes};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

/// Field of the graph in a model.
const GRAPH: u32 = 7;

/// A field of a message.
pub(super) struct Field {
    /// Its number.
    pub number: u32,
    /// Where it stands in the message, with its key.
    pub range: Range<usize>,
    /// The message, text or bytes that it holds; empty for numbers.
    pub content: Bytes,
}

/// The fields of a message, one after the other; `None` for the first that is damaged, and then no more.
pub(super) fn fields(message: &Bytes) -> impl Iterator<Item = Option<Field>> {
    let length = message.len();
    let mut rest = message.clone();
    std::iter::from_fn(move || {
        if !rest.has_remaining() {
            return None;
        }
        let field = next(&mut rest, length);
        if field.is_none() {
            rest.clear();
        }
        Some(field)
    })
}

fn next(rest: &mut Bytes, length: usize) -> Option<Field> {
    let start = length - rest.remaining();
    let (number, wire) = decode_key(rest).ok()?;
    let content = match wire {
        WireType::LengthDelimited => {
            let n_bytes = usize::try_from(decode_varint(rest).ok()?).ok()?;
            (n_bytes <= rest.remaining()).then(|| rest.split_to(n_bytes))?
        }
        _ => {
            skip_field(wire, number, rest, DecodeContext::default()).ok()?;
            Bytes::new()
        }
    };
    Some(Field {
        number,
        range: start..length - rest.remaining(),
        content,
    })
}

/// A message with other fields in the place of some.
///
/// - `replace`: what comes in the place of a field; `None` to keep it.
///
/// Returns the parts of the message; `None` if it is damaged.
pub(super) fn replaced(
    message: &Bytes,
    mut replace: impl FnMut(&Field) -> Option<Vec<u8>>,
) -> Option<Vec<Bytes>> {
    let mut parts = Vec::new();
    let mut kept = 0..0;
    for field in fields(message) {
        let field = field?;
        match replace(&field) {
            Some(other) => {
                parts.push(message.slice(kept));
                parts.push(Bytes::from(other));
                kept = field.range.end..field.range.end;
            }
            None => kept.end = field.range.end,
        }
    }
    parts.push(message.slice(kept));
    Some(parts)
}

/// The model with another graph; `None` unless there is exactly one.
///
/// - `change`: from the graph's message to the parts of that which takes its place.
pub(super) fn with_graph(
    model: &Bytes,
    change: impl Fn(&Bytes) -> Option<Vec<Bytes>>,
) -> Option<Vec<u8>> {
    let mut graph = None;
    for field in fields(model) {
        let field = field?;
        if field.number == GRAPH && graph.replace(field).is_some() {
            return None;
        }
    }
    let graph = graph?;
    let parts = change(&graph.content)?;
    let length = parts.iter().map(Bytes::len).sum::<usize>();
    let (before, after) = (&model[..graph.range.start], &model[graph.range.end..]);
    // A model is large: it is copied once. A key and a length have 15 bytes at most.
    let mut result = Vec::with_capacity(before.len() + 15 + length + after.len());
    result.extend_from_slice(before);
    encode_key(GRAPH, WireType::LengthDelimited, &mut result);
    encode_varint(length as u64, &mut result);
    parts.iter().for_each(|part| result.extend_from_slice(part));
    result.extend_from_slice(after);
    Some(result)
}

/// Adds a field that holds a message.
pub(super) fn put(number: u32, message: &[u8], to: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, to);
    encode_varint(message.len() as u64, to);
    to.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model of a version, a graph and a producer.
    fn model() -> Bytes {
        let mut bytes = vec![8, 8];
        put(GRAPH, b"\x12\x01g", &mut bytes);
        put(2, b"test", &mut bytes);
        Bytes::from(bytes)
    }

    #[test]
    fn a_graph_is_exchanged_and_all_else_stays() {
        let same = with_graph(&model(), |graph| Some(vec![graph.clone()])).unwrap();
        assert_eq!(same, model());
        let more = Bytes::from_static(b"\x12\x02hi");
        let other = with_graph(&model(), |graph| Some(vec![graph.clone(), more.clone()]));
        let other = Bytes::from(other.unwrap());
        let contents: Vec<_> = fields(&other).map(|field| field.unwrap().content).collect();
        assert_eq!(contents, [&b""[..], b"\x12\x01g\x12\x02hi", b"test"]);
    }

    #[test]
    fn fields_are_replaced_where_they_stand() {
        let mut bytes = Vec::new();
        for (number, text) in [(1, "a"), (2, "b"), (1, "c"), (3, "d")] {
            put(number, text.as_bytes(), &mut bytes);
        }
        let message = Bytes::from(bytes);
        let parts = replaced(&message, |field| {
            let mut other = Vec::new();
            put(4, &field.content, &mut other);
            put(4, b"!", &mut other);
            (field.number == 1).then_some(other)
        });
        let whole = Bytes::from(parts.unwrap().concat());
        let found = fields(&whole).map(|field| {
            let field = field.unwrap();
            (field.number, field.content)
        });
        let text = |number, text: &'static str| (number, Bytes::from(text));
        let expected = [(4, "a"), (4, "!"), (2, "b"), (4, "c"), (4, "!"), (3, "d")];
        assert_eq!(found.collect::<Vec<_>>(), expected.map(|(n, t)| text(n, t)));
    }

    #[test]
    fn files_without_a_graph_or_with_two_are_refused() {
        let same = |graph: &Bytes| Some(vec![graph.clone()]);
        let two = Bytes::from([model(), model()].concat());
        assert!(with_graph(&two, same).is_none());
        for damaged in [&b"\x08\x08"[..], b"\x3a\x7f", b"\x3a", b"\x07"] {
            assert!(with_graph(&Bytes::from_static(damaged), same).is_none());
        }
    }
}
