//! The same network spelt out, for an engine that takes some operations otherwise than the standard means them.
//!
//! | the standard | `rten` 0.27 | here |
//! |---|---|---|
//! | `kernel_shape` of a convolution may be left out | fails | is written down, as the weights have it |
//! | `strides` of a pool may be left out | fails | are written down: 1 |
//! | `auto_pad` may be `SAME_LOWER`: the odd pixel comes first | comes last | `pads`; refused where they depend on the image |
//! | before version 13, `Softmax` is over all axes from one on, the second if none is said | over one axis, the last | flattened before, and formed again |
//! | `Dropout` does nothing unless it is told to | is unknown | `Identity` |
//! | `LRN`, `GroupNormalization`, `Selu`, `Celu`, `Mish` | are unknown | made of what is known |
//! | `Resize` by `cubic` | is linear | refused |

mod functions;
mod window;

use std::collections::{HashMap, HashSet};

use prost::Message;
use prost::bytes::Bytes;

use super::graph::CONSTANT;
use super::write::{Attribute, Writer};
use super::{Model, REMEDY, decode, proto, splice, write};
use crate::error::{Error, Result};

/// Fields of a graph: its nodes and its constants.
const NODE: u32 = 1;
const INITIALIZER: u32 = 5;

/// Field of a node: its attributes.
const ATTRIBUTE: u32 = 5;

/// Field of an attribute: its name.
const NAME: u32 = 1;

/// Begins the names of new tensors.
const NEW: &str = "spelt";

/// Axes of a convolution's kernel at most, as far as its weights have to tell them.
const MOST_AXES: usize = 3;

/// What is to be done with a node.
enum Spelling {
    /// Some attributes are dropped and others added.
    Attributes {
        dropped: &'static [&'static str],
        added: Vec<(&'static str, Attribute)>,
    },
    /// Other nodes take its place.
    Nodes(Writer),
    /// It cannot be said in other words.
    None(String),
}

impl Model {
    /// The model in words that `rten` takes as the standard means them.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn spelt_out(self) -> Result<Model> {
        let message = decode(&self.path, &self.bytes)?;
        let version = version(&message);
        let Some(graph) = &message.graph else {
            return Ok(self);
        };
        let speller = Speller::new(graph, version);
        let mut spellings = HashMap::new();
        for (number, node) in graph.nodes.iter().enumerate() {
            let spelling = match speller.spelling(number, node) {
                Some(Spelling::None(problem)) => return Err(refused(&self, node, &problem)),
                Some(spelling) => spelling,
                None => match speller.within(node) {
                    None => continue,
                    Some((inner, problem)) => return Err(refused(&self, inner, &problem)),
                },
            };
            spellings.insert(number, spelling);
        }
        if spellings.is_empty() {
            return Ok(self);
        }
        let bytes = splice::with_graph(&self.bytes, |graph| respelt(graph, &spellings));
        let bytes =
            bytes.ok_or_else(|| Error::file(&self.path, "has no graph or several", REMEDY))?;
        Ok(Model {
            bytes: Bytes::from(bytes),
            ..self
        })
    }
}

/// Version of the standard's operators; 1 where the file says none.
fn version(model: &proto::Model) -> i64 {
    let sets = model.operators.iter();
    let standard = sets.filter(|set| is_standard(&set.domain));
    standard.map(|set| set.version).max().unwrap_or(1)
}

fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

fn refused(model: &Model, node: &proto::Node, problem: &str) -> Error {
    let name = if node.name.is_empty() {
        node.outputs.first().map_or("", String::as_str)
    } else {
        &node.name
    };
    Error::file(
        &model.path,
        format!(
            "its operation `{name}` ({}) {problem}, which the built-in engine cannot do",
            node.op
        ),
        "use ONNX Runtime (`--engine ort`, in builds with `--features ort`), or export the network without it",
    )
}

