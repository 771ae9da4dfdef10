//! A new ONNX file, node by node.

use prost::Message;

use super::proto;

/// Version of the file format: the one of opset 17.
const IR_VERSION: i64 = 8;

/// Version of the operators that nodes are of.
const OPSET: i64 = 17;

/// The value of a node's attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Number(i64),
    /// Several.
    Numbers(Vec<i64>),
    /// A real number.
    Real(f32),
}

/// A graph that grows.
#[derive(Debug)]
pub struct Writer {
    graph: proto::Graph,
}

impl Writer {
    /// A graph of this name.
    #[must_use]
    pub fn new(name: &str) -> Writer {
        let graph = proto::Graph {
            name: name.to_owned(),
            ..proto::Graph::default()
        };
        Writer { graph }
    }

    /// Declares an input of single floats; an axis without a length is of any.
    pub fn input(&mut self, name: &str, shape: &[Option<usize>]) {
        self.graph.inputs.push(value(name, shape));
    }

    /// Declares a tensor as an output.
    pub fn output(&mut self, name: &str, shape: &[Option<usize>]) {
        self.graph.outputs.push(value(name, shape));
    }

    /// Adds an operation with one result; nodes must come in an order in which they can be computed.
    pub fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute)],
    ) {
        let attributes = attributes
            .iter()
            .map(|(name, value)| attribute(name, value));
        self.graph.nodes.push(proto::Node {
            inputs: inputs.iter().map(|name| (*name).to_owned()).collect(),
            outputs: vec![output.to_owned()],
            name: output.to_owned(),
            op: op.to_owned(),
            attributes: attributes.collect(),
            ..proto::Node::default()
        });
    }

    /// Adds constant single floats, in row-major order.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(name, shape, proto::FLOAT, bytes);
    }

    /// Adds a constant list of whole numbers.
    pub fn integers(&mut self, name: &str, values: &[i64]) {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(name, &[values.len()], proto::INT64, bytes);
    }

    fn constant(&mut self, name: &str, shape: &[usize], data_type: i32, bytes: Vec<u8>) {
        self.graph.initializers.push(proto::Tensor {
            dims: shape.iter().map(|&length| length as i64).collect(),
            data_type,
            name: name.to_owned(),
            raw_data: bytes.into(),
            ..proto::Tensor::default()
        });
    }

    /// Operations so far.
    pub(super) fn n_nodes(&self) -> usize {
        self.graph.nodes.len()
    }

    /// What it has come to.
    pub(super) fn graph(&self) -> &proto::Graph {
        &self.graph
    }

    /// The file.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let model = proto::Model {
            ir_version: IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            operators: vec![proto::Operators {
                version: OPSET,
                ..proto::Operators::default()
            }],
        };
        model.encode_to_vec()
    }
}

fn value(name: &str, shape: &[Option<usize>]) -> proto::ValueInfo {
    let dims = shape.iter().map(|length| proto::Dim {
        length: length.map(|length| length as i64),
        name: length.is_none().then(|| "batch".to_owned()),
    });
    let tensor = proto::TensorType {
        element: proto::FLOAT,
        shape: Some(proto::Shape {
            dims: dims.collect(),
        }),
    };
    proto::ValueInfo {
        name: name.to_owned(),
        kind: Some(proto::Type {
            tensor: Some(tensor),
        }),
    }
}

/// An attribute as it stands in a file.
pub(super) fn attribute(name: &str, value: &Attribute) -> proto::Attribute {
    let empty = proto::Attribute {
        name: name.to_owned(),
        ..proto::Attribute::default()
    };
    match value {
        Attribute::Number(number) => proto::Attribute {
            number: *number,
            kind: proto::NUMBER,
            ..empty
        },
        Attribute::Numbers(numbers) => proto::Attribute {
            numbers: numbers.clone(),
            kind: proto::NUMBERS,
            ..empty
        },
        Attribute::Real(real) => proto::Attribute {
            real: *real,
            kind: proto::REAL,
            ..empty
        },
    }
}
