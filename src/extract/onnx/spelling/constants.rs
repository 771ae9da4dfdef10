//! The constants of a graph.

use std::collections::HashMap;

use crate::extract::onnx::graph::CONSTANT;
use crate::extract::onnx::proto;

/// Initializers and results of `Constant` nodes.
pub(super) struct Constants<'a> {
    tensors: HashMap<&'a str, &'a proto::Tensor>,
}

impl<'a> Constants<'a> {
    /// Those of a graph, without its branches'.
    pub fn of(graph: &'a proto::Graph) -> Constants<'a> {
        let nodes = graph.nodes.iter().filter(|node| node.op == CONSTANT);
        let made = nodes.filter_map(|node| {
            let mut tensors = node
                .attributes
                .iter()
                .filter_map(|entry| entry.tensor.as_ref());
            Some((node.outputs.first()?.as_str(), tensors.next()?))
        });
        let initializers = graph.initializers.iter();
        let given = initializers.map(|tensor| (tensor.name.as_str(), tensor));
        Constants {
            tensors: given.chain(made).collect(),
        }
    }

    /// Axis lengths of a constant; `None` if it is none, or unknown.
    pub fn shape(&self, name: &str) -> Option<&'a [i64]> {
        self.tensors.get(name).map(|tensor| tensor.dims.as_slice())
    }

    /// Whether it is a single truth value that is known to be false.
    pub fn is_false(&self, name: &str) -> bool {
        let tensor = self.tensors.get(name);
        tensor.is_some_and(|tensor| *tensor.raw_data == [0])
    }
}