/// The graph's message in parts, with nodes spelt otherwise; `None` if it is damaged.
fn respelt(graph: &Bytes, spellings: &HashMap<usize, Spelling>) -> Option<Vec<Bytes>> {
    let mut number = 0;
    splice::replaced(graph, |field| {
        if field.number != NODE {
            return None;
        }
        number += 1;
        let mut other = Vec::new();
        match spellings.get(&(number - 1))? {
            Spelling::Attributes { dropped, added } => {
                let node = with_attributes(&field.content, dropped, added)?;
                splice::put(NODE, &node, &mut other);
            }
            Spelling::Nodes(writer) => {
                let graph = writer.graph();
                for node in &graph.nodes {
                    splice::put(NODE, &node.encode_to_vec(), &mut other);
                }
                for tensor in &graph.initializers {
                    splice::put(INITIALIZER, &tensor.encode_to_vec(), &mut other);
                }
            }
            Spelling::None(_) => return None,
        }
        Some(other)
    })
}

/// A node's message with other attributes; `None` if it is damaged.
fn with_attributes(node: &Bytes, dropped: &[&str], added: &[(&str, Attribute)]) -> Option<Vec<u8>> {
    let is_dropped = |field: &splice::Field| {
        let mut parts = splice::fields(&field.content).flatten();
        let name = parts.find(|part| part.number == NAME);
        let name = name.map(|name| name.content);
        field.number == ATTRIBUTE
            && name.is_some_and(|name| dropped.iter().any(|other| name == other.as_bytes()))
    };
    let parts = splice::replaced(node, |field| is_dropped(field).then(Vec::new));
    let mut result = parts?.concat();
    for (name, value) in added {
        let attribute = write::attribute(name, value).encode_to_vec();
        splice::put(ATTRIBUTE, &attribute, &mut result);
    }
    Some(result)
}

/// What is known of a graph.
struct Speller<'a> {
    /// Version of the operators.
    version: i64,
    /// Shapes of its constants.
    shapes: HashMap<&'a str, &'a [i64]>,
    /// What the names of new tensors have before their first `_`, and no others.
    prefix: String,
}

impl<'a> Speller<'a> {
    fn new(graph: &'a proto::Graph, version: i64) -> Speller<'a> {
        let constants = graph.nodes.iter().filter(|node| node.op == CONSTANT);
        let constants = constants.filter_map(|node| {
            let mut tensors = node
                .attributes
                .iter()
                .filter_map(|entry| entry.tensor.as_ref());
            Some((node.outputs.first()?, tensors.next()?))
        });
        let initializers = graph
            .initializers
            .iter()
            .map(|tensor| (&tensor.name, tensor));
        let shapes = initializers
            .chain(constants)
            .map(|(name, tensor)| (name.as_str(), tensor.dims.as_slice()));
        let outputs = graph.nodes.iter().flat_map(|node| &node.outputs);
        let inputs = graph.inputs.iter().map(|input| &input.name);
        let constants = graph.initializers.iter().map(|tensor| &tensor.name);
        let names = outputs.chain(inputs).chain(constants);
        let begins = names.filter_map(|name| name.split('_').next());
        let taken: HashSet<&str> = begins.filter(|begin| begin.starts_with(NEW)).collect();
        let mut prefixes = (0..).map(|number| format!("{NEW}{number}"));
        let prefix = prefixes.find(|prefix| !taken.contains(prefix.as_str()));
        Speller {
            version,
            shapes: shapes.collect(),
            prefix: prefix.expect("there are more numbers than names"),
        }
    }

    /// What is to be done with node `number`; `None`: nothing.
    fn spelling(&self, number: usize, node: &proto::Node) -> Option<Spelling> {
        if !is_standard(&node.domain) {
            return None;
        }
        let shape = |input: usize| {
            let name = node.inputs.get(input)?;
            self.shapes.get(name.as_str()).copied()
        };
        match node.op.as_str() {
            "Conv" | "ConvInteger" | "ConvTranspose" => {
                let kernel = shape(1).and_then(|shape| shape.get(2..));
                window::spelt(node, kernel.filter(|kernel| kernel.len() <= MOST_AXES))
            }
            "MaxPool" | "AveragePool" => window::spelt(node, None),
            "Resize" if text(node, "mode") == b"cubic" => {
                Some(Spelling::None("interpolates by `cubic`".to_owned()))
            }
            _ => {
                let name = |what: &str| format!("{}_{number}_{what}", self.prefix);
                let length = |input| shape(input)?.first().copied();
                functions::spelt(node, self.version, length, name).map(Spelling::Nodes)
            }
        }
    }

    /// The first operation in the branches of a node that is to be spelt otherwise, and why it is not.
    fn within<'n>(&self, node: &'n proto::Node) -> Option<(&'n proto::Node, String)> {
        let graphs = node
            .attributes
            .iter()
            .filter_map(|entry| entry.graph.as_ref());
        graphs.flat_map(|graph| &graph.nodes).find_map(|inner| {
            let problem = match self.spelling(0, inner) {
                Some(Spelling::None(problem)) => problem,
                Some(_) => format!("is in a branch of `{}`", node.op),
                None => return self.within(inner),
            };
            Some((inner, problem))
        })
    }
}

