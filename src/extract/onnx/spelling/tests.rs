//! What becomes of single operations; numbers are compared in `tests/onnx.rs`.

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

fn model(message: proto::Model) -> Model {
    let path = Path::new("test.onnx");
    Model {
        path: path.to_owned(),
        bytes: Bytes::from(message.encode_to_vec()),
        external: BTreeMap::new(),
        digest: String::new(),
        graph: Graph::of(path, message).unwrap(),
    }
}

/// The nodes of a graph of one node after it is spelt out.
fn spelt(node: proto::Node, version: i64) -> Result<Vec<proto::Node>> {
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
    let bytes = model(message).spelt_out()?.bytes;
    let message = proto::Model::decode(bytes).unwrap();
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
    let lower = |attributes: &[_]| with_text(node("Conv", attributes), "auto_pad", "SAME_LOWER");
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
fn padding_that_is_not_known_is_refused() {
    // What the kernel is only the engine knows, which takes it all the same.
    let attributes = [
        ("strides", Attribute::Numbers(vec![1, 1])),
        ("dilations", Attribute::Numbers(vec![1, 1])),
    ];
    let mut computed = with_text(node("Conv", &attributes), "auto_pad", "SAME_LOWER");
    computed.inputs[1] = "computed".to_owned();
    let error = spelt(computed, 13).unwrap_err().to_string();
    assert!(error.contains("pads as `SAME_LOWER` says"), "{error}");
    let pads = [
        ("kernel_shape", Attribute::Numbers(vec![2, 2])),
        ("pads", Attribute::Numbers(vec![1; 4])),
    ];
    let valid = with_text(node("MaxPool", &pads), "auto_pad", "VALID");
    assert_eq!(numbers(&spelt(valid, 13).unwrap()[0], "pads"), None);
}

#[test]
fn what_cannot_be_said_otherwise_is_refused() {
    let inputs = |op: &str, inputs: &[&str]| proto::Node {
        inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
        ..node(op, &[])
    };
    let groups = |n| [("num_groups", Attribute::Number(n))];
    let scaled = |n| proto::Node {
        inputs: ["image", "weights", "weights"].map(str::to_owned).to_vec(),
        ..node("GroupNormalization", &groups(n))
    };
    let mut moments = node("BatchNormalization", &[]);
    moments.outputs.push("mean".to_owned());
    let padded = [("pads", Attribute::Numbers(vec![0, 0, 0, 1]))];
    for (node, version, problem) in [
        (node("ConvInteger", &padded), 13, "pads whole numbers"),
        (
            inputs("LSTM", &["x", "w", "r", "", "lengths"]),
            13,
            "of several lengths",
        ),
        (moments, 13, "moments of the batch"),
        (node("BatchNormalization", &[]), 6, "moments of the batch"),
        (
            node("Celu", &[("alpha", Attribute::Real(-0.5))]),
            13,
            "not above 0",
        ),
        (
            node("LRN", &[("size", Attribute::Number(1 << 40))]),
            13,
            "too many",
        ),
        // Of the four scales none are of three groups, nor of three channels each.
        (scaled(3), 18, "do not fit"),
        (scaled(3), 21, "do not fit"),
    ] {
        let error = spelt(node, version).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    for version in [18, 21] {
        let nodes = spelt(scaled(if version == 18 { 4 } else { 2 }), version).unwrap();
        assert!(ops(&nodes).contains(&"InstanceNormalization"));
    }
}

#[test]
fn two_versions_of_the_operators_are_refused() {
    let sets = [(13, ""), (9, "com.example"), (13, "ai.onnx")];
    let message = |sets: &[(i64, &str)]| proto::Model {
        operators: sets
            .iter()
            .map(|&(version, domain)| proto::Operators {
                version,
                domain: domain.to_owned(),
            })
            .collect(),
        graph: Some(proto::Graph::default()),
        ..proto::Model::default()
    };
    let version = |sets: &[(i64, &str)]| version(&model(message(sets)), &message(sets));
    assert_eq!(version(&sets).unwrap(), 13);
    let error = version(&[(13, ""), (11, "ai.onnx")]).unwrap_err();
    assert!(error.to_string().contains("version 13"), "{error}");
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
        error.contains("(Softmax) is in a branch or loop"),
        "{error}"
    );
    assert_eq!(ops(&spelt(branch(node("Relu", &[])), 12).unwrap()), ["If"]);
}
