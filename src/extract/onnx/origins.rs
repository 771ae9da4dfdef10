//! Where the weights of a graph's sums of products come from: what a control can change, and what it cannot.

use std::collections::{HashMap, HashSet};

use super::graph::is_passed_on;
use super::proto;

/// Where the weights of convolutions and matrix products come from.
#[derive(Default)]
pub(super) struct Origins {
    /// How many are single-float initializers.
    pub n_changed: usize,
    /// Names of those that are constants of the graph or of another precision, each once.
    pub fixed: Vec<String>,
}

/// More operations between a weight and its use are those of a cycle.
const MOST_STEPS: usize = 64;

/// What the weight of an operation is.
#[derive(Clone, Copy, PartialEq)]
enum Origin<'a> {
    /// Not known before the image.
    Activation,
    /// An initializer of single floats, perhaps in another form.
    Initializer(&'a str),
    /// Something that no control changes, or computed from constants.
    Fixed(&'a str),
}

/// Who makes what in a graph.
struct Makers<'a> {
    /// Initializers, and whether they are of single floats.
    initializers: HashMap<&'a str, bool>,
    nodes: HashMap<&'a str, &'a proto::Node>,
    found: HashMap<&'a str, Origin<'a>>,
}

impl<'a> Makers<'a> {
    fn new(graph: &'a proto::Graph) -> Makers<'a> {
        let initializers = graph.initializers.iter();
        let nodes = graph.nodes.iter();
        Makers {
            initializers: initializers
                .map(|tensor| (tensor.name.as_str(), tensor.data_type == proto::FLOAT))
                .collect(),
            nodes: nodes
                .flat_map(|node| node.outputs.iter().map(move |name| (name.as_str(), node)))
                .collect(),
            found: HashMap::new(),
        }
    }

    fn origin(&mut self, name: &'a str, steps: usize) -> Origin<'a> {
        if let Some(&found) = self.found.get(name) {
            return found;
        }
        let found = match (self.initializers.get(name), self.nodes.get(name).copied()) {
            (Some(true), _) => Origin::Initializer(name),
            (Some(false), _) => Origin::Fixed(name),
            (None, None) => Origin::Activation,
            (None, Some(_)) if steps == 0 => Origin::Activation,
            (None, Some(node)) if node.op == "Constant" => Origin::Fixed(name),
            (None, Some(node)) if is_passed_on(&node.op) => match node.inputs.first() {
                Some(input) => self.origin(input, steps - 1),
                None => Origin::Fixed(name),
            },
            (None, Some(node)) => {
                let inputs = node.inputs.iter().filter(|input| !input.is_empty());
                let mut is_fixed = true;
                for input in inputs {
                    is_fixed &= self.origin(input, steps - 1) != Origin::Activation;
                }
                match is_fixed {
                    true => Origin::Fixed(name),
                    false => Origin::Activation,
                }
            }
        };
        self.found.insert(name, found);
        found
    }
}

/// The origins of all weights of a graph.
///
/// - `changes`: whether a control changes an initializer of single floats.
pub(super) fn origins(graph: &proto::Graph, changes: impl Fn(&str) -> bool) -> Origins {
    let mut makers = Makers::new(graph);
    let mut origins = Origins::default();
    let mut seen = HashSet::new();
    for node in &graph.nodes {
        let places: &[usize] = match node.op.as_str() {
            "Conv" | "ConvTranspose" | "Gemm" | "ConvInteger" => &[1],
            "MatMul" | "MatMulInteger" | "Einsum" => &[0, 1],
            "QLinearConv" => &[3],
            "QLinearMatMul" => &[0, 3],
            _ => continue,
        };
        let weights = places.iter().filter_map(|&place| node.inputs.get(place));
        for weight in weights {
            match makers.origin(weight, MOST_STEPS) {
                Origin::Activation => {}
                Origin::Initializer(name) if changes(name) => origins.n_changed += 1,
                Origin::Initializer(name) | Origin::Fixed(name) => {
                    if seen.insert(name) {
                        origins.fixed.push(name.to_owned());
                    }
                }
            }
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_no_control_can_change_are_found() {
        let made = |op: &str, inputs: &[&str], output: &str| proto::Node {
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            op: op.to_owned(),
            ..proto::Node::default()
        };
        let tensor = |name: &str, data_type| proto::Tensor {
            name: name.to_owned(),
            data_type,
            ..proto::Tensor::default()
        };
        let graph = proto::Graph {
            nodes: vec![
                made("Constant", &[], "c"),
                made("Conv", &["x", "c"], "1"),
                made("Cast", &["half"], "cast"),
                made("Transpose", &["cast"], "turned"),
                made("MatMul", &["1", "turned"], "2"),
                made("Gemm", &["2", "w", "bias"], "3"),
                made("MatMul", &["3", "2"], "4"),
                made("Mul", &["c", "bias"], "scaled"),
                made("Conv", &["4", "scaled"], "6"),
                made("ConvInteger", &["6", "half_again"], "7"),
                // A cycle, as a damaged file may have it.
                made("Identity", &["b"], "a"),
                made("Identity", &["a"], "b"),
                made("MatMul", &["4", "b"], "5"),
            ],
            initializers: vec![
                tensor("half", 10),
                tensor("w", proto::FLOAT),
                tensor("bias", proto::FLOAT),
                tensor("half_again", 10),
            ],
            ..proto::Graph::default()
        };
        let found = origins(&graph, |_| true);
        assert_eq!(found.fixed, ["c", "half", "scaled", "half_again"]);
        assert_eq!(found.n_changed, 1);
        assert_eq!(origins(&graph, |_| false).fixed[2], "w");
    }
}
