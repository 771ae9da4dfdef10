//! What is in a model's graph: inputs, tensors in the order of computation, and what names mean.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{REMEDY, modules, proto};
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// Operation whose result is no activation.
pub(super) const CONSTANT: &str = "Constant";

/// A model's graph.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(super) inputs: Vec<Input>,
    pub(super) tensors: Vec<Tensor>,
    outputs: Vec<String>,
    /// Names of the initializers.
    weights: Vec<String>,
    n_parameters: u64,
    producer: String,
}

/// One input of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Axis lengths; `None` for an axis of any length. Empty where the model says no shape.
    pub shape: Vec<Option<usize>>,
    /// Whether its values are single floats.
    pub is_float: bool,
}

/// One result of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name, by which engines know it.
    pub name: String,
    /// Name of the operation's node; may be empty.
    pub node: String,
    /// Kind of operation, such as `Conv`.
    pub op: String,
    /// Path of the innermost module that the exporter recorded, such as `layer1.0.conv1`; may be empty.
    pub module: String,
    /// The same with numbers for further calls of a module (`layer1.0.relu_1`), where the exporter tells.
    pub call: String,
    /// Whether the model declares it as an output.
    pub is_output: bool,
    /// Number of the first initializer that the operation takes.
    pub(super) weight: Option<usize>,
}

/// Most nodes and outputs of nodes that a graph may have; the largest networks have some ten thousand.
const MOST_TENSORS: usize = 1 << 16;
/// Most bytes of all names: a node's is kept with each of its outputs.
const MOST_LETTERS: usize = 64 << 20;

/// Refuses graphs that would take gigabytes to list.
fn check_names(path: &Path, nodes: &[proto::Node]) -> Result<()> {
    let outputs = |node: &proto::Node| node.outputs.len().max(1);
    let n_tensors = nodes.iter().map(outputs).fold(0, usize::saturating_add);
    let letters = |node: &proto::Node| {
        let own = node.name.len() + node.op.len();
        own.saturating_mul(outputs(node))
    };
    let n_letters = nodes.iter().map(letters).fold(0, usize::saturating_add);
    if n_tensors <= MOST_TENSORS && n_letters <= MOST_LETTERS {
        return Ok(());
    }
    let problem = format!("has {n_tensors} tensors with {n_letters} bytes of names");
    let remedy = format!("give a model of at most {MOST_TENSORS} tensors, with shorter names");
    Err(Error::file(path, problem, remedy))
}

impl Graph {
    pub(super) fn of(path: &Path, model: proto::Model) -> Result<Graph> {
        let producer = format!("{} {}", model.producer_name, model.producer_version);
        let graph = model
            .graph
            .ok_or_else(|| Error::file(path, "holds no ONNX graph", REMEDY))?;
        let outputs: Vec<String> = graph.outputs.into_iter().map(|info| info.name).collect();
        let declared: HashSet<&str> = outputs.iter().map(String::as_str).collect();
        // Old files list the weights among the inputs.
        let weights: HashSet<&str> = graph
            .initializers
            .iter()
            .map(|tensor| tensor.name.as_str())
            .collect();
        let inputs = graph
            .inputs
            .iter()
            .filter(|info| !weights.contains(info.name.as_str()))
            .map(input)
            .collect();
        check_names(path, &graph.nodes)?;
        let calls: Vec<String> = graph.nodes.iter().map(modules::innermost).collect();
        let known = modules::all(&calls);
        let weights: Vec<String> = graph
            .initializers
            .iter()
            .map(|tensor| tensor.name.clone())
            .collect();
        let mut numbers: HashMap<&str, usize> = weights
            .iter()
            .enumerate()
            .map(|(number, name)| (name.as_str(), number))
            .collect();
        // Weights that an exporter hands on under another name, such as those of a module's second call.
        for node in graph.nodes.iter().filter(|node| is_passed_on(&node.op)) {
            let number = node
                .inputs
                .first()
                .and_then(|name| numbers.get(name.as_str()));
            if let (Some(&number), Some(name)) = (number, node.outputs.first()) {
                numbers.insert(name, number);
            }
        }
        let mut tensors = Vec::with_capacity(graph.nodes.len());
        for (node, call) in graph.nodes.iter().zip(calls) {
            let module = modules::without_numbers(&call, &known);
            let weight = (node.inputs.iter()).find_map(|name| numbers.get(name.as_str()).copied());
            for name in node.outputs.iter().filter(|name| !name.is_empty()) {
                tensors.push(Tensor {
                    name: name.clone(),
                    node: node.name.clone(),
                    op: node.op.clone(),
                    module: module.clone(),
                    call: call.clone(),
                    is_output: declared.contains(name.as_str()),
                    weight,
                });
            }
        }
        let moments: HashSet<&str> = graph
            .nodes
            .iter()
            .filter(|node| node.op == "BatchNormalization")
            .flat_map(|node| node.inputs.iter().skip(3).map(String::as_str))
            .collect();
        let n_parameters = graph
            .initializers
            .iter()
            .filter(|tensor| tensor.data_type == proto::FLOAT)
            .filter(|tensor| !moments.contains(tensor.name.as_str()))
            .map(n_values)
            .fold(0, u64::saturating_add);
        Ok(Graph {
            inputs,
            tensors,
            outputs,
            weights,
            n_parameters,
            producer: producer.trim().to_owned(),
        })
    }

