//! Changes of a graph in the bytes of its model: whatever is not known here stays as it is.

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
    /// With its key, as it stands in the message.
    pub whole: Bytes,
    /// The message, text or bytes that it holds; empty for numbers.
    pub content: Bytes,
}

/// The fields of a message; `None` if it is damaged.
pub(super) fn fields(message: &Bytes) -> Option<Vec<Field>> {
    let mut rest = message.clone();
    let mut fields = Vec::new();
    while rest.has_remaining() {
        let start = message.len() - rest.remaining();
        let (number, wire) = decode_key(&mut rest).ok()?;
        let content = match wire {
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
                if length > rest.remaining() {
                    return None;
                }
                rest.split_to(length)
            }
            _ => {
                skip_field(wire, number, &mut rest, DecodeContext::default()).ok()?;
                Bytes::new()
            }
        };
        let end = message.len() - rest.remaining();
        fields.push(Field {
            number,
            whole: message.slice(start..end),
            content,
        });
    }
    Some(fields)
}

/// The model with another graph; `None` unless there is exactly one.
///
/// - `change`: from the graph's message to the parts of that which takes its place.
pub(super) fn with_graph(
    model: &Bytes,
    change: impl Fn(&Bytes) -> Option<Vec<Bytes>>,
) -> Option<Vec<u8>> {
    let fields = fields(model)?;
    let mut graphs = fields.iter().filter(|field| field.number == GRAPH);
    let graph = change(&graphs.next()?.content)?;
    if graphs.next().is_some() {
        return None;
    }
    let length = graph.iter().map(Bytes::len).sum::<usize>();
    // A model is large: it is copied once. A key and a length have 15 bytes at most.
    let mut result = Vec::with_capacity(model.len().max(length) + 15);
    for field in &fields {
        if field.number == GRAPH {
            encode_key(GRAPH, WireType::LengthDelimited, &mut result);
            encode_varint(length as u64, &mut result);
            graph.iter().for_each(|part| result.extend_from_slice(part));
        } else {
            result.extend_from_slice(&field.whole);
        }
    }
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
        let fields = fields(&Bytes::from(other.unwrap())).unwrap();
        let contents: Vec<_> = fields.iter().map(|field| &field.content[..]).collect();
        assert_eq!(contents, [&b""[..], b"\x12\x01g\x12\x02hi", b"test"]);
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