fn attribute<'n>(node: &'n proto::Node, name: &str) -> Option<&'n proto::Attribute> {
    node.attributes.iter().find(|entry| entry.name == name)
}

fn number(node: &proto::Node, name: &str) -> Option<i64> {
    attribute(node, name).map(|entry| entry.number)
}

fn numbers<'n>(node: &'n proto::Node, name: &str) -> Option<&'n [i64]> {
    attribute(node, name).map(|entry| entry.numbers.as_slice())
}

fn text<'n>(node: &'n proto::Node, name: &str) -> &'n [u8] {
    attribute(node, name).map_or(&[], |entry| entry.text.as_ref())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::extract::onnx::Graph;

    fn node(op: &str, attributes: &[(&str, Attribute)]) -> proto::Node {
        let attributes = attributes.iter();
        proto::Node {
            inputs: vec!["image".to_owned(), "weights".to_owned()],
            outputs: vec!["result".to_owned()],
            op: op.to_owned(),
            attributes: attributes
                .map(|(name, value)| write::attribute(name, value))
                .collect(),
            ..proto::Node::default()
        }
    }

    fn with_text(mut node: proto::Node, name: &str, text: &'static str) -> proto::Node {
        node.attributes.push(proto::Attribute {
            name: name.to_owned(),
            text: Bytes::from_static(text.as_bytes()),
            ..proto::Attribute::default()
        });
        node
    }

    /// The nodes of a graph of one node after it is spelt out.
    fn spelt(node: proto::Node, version: i64) -> Result<Vec<proto::Node>> {
        let path = Path::new("test.onnx");
        let weights = proto::Tensor {
            dims: vec![4, 3, 2, 5],
            name: "weights".to_owned(),
            ..proto::Tensor::default()
        };
        let message = proto::Model {
            graph: Some(proto::Graph {
                nodes: vec![node],
                initializers: vec![weights],
                ..proto::Graph::default()
            }),
            operators: vec![proto::Operators {
                version,
                ..proto::Operators::default()
            }],
            ..proto::Model::default()
        };
        let model = Model {
            path: path.to_owned(),
            bytes: Bytes::from(message.encode_to_vec()),
            external: BTreeMap::new(),
            digest: String::new(),
            graph: Graph::of(path, message).unwrap(),
        };
        let message = proto::Model::decode(model.spelt_out()?.bytes).unwrap();
        Ok(message.graph.unwrap().nodes)
    }

    fn ops(nodes: &[proto::Node]) -> Vec<&str> {
        nodes.iter().map(|node| node.op.as_str()).collect()
    }

    #[test]
    fn what_is_left_out_is_written_down() {
        let nodes = spelt(node("Conv", &[]), 13).unwrap();
        assert_eq!(numbers(&nodes[0], "kernel_shape"), Some(&[2, 5][..]));
        let kernel = [("kernel_shape", Attribute::Numbers(vec![3, 3]))];
        let nodes = spelt(node("MaxPool", &kernel), 13).unwrap();
        assert_eq!(numbers(&nodes[0], "strides"), Some(&[1, 1][..]));
        // A function of somebody else may have the same name.
        let foreign = proto::Node {
            domain: "com.example".to_owned(),
            ..node("MaxPool", &kernel)
        };
        assert_eq!(spelt(foreign.clone(), 13).unwrap(), [foreign]);
    }

    #[test]
    fn the_odd_pixel_comes_first_or_the_padding_is_refused() {
        let lower =
            |attributes: &[_]| with_text(node("Conv", attributes), "auto_pad", "SAME_LOWER");
        let nodes = spelt(lower(&[("dilations", Attribute::Numbers(vec![1, 2]))]), 13).unwrap();
        assert_eq!(numbers(&nodes[0], "pads"), Some(&[1, 4, 0, 4][..]));
        assert_eq!(text(&nodes[0], "auto_pad"), b"");
        let strides = [("strides", Attribute::Numbers(vec![2, 2]))];
        let error = spelt(lower(&strides), 13).unwrap_err().to_string();
        assert!(
            error.contains("`result` (Conv) pads as `SAME_LOWER` says"),
            "{error}"
        );
        let upper = with_text(node("Conv", &strides), "auto_pad", "SAME_UPPER");
        assert_eq!(
            text(&spelt(upper, 13).unwrap()[0], "auto_pad"),
            b"SAME_UPPER"
        );
    }

    #[test]
    fn softmax_is_over_several_axes_in_old_versions_only() {
        let flattened = ["Flatten", "Softmax", "Shape", "Reshape"];
        let nodes = spelt(node("Softmax", &[]), 12).unwrap();
        assert_eq!(ops(&nodes), flattened);
        assert_eq!(number(&nodes[0], "axis"), Some(1));
        assert_eq!(nodes[3].outputs, ["result"]);
        assert_eq!(ops(&spelt(node("Softmax", &[]), 13).unwrap()), ["Softmax"]);
    }

    #[test]
    fn new_names_are_new() {
        let mut taken = node("Mish", &[]);
        taken.inputs = vec!["spelt0_0_0".to_owned()];
        taken.outputs = vec!["spelt0".to_owned()];
        let nodes = spelt(taken, 18).unwrap();
        assert_eq!(ops(&nodes), ["Softplus", "Tanh", "Mul"]);
        assert_eq!(nodes[0].outputs, ["spelt1_0_0"]);
        assert_eq!(nodes[2].outputs, ["spelt0"]);
    }

    #[test]
    fn dropout_is_nothing_unless_it_drops() {
        let op = |node, version| spelt(node, version).unwrap()[0].op.clone();
        let at_rest = proto::Node {
            inputs: vec!["image".to_owned()],
            ..node("Dropout", &[])
        };
        assert_eq!(op(at_rest.clone(), 12), "Identity");
        assert_eq!(op(at_rest.clone(), 6), "Dropout");
        let mut dropping = at_rest;
        dropping
            .inputs
            .extend(["ratio", "training"].map(str::to_owned));
        assert_eq!(op(dropping, 12), "Dropout");
        let is_test = [("is_test", Attribute::Number(1))];
        assert_eq!(op(node("Dropout", &is_test), 6), "Identity");
    }

    #[test]
    fn cubic_interpolation_is_refused_in_branches_too() {
        let cubic = || with_text(node("Resize", &[]), "mode", "cubic");
        let error = spelt(cubic(), 13).unwrap_err().to_string();
        assert!(
            error.contains("`result` (Resize) interpolates by `cubic`"),
            "{error}"
        );
        assert!(error.contains("`--engine ort`"), "{error}");
        let branch = |inner| {
            let mut outer = node("If", &[]);
            outer.attributes.push(proto::Attribute {
                name: "then_branch".to_owned(),
                graph: Some(Box::new(proto::Graph {
                    nodes: vec![inner],
                    ..proto::Graph::default()
                })),
                ..proto::Attribute::default()
            });
            outer
        };
        let error = spelt(branch(cubic()), 13).unwrap_err().to_string();
        assert!(
            error.contains("(Resize) interpolates by `cubic`"),
            "{error}"
        );
        let error = spelt(branch(node("Softmax", &[])), 12)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("(Softmax) is in a branch of `If`"),
            "{error}"
        );
        assert_eq!(ops(&spelt(branch(node("Relu", &[])), 12).unwrap()), ["If"]);
    }
}