    /// What the model must be given.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Results of all operations, in the order of computation.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Names of the declared outputs.
    #[must_use]
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// Single floats among the constants, without the running moments of batch normalisation, which PyTorch does
    /// not count either.
    #[must_use]
    pub fn n_parameters(&self) -> u64 {
        self.n_parameters
    }

    /// Program that wrote the file, with its version.
    #[must_use]
    pub fn producer(&self) -> &str {
        &self.producer
    }

    /// The tensor that a name means: an output's or other tensor's, a node's, or a module's path.
    ///
    /// A node stands for its first result, a module for the last result of its last call, and `NAME-tK` for that
    /// of its call number K, from 0. `:` in a name may stand for `/`, which folder names cannot have.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        let with_slashes = name.replace(':', "/");
        [name, with_slashes.as_str()]
            .iter()
            .find_map(|name| self.find_exactly(name))
    }

    fn find_exactly(&self, name: &str) -> Option<&Tensor> {
        if name.is_empty() {
            return None;
        }
        let by = |is: &dyn Fn(&&Tensor) -> bool| self.tensors.iter().find(is);
        by(&|tensor| tensor.name == name)
            .or_else(|| by(&|tensor| tensor.node == name))
            .or_else(|| self.calls(name).last.pop())
            .or_else(|| {
                let (module, step) = name.rsplit_once("-t")?;
                let step: usize = step.parse().ok()?;
                let calls = self.calls(module);
                let found = calls.last.get(step).copied();
                found.filter(|_| !calls.are_merged)
            })
    }

    /// Whether a tensor is of a convolution whose weights the exporter has made anew, as it does when it folds the
    /// normalisation after it into it: the tensor is then the result of both.
    #[must_use]
    pub fn is_folded(&self, tensor: &str) -> bool {
        let tensor = self.tensors.iter().find(|known| known.name == tensor);
        tensor.is_some_and(|tensor| {
            let weight = tensor.weight.map(|number| self.weights[number].as_str());
            tensor.op == "Conv" && weight.is_some_and(|name| name.starts_with("onnx::Conv_"))
        })
    }

    /// Names near one that means nothing, for messages: outputs first, then modules, nodes and tensors.
    #[must_use]
    pub fn near(&self, name: &str) -> Vec<&str> {
        let mut seen = HashSet::new();
        let modules = self.tensors.iter().map(|tensor| tensor.module.as_str());
        let nodes = self.tensors.iter().map(|tensor| tensor.node.as_str());
        let names = self.tensors.iter().map(|tensor| tensor.name.as_str());
        let outputs = self.outputs.iter().map(String::as_str);
        // What ends with it comes first: exporters of a wrapped network write `net.conv1` for its `conv1`.
        let ending = format!(".{name}");
        let ends = modules.clone().filter(|module| module.ends_with(&ending));
        let ends: Vec<&str> = ends
            .filter(|module| seen.insert(*module))
            .take(NEAREST)
            .collect();
        if !ends.is_empty() {
            return ends;
        }
        let all = outputs.chain(modules).chain(nodes).chain(names);
        let known: Vec<&str> = all
            .filter(|known| !known.is_empty() && seen.insert(*known))
            .collect();
        nearest(name, known)
    }
}

/// Whether an operation hands its first input on, in another form.
pub(super) fn is_passed_on(op: &str) -> bool {
    const PASSES: [&str; 8] = [
        "Transpose",
        "Cast",
        "DequantizeLinear",
        "Reshape",
        "Identity",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
    ];
    PASSES.contains(&op)
}

/// Most names that are proposed for one that only ends alike.
const NEAREST: usize = 3;

/// `1 × 3 × ? × ?`.
pub fn shape_text(shape: &[Option<usize>]) -> String {
    if shape.is_empty() {
        return "unknown".to_owned();
    }
    let axis = |length: &Option<usize>| length.map_or("?".to_owned(), |length| length.to_string());
    let axes: Vec<String> = shape.iter().map(axis).collect();
    axes.join(" × ")
}

/// Number of values of a tensor, saturating for shapes that no file can hold.
pub(super) fn n_values(tensor: &proto::Tensor) -> u64 {
    tensor
        .dims
        .iter()
        .map(|&length| u64::try_from(length).unwrap_or(0))
        .fold(1, u64::saturating_mul)
}

