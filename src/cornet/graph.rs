//! The operations as an ONNX file: unrolled, opset 17, a free number of images, each tapped module an output.
//!
//! Outputs are named as by `scripts/export_cornet.py`: `V1.output-t0`, `V1.output-t1`, … and `V1.output` for the
//! last step.

use std::collections::BTreeSet;

use super::Network;
use super::architecture::{Conv, N_COLOURS, Ops, forward, shrunk, tapped};
use super::forward::{EPSILON, N_GROUPS};
use super::weights::{MEAN, VARIANCE, Weights};
use crate::extract::onnx::write::{Attribute, Writer};

/// Name of the image input.
const INPUT: &str = "image";

/// The network with these weights as an ONNX file; batch norms use the running statistics.
#[must_use]
pub fn onnx(network: &Network, weights: &Weights) -> Vec<u8> {
    let mut graph = Graph {
        writer: Writer::new(&network.kind.to_string()),
        weights,
        written: BTreeSet::new(),
        n_values: 0,
        taps: Vec::new(),
    };
    let image = Value {
        name: INPUT.to_owned(),
        shape: vec![N_COLOURS, network.imsize, network.imsize],
    };
    graph.writer.input(INPUT, &image.free_shape());
    forward(&mut graph, network, &image);
    for module in tapped(network.kind) {
        let steps = graph.taps.iter().filter(|(name, ..)| *name == module);
        let mut steps: Vec<(String, Value)> = steps
            .map(|(_, step, value)| (format!("{module}-t{step}"), value.clone()))
            .collect();
        steps.extend(steps.last().map(|(_, value)| (module, value.clone())));
        for (name, value) in steps {
            graph.writer.node("Identity", &[&value.name], &name, &[]);
            graph.writer.output(&name, &value.free_shape());
        }
    }
    graph.writer.finish()
}

/// A tensor of the graph.
#[derive(Debug, Clone)]
struct Value {
    name: String,
    /// Without the axis of images.
    shape: Vec<usize>,
}

impl Value {
    fn free_shape(&self) -> Vec<Option<usize>> {
        let lengths = self.shape.iter().copied().map(Some);
        std::iter::once(None).chain(lengths).collect()
    }
}

struct Graph<'a> {
    writer: Writer,
    weights: &'a Weights,
    /// Constants that the file has already.
    written: BTreeSet<String>,
    n_values: usize,
    taps: Vec<(String, usize, Value)>,
}

impl Graph<'_> {
    fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        shape: &[usize],
        attributes: &[(&str, Attribute)],
    ) -> Value {
        self.n_values += 1;
        let name = format!("value_{}", self.n_values);
        self.writer.node(op, inputs, &name, attributes);
        Value {
            name,
            shape: shape.to_vec(),
        }
    }

    /// A parameter or running statistic by its name, written when first used.
    fn weight(&mut self, name: String) -> String {
        if self.written.insert(name.clone()) {
            let parameters = &self.weights.parameters;
            let parameter = (parameters.get(&name)).unwrap_or_else(|| &self.weights.buffers[&name]);
            self.writer
                .floats(&name, &parameter.shape, &parameter.values);
        }
        name
    }

    /// The same number many times, for operators that want a tensor.
    fn constant(&mut self, name: &str, shape: &[usize], value: f32) {
        if self.written.insert(name.to_owned()) {
            let values = vec![value; shape.iter().product()];
            self.writer.floats(name, shape, &values);
        }
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let words: Vec<String> = values.iter().map(ToString::to_string).collect();
        let name = format!("numbers_{}", words.join("_"));
        if self.written.insert(name.clone()) {
            self.writer.integers(&name, values);
        }
        name
    }

    /// Reshapes each image's values.
    fn reshape(&mut self, x: &Value, shape: &[usize]) -> Value {
        // In ONNX, 0 keeps an axis and −1 takes what is left; the images are kept.
        let target: Vec<i64> = std::iter::once(0)
            .chain(shape.iter().map(|&length| length as i64))
            .collect();
        let target = self.integers(&target);
        self.node("Reshape", &[&x.name, &target], shape, &[])
    }
}

fn twice(number: usize) -> Attribute {
    Attribute::Numbers(vec![number as i64; 2])
}

fn four_times(number: usize) -> Attribute {
    Attribute::Numbers(vec![number as i64; 4])
}

