//! The same file with more tensors declared as outputs.
//!
//! Engines drop or merge what is not an output. A protobuf message may hold a repeated field anywhere, so
//! the declarations are put at the end of the graph.

use prost::Message;
use prost::bytes::Bytes;

use super::{Model, REMEDY, proto, splice};
use crate::error::{Error, Result};

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
            splice::put(OUTPUT, &info.encode_to_vec(), &mut declarations);
        }
        if declarations.is_empty() {
            return Ok(self);
        }
        let declarations = Bytes::from(declarations);
        let added = |graph: &Bytes| Some(vec![graph.clone(), declarations.clone()]);
        let bytes = splice::with_graph(&self.bytes, added)
            .ok_or_else(|| Error::file(&self.path, "has no graph or several", REMEDY))?;
        Ok(Model {
            bytes: Bytes::from(bytes),
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::Graph;
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
        let path = Path::new("test.onnx");
        let before = model(&["logits"]);
        let read = Model {
            path: path.to_owned(),
            bytes: Bytes::from(before.encode_to_vec()),
            external: BTreeMap::new(),
            digest: String::new(),
            graph: Graph::of(path, before).unwrap(),
        };
        let names = ["logits", "conv1"].map(str::to_owned);
        let after = read.with_outputs(&names).unwrap();
        assert_eq!(
            proto::Model::decode(after.bytes).unwrap(),
            model(&["logits", "conv1"])
        );
    }
}
