//! The same network spelt out, for an engine that takes some operations otherwise than the standard means them.
//!
//! | the standard | `rten` 0.27 | here |
//! |---|---|---|
//! | `kernel_shape` of a convolution may be left out | fails | is written down, as the weights have it |
//! | `strides` of a pool may be left out | fails | are written down: 1 |
//! | `auto_pad` may be `SAME_LOWER`: the odd pixel comes first | comes last | `pads`; refused where they depend on the image |
//! | `VALID` is without `pads` | with them | they are dropped |
//! | before version 13, `Softmax` is over all axes from one on, the second if none is said | over one axis, the last | flattened before, and formed again |
//! | `Softplus` of 100 is 100 | infinite | spelt out |
//! | `Cast` to a truth value is true unless it is 0 | its whole part | compared with 0 |
//! | `ArgMax` and `ArgMin` give the first of equals | the last | of the reversed axis |
//! | `Dropout` does nothing unless it is told to | is unknown | `Identity` |
//! | `LRN`, `GroupNormalization`, `Selu`, `Celu`, `Mish` | are unknown | made of what is known |
//! | what is in [`refusals`] | otherwise | refused |

mod constants;
mod functions;
mod refusals;
mod window;

use std::collections::{HashMap, HashSet};

use prost::Message;
use prost::bytes::Bytes;

use self::constants::Constants;
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

/// Most nodes that others take the place of; the largest networks have some hundred.
const MOST_SPELT: usize = 1 << 12;

/// What is to be done with a node.
enum Spelling {
    /// Nothing.
    Same,
    /// Some attributes are dropped and others added.
    Attributes {
        dropped: &'static [&'static str],
        added: Vec<(&'static str, Attribute)>,
    },
    /// Other nodes take its place.
    Nodes(Writer),
    /// It cannot be said in other words: what it does.
    Refused(&'static str),
}

impl Model {
    /// The model in words that `rten` takes as the standard means them.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn spelt_out(self) -> Result<Model> {
        let message = decode(&self.path, &self.bytes)?;
        let Some(graph) = &message.graph else {
            return Ok(self);
        };
        let speller = Speller::new(graph, version(&self, &message)?);
        let mut spellings = HashMap::new();
        for (number, node) in graph.nodes.iter().enumerate() {
            match speller.spelling(number, node) {
                Spelling::Refused(problem) => return Err(refused(&self, node, problem)),
                Spelling::Same => {
                    if let Some((inner, problem)) = speller.within(node) {
                        return Err(refused(&self, inner, problem));
                    }
                }
                spelling => {
                    spellings.insert(number, spelling);
                }
            }
        }
        if spellings.is_empty() {
            return Ok(self);
        }
        if spellings.len() > MOST_SPELT {
            let problem = format!(
                "has {} operations that the built-in engine takes otherwise",
                spellings.len()
            );
            return Err(Error::file(&self.path, problem, ELSEWHERE));
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

/// What to do with a network that the engine cannot compute.
const ELSEWHERE: &str = "use ONNX Runtime (`--engine ort`, in builds with `--features ort`), or export the network \
                         without it";

/// Version of the standard's operators; 1 where the file says none.
fn version(model: &Model, message: &proto::Model) -> Result<i64> {
    let sets = message.operators.iter();
    let mut versions = sets
        .filter(|set| is_standard(&set.domain))
        .map(|set| set.version);
    let version = versions.next().unwrap_or(1);
    match versions.find(|&other| other != version) {
        None => Ok(version),
        Some(other) => {
            let problem = format!("is of version {version} of the operators, and of {other}");
            Err(Error::file(&model.path, problem, REMEDY))
        }
    }
}

fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// An operation that the engine cannot compute.
fn refused(model: &Model, node: &proto::Node, problem: &str) -> Error {
    let name = if node.name.is_empty() {
        node.outputs.first().map_or("", String::as_str)
    } else {
        &node.name
    };
    let problem = format!(
        "its operation `{name}` ({}) {problem}, which the built-in engine does otherwise",
        node.op
    );
    Error::file(&model.path, problem, ELSEWHERE)
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
            Spelling::Same | Spelling::Refused(_) => return None,
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
    constants: Constants<'a>,
    /// What the names of new tensors have before their first `_`, and no others.
    prefix: String,
}

impl<'a> Speller<'a> {
    fn new(graph: &'a proto::Graph, version: i64) -> Speller<'a> {
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
            constants: Constants::of(graph),
            prefix: prefix.expect("there are more numbers than names"),
        }
    }

    /// What is to be done with node `number`.
    fn spelling(&self, number: usize, node: &proto::Node) -> Spelling {
        if !is_standard(&node.domain) {
            return Spelling::Same;
        }
        if let Some(problem) = refusals::problem(node, self.version, &self.constants) {
            return Spelling::Refused(problem);
        }
        match node.op.as_str() {
            "Conv" | "ConvInteger" | "ConvTranspose" => {
                let weights = node.inputs.get(1);
                let shape = weights.and_then(|name| self.constants.shape(name));
                let kernel = shape.and_then(|shape| shape.get(2..));
                window::spelt(node, kernel.filter(|kernel| kernel.len() <= MOST_AXES))
            }
            "MaxPool" | "AveragePool" => window::spelt(node, None),
            _ => {
                let name = |what: &str| format!("{}_{number}_{what}", self.prefix);
                functions::spelt(node, self.version, &self.constants, name)
            }
        }
    }

    /// The first operation in the branches of a node that is to be spelt otherwise, and why it is not.
    fn within<'n>(&self, node: &'n proto::Node) -> Option<(&'n proto::Node, &'static str)> {
        let graphs = node
            .attributes
            .iter()
            .filter_map(|entry| entry.graph.as_ref());
        graphs
            .flat_map(|graph| &graph.nodes)
            .find_map(|inner| match self.spelling(0, inner) {
                Spelling::Same => self.within(inner),
                Spelling::Refused(problem) => Some((inner, problem)),
                Spelling::Attributes { .. } | Spelling::Nodes(_) => {
                    Some((inner, "is in a branch or loop"))
                }
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
mod tests;