impl Ops for Graph<'_> {
    type Map = Value;

    fn conv(&mut self, x: &Value, name: &str, conv: Conv) -> Value {
        let weight = self.weight(format!("{name}.weight"));
        let mut inputs = vec![x.name.clone(), weight];
        if conv.has_bias {
            inputs.push(self.weight(format!("{name}.bias")));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let side = shrunk(x.shape[1], conv.stride);
        let attributes = [
            ("kernel_shape", twice(conv.kernel)),
            ("strides", twice(conv.stride)),
            ("pads", four_times(conv.padding())),
        ];
        self.node("Conv", &inputs, &[conv.filters, side, side], &attributes)
    }

    fn group_norm(&mut self, x: &Value, name: &str) -> Value {
        let shape = x.shape.clone();
        let (channels, size) = (shape[0], shape.iter().product::<usize>());
        // Opset 17 has no group norm: groups become the instances of an instance norm.
        let groups = self.reshape(x, &[N_GROUPS, size / N_GROUPS]);
        self.constant("group_scale", &[N_GROUPS], 1.0);
        self.constant("group_bias", &[N_GROUPS], 0.0);
        let inputs = [groups.name.as_str(), "group_scale", "group_bias"];
        let epsilon = [("epsilon", Attribute::Real(EPSILON as f32))];
        let normal = self.node("InstanceNormalization", &inputs, &groups.shape, &epsilon);
        let normal = self.reshape(&normal, &shape);
        let [scale, bias] = ["weight", "bias"].map(|leaf| {
            let flat = self.weight(format!("{name}.{leaf}"));
            let target = self.integers(&[1, channels as i64, 1, 1]);
            self.node("Reshape", &[&flat, &target], &[channels, 1, 1], &[])
                .name
        });
        let scaled = self.node("Mul", &[&normal.name, &scale], &shape, &[]);
        self.node("Add", &[&scaled.name, &bias], &shape, &[])
    }

    fn batch_norm(&mut self, x: &Value, name: &str) -> Value {
        let [scale, bias] = ["weight", "bias"].map(|leaf| self.weight(format!("{name}.{leaf}")));
        let [mean, variance] =
            [MEAN, VARIANCE].map(|ending| self.weight(format!("{name}{ending}")));
        let inputs = [&x.name, &scale, &bias, &mean, &variance].map(String::as_str);
        let epsilon = [("epsilon", Attribute::Real(EPSILON as f32))];
        self.node("BatchNormalization", &inputs, &x.shape, &epsilon)
    }

    fn relu(&mut self, x: &Value) -> Value {
        self.node("Relu", &[&x.name], &x.shape, &[])
    }

    fn max_pool(&mut self, x: &Value) -> Value {
        let side = shrunk(x.shape[1], 2);
        let attributes = [
            ("kernel_shape", twice(3)),
            ("strides", twice(2)),
            ("pads", four_times(1)),
        ];
        self.node(
            "MaxPool",
            &[&x.name],
            &[x.shape[0], side, side],
            &attributes,
        )
    }

    fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[&a.name, &b.name], &a.shape, &[])
    }

    fn zeros(&mut self, images: &Value, channels: usize, side: usize) -> Value {
        // As many as there are images: their number is taken from the input.
        let shape = self.node("Shape", &[&images.name], &[], &[]);
        let first = self.integers(&[0]);
        let along = [("axis", Attribute::Number(0))];
        let n_images = self.node("Gather", &[&shape.name, &first], &[], &along);
        let rest = self.integers(&[channels as i64, side as i64, side as i64]);
        let shape = self.node("Concat", &[&n_images.name, &rest], &[], &along);
        let map = [channels, side, side];
        self.node("ConstantOfShape", &[&shape.name], &map, &[])
    }

    fn average(&mut self, x: &Value) -> Value {
        let shape = [x.shape[0], 1, 1];
        self.node("GlobalAveragePool", &[&x.name], &shape, &[])
    }

    fn linear(&mut self, x: &Value, name: &str, n_outputs: usize) -> Value {
        let flat = self.node("Flatten", &[&x.name], &[x.shape[0]], &[]);
        let [weight, bias] = ["weight", "bias"].map(|leaf| self.weight(format!("{name}.{leaf}")));
        let transposed = [("transB", Attribute::Number(1))];
        let inputs = [flat.name.as_str(), &weight, &bias];
        self.node("Gemm", &inputs, &[n_outputs], &transposed)
    }

    fn tap(&mut self, x: &Value, module: &str, step: usize) {
        self.taps.push((module.to_owned(), step, x.clone()));
    }
}
