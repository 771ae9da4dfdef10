//! The same file with more tensors declared as outputs.
//!
//! Engines drop or merge what is not an output. A protobuf message may hold a repeated field anywhere, so
//! the declarations are put at the end of the graph, and only the graph's length changes.

use prost::Message;
use prost::bytes::{Buf, Bytes};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

use super::{Model, REMEDY, proto};
use crate::error::{Error, Result};

/// Field of the graph in a model.
const GRAPH: u32 = 7;

/// Field of an output in a graph.
const OUTPUT: u32 = 12;

impl Model {
    /// The model with these tensors among its outputs.
    ///
    /// # Errors
    ///
    /// If the file has more than one graph (none does).
    pub fn with_outputs(self, names: &[String]) -> Result<Model> {
        let missing = names
            .iter()
            .filter(|name| !self.graph.outputs().contains(name));
        let mut declarations = Vec::new();
        for name in missing {
            let info = proto::ValueInfo {
                name: name.clone(),
                kind: None,
            };
            encode_key(OUTPUT, WireType::LengthDelimited, &mut declarations);
            info.encode_length_delimited(&mut declarations)
                .expect("a vector grows as needed");
        }
        if declarations.is_empty() {
            return Ok(self);
        }
        let bytes = append_to_graph(&self.bytes, &declarations)
            .ok_or_else(|| Error::file(&self.path, "has no graph or several", REMEDY))?;
        Ok(Model {
            bytes: Bytes::from(bytes),
            ..self
        })
    }
}

/// `None` unless there is exactly one graph.
fn append_to_graph(bytes: &Bytes, addition: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.clone();
    let mut result = Vec::with_capacity(bytes.len() + addition.len() + 16);
    let mut n_graphs = 0;
    while rest.has_remaining() {
        let start = bytes.len() - rest.remaining();
        let (field, wire) = decode_key(&mut rest).ok()?;
        if field == GRAPH && wire == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            let body = bytes.len() - rest.remaining();
            let end = body.checked_add(length).filter(|&end| end <= bytes.len())?;
            encode_key(GRAPH, wire, &mut result);
            encode_varint((length + addition.len()) as u64, &mut result);
            result.extend_from_slice(&bytes[body..end]);
            result.extend_from_slice(addition);
            rest.advance(length);
            n_graphs += 1;
        } else {
            skip_field(wire, field, &mut rest, DecodeContext::default()).ok()?;
            let end = bytes.len() - rest.remaining();
            result.extend_from_slice(&bytes[start..end]);
        }
    }
    (n_graphs == 1).then_some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(outputs: &[&str]) -> proto::Model {
        let outputs = outputs.iter().map(|name| proto::ValueInfo {
            name: (*name).to_owned(),
            kind: None,
        });
        proto::Model {
            ir_version: 8,
            producer_name: "test".to_owned(),
            producer_version: String::new(),
            graph: Some(proto::Graph {
                outputs: outputs.collect(),
                ..proto::Graph::default()
            }),
            ..proto::Model::default()
        }
    }

    #[test]
    fn outputs_are_added_to_the_one_graph() {
        let before = Bytes::from(model(&["logits"]).encode_to_vec());
        let mut addition = Vec::new();
        encode_key(OUTPUT, WireType::LengthDelimited, &mut addition);
        let info = proto::ValueInfo {
            name: "conv1".to_owned(),
            kind: None,
        };
        info.encode_length_delimited(&mut addition).unwrap();
        let after = Bytes::from(append_to_graph(&before, &addition).unwrap());
        assert_eq!(
            proto::Model::decode(after).unwrap(),
            model(&["logits", "conv1"])
        );
    }

    #[test]
    fn files_without_a_graph_or_with_two_are_refused() {
        let one = model(&["logits"]).encode_to_vec();
        let two = Bytes::from([one.clone(), one].concat());
        assert!(append_to_graph(&two, &[]).is_none());
        assert!(append_to_graph(&Bytes::from_static(b"\x08\x08"), &[]).is_none());
        assert!(append_to_graph(&Bytes::from_static(b"\x3a\x7f"), &[]).is_none());
    }
}