fn input(info: &proto::ValueInfo) -> Input {
    let tensor = info.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let axis = |dim: &proto::Dim| {
        let length = dim.length.and_then(|length| usize::try_from(length).ok());
        // Some converters write 0 for a free axis.
        length.filter(|&length| length > 0)
    };
    Input {
        name: info.name.clone(),
        shape: shape.map_or(Vec::new(), |shape| shape.dims.iter().map(axis).collect()),
        is_float: tensor.is_some_and(|tensor| tensor.element == proto::FLOAT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, node: &str, module: &str) -> Tensor {
        Tensor {
            name: name.to_owned(),
            node: node.to_owned(),
            op: "Conv".to_owned(),
            module: module.to_owned(),
            call: module.to_owned(),
            is_output: false,
            weight: None,
        }
    }

    fn graph(inputs: Vec<Input>) -> Graph {
        Graph {
            inputs,
            tensors: vec![
                tensor("a", "/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
                tensor("b", "/layer1/layer1.0/relu/Relu", "layer1.0.relu"),
                tensor("/layer10/Conv_output_0", "/layer10/Conv", "layer10"),
            ],
            outputs: vec!["b".to_owned()],
            weights: Vec::new(),
            n_parameters: 0,
            producer: String::new(),
        }
    }

    fn image(shape: [Option<usize>; 4]) -> Input {
        Input {
            name: "x".to_owned(),
            shape: shape.to_vec(),
            is_float: true,
        }
    }

    #[test]
    fn a_name_is_a_tensor_a_node_or_a_module() {
        let graph = graph(Vec::new());
        let found = |name: &str| graph.find(name).map(|tensor| tensor.name.as_str());
        assert_eq!(found("a"), Some("a"));
        assert_eq!(found("/layer1/layer1.0/relu/Relu"), Some("b"));
        assert_eq!(found("layer1.0.conv1"), Some("a"));
        // The last result inside; `layer10` is another module.
        assert_eq!(found("layer1"), Some("b"));
        assert_eq!(
            found(":layer10:Conv_output_0"),
            Some("/layer10/Conv_output_0")
        );
        assert_eq!(found("layer2"), None);
        assert_eq!(found(""), None);
        assert!(graph.near("layer1.0.conv2").contains(&"layer1.0.conv1"));
        assert_eq!(graph.near("conv1"), ["layer1.0.conv1"]);
    }

    #[test]
    fn image_inputs_of_both_orders_and_free_sizes() {
        let path = Path::new("m.onnx");
        let layout = |shape, side| graph(vec![image(shape)]).layout(path, side);
        let pytorch = layout([None, Some(3), Some(32), Some(48)], None).unwrap();
        assert_eq!(
            (pytorch.batch, pytorch.height, pytorch.width),
            (None, 32, 48)
        );
        assert!(!pytorch.colours_last);
        let tensorflow = layout([Some(1), Some(32), Some(48), Some(3)], None).unwrap();
        assert_eq!(
            (tensorflow.batch, tensorflow.height, tensorflow.width),
            (Some(1), 32, 48)
        );
        assert!(tensorflow.colours_last);
        let free = layout([None, Some(3), None, None], None).unwrap();
        assert_eq!((free.height, free.width), (224, 224));
        let chosen = layout([None, Some(3), None, None], Some((64, 64))).unwrap();
        assert_eq!((chosen.height, chosen.width), (64, 64));
        assert!(layout([None, Some(3), Some(32), Some(32)], Some((64, 64))).is_err());
        for side in [1 << 20, 1 << 60] {
            let huge = layout([None, Some(3), Some(side), Some(side)], None).unwrap_err();
            assert!(huge.to_string().contains("? × 3 × "), "{huge}");
            assert!(layout([None, Some(3), None, None], Some((side, side))).is_err());
        }
        let error = layout([None, Some(1), Some(28), Some(28)], None).unwrap_err();
        assert!(error.to_string().contains("? × 1 × 28 × 28"), "{error}");
    }

    #[test]
    fn other_inputs_are_refused() {
        let path = Path::new("m.onnx");
        let two = graph(vec![image([None; 4]), image([None; 4])]);
        assert!(
            two.layout(path, None)
                .unwrap_err()
                .to_string()
                .contains("2 inputs")
        );
        let flat = Input {
            shape: vec![None, Some(10)],
            ..image([None; 4])
        };
        assert!(graph(vec![flat]).layout(path, None).is_err());
        let integers = Input {
            is_float: false,
            ..image([None, Some(3), None, None])
        };
        let error = graph(vec![integers]).layout(path, None).unwrap_err();
        assert!(error.to_string().contains("not of floats"), "{error}");
    }
}
