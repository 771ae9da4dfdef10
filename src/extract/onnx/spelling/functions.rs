//! Operations that are made of simpler ones.

use super::{attribute, number};
use crate::extract::onnx::proto;
use crate::extract::onnx::write::{Attribute, Writer};

/// The version of the operators since which `Softmax` is over one axis.
const SOFTMAX_OF_ONE_AXIS: i64 = 13;

/// The version since which `GroupNormalization` has a scale for each channel, not for each group.
const SCALE_OF_CHANNELS: i64 = 21;

/// More groups than any network has.
const MOST_GROUPS: i64 = 1 << 16;

/// The version since which `Dropout` does nothing unless it is told to.
const DROPOUT_AT_REST: i64 = 7;

/// An operation in simpler ones; `None` where it is one.
///
/// - `version`: of the operators.
/// - `length`: values that a constant input has, by the input's number.
/// - `name`: a new name for an intermediate result.
pub(super) fn spelt(
    node: &proto::Node,
    version: i64,
    length: impl Fn(usize) -> Option<i64>,
    name: impl Fn(&str) -> String,
) -> Option<Writer> {
    let function = Function {
        node,
        input: node.inputs.first()?,
        output: node.outputs.first()?,
        name: &name,
    };
    let mut writer = Writer::new("");
    match node.op.as_str() {
        "Softmax" | "LogSoftmax" if version < SOFTMAX_OF_ONE_AXIS => function.softmax(&mut writer),
        "LRN" => function.response_normalisation(&mut writer)?,
        "GroupNormalization" if version < SCALE_OF_CHANNELS => {
            function.group_normalisation(&mut writer, length(1)?, None)?;
        }
        "GroupNormalization" => {
            let n_groups = number(node, "num_groups")?;
            function.group_normalisation(&mut writer, n_groups, Some(length(1)?))?;
        }
        "Dropout" if is_at_rest(node, version) => {
            writer.node("Identity", &[function.input], function.output, &[]);
        }
        "Selu" => function.selu(&mut writer),
        "Celu" => function.celu(&mut writer),
        "Mish" => function.mish(&mut writer),
        _ => return None,
    }
    Some(writer)
}

/// Whether nothing is dropped.
fn is_at_rest(node: &proto::Node, version: i64) -> bool {
    match version < DROPOUT_AT_REST {
        true => number(node, "is_test").is_some_and(|is_test| is_test != 0),
        false => node.inputs.get(2).is_none_or(String::is_empty),
    }
}

/// A node that is taken apart.
struct Function<'a> {
    node: &'a proto::Node,
    input: &'a str,
    output: &'a str,
    name: &'a dyn Fn(&str) -> String,
}

impl Function<'_> {
    fn real(&self, key: &str, default: f32) -> f32 {
        attribute(self.node, key).map_or(default, |entry| entry.real)
    }

    /// A constant number.
    fn constant(&self, writer: &mut Writer, key: &str, value: f32) -> String {
        let name = (self.name)(key);
        writer.floats(&name, &[], &[value]);
        name
    }

    /// A constant list of whole numbers.
    fn list(&self, writer: &mut Writer, key: &str, values: &[i64]) -> String {
        let name = (self.name)(key);
        writer.integers(&name, values);
        name
    }

    /// Adds a node with a result of a new name.
    fn step(
        &self,
        writer: &mut Writer,
        op: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> String {
        let name = (self.name)(&writer.n_nodes().to_string());
        writer.node(op, inputs, &name, attributes);
        name
    }

    /// Adds the last node: values in the form of the input.
    fn in_form(&self, writer: &mut Writer, values: &str, output: &str) {
        let shape = self.step(writer, "Shape", &[self.input], &[]);
        writer.node("Reshape", &[values, &shape], output, &[]);
    }

    /// Over all axes from one on.
    fn softmax(&self, writer: &mut Writer) {
        let axis = number(self.node, "axis").unwrap_or(1);
        let flat = [("axis", Attribute::Number(axis))];
        let flat = self.step(writer, "Flatten", &[self.input], &flat);
        let last = [("axis", Attribute::Number(-1))];
        let soft = self.step(writer, &self.node.op, &[&flat], &last);
        self.in_form(writer, &soft, self.output);
    }

    /// `x / (bias + alpha · mean square of size channels around)^beta`, with zeros before the first channel and after
    /// the last (Krizhevsky et al. 2012).
    fn response_normalisation(&self, writer: &mut Writer) -> Option<()> {
        let size = number(self.node, "size").filter(|&size| size > 0)?;
        let alpha = self.constant(writer, "alpha", self.real("alpha", 1e-4));
        let bias = self.constant(writer, "bias", self.real("bias", 1.0));
        let beta = self.constant(writer, "beta", self.real("beta", 0.75));
        // (images, 1, channels, values): the mean is over a window of rows.
        let rows = self.list(writer, "rows", &[0, 0, -1]);
        let one = self.list(writer, "one", &[1]);
        let window = [
            ("kernel_shape", Attribute::Numbers(vec![size, 1])),
            ("strides", Attribute::Numbers(vec![1, 1])),
            (
                "pads",
                Attribute::Numbers(vec![(size - 1) / 2, 0, size / 2, 0]),
            ),
            ("count_include_pad", Attribute::Number(1)),
        ];
        let square = self.step(writer, "Mul", &[self.input, self.input], &[]);
        let square = self.step(writer, "Reshape", &[&square, &rows], &[]);
        let square = self.step(writer, "Unsqueeze", &[&square, &one], &[]);
        let mean = self.step(writer, "AveragePool", &[&square], &window);
        let share = self.step(writer, "Mul", &[&mean, &alpha], &[]);
        let sum = self.step(writer, "Add", &[&share, &bias], &[]);
        let power = self.step(writer, "Pow", &[&sum, &beta], &[]);
        let divisor = (self.name)("divisor");
        self.in_form(writer, &power, &divisor);
        writer.node("Div", &[self.input, &divisor], self.output, &[]);
        Some(())
    }

    /// Groups of channels with mean 0 and variance 1, scaled and shifted (Wu & He 2018).
    ///
    /// - `n_channels`: where scale and shift are of channels; `None` where they are of groups.
    fn group_normalisation(
        &self,
        writer: &mut Writer,
        n_groups: i64,
        n_channels: Option<i64>,
    ) -> Option<()> {
        let [_, scale, shift] = self.node.inputs.as_slice() else {
            return None;
        };
        if !(1..=MOST_GROUPS).contains(&n_groups) {
            return None;
        }
        let epsilon = [("epsilon", Attribute::Real(self.real("epsilon", 1e-5)))];
        let groups = self.list(writer, "groups", &[0, n_groups, -1]);
        let grouped = self.step(writer, "Reshape", &[self.input, &groups], &[]);
        let normalise = "InstanceNormalization";
        let Some(n_channels) = n_channels else {
            let values = self.step(writer, normalise, &[&grouped, scale, shift], &epsilon);
            self.in_form(writer, &values, self.output);
            return Some(());
        };
        let n = self.list(writer, "n", &[n_groups]);
        let (one, zero) = (
            self.constant(writer, "one", 1.0),
            self.constant(writer, "zero", 0.0),
        );
        let ones = self.step(writer, "Expand", &[&one, &n], &[]);
        let zeros = self.step(writer, "Expand", &[&zero, &n], &[]);
        let channels = self.list(writer, "channels", &[0, n_channels, -1]);
        let column = self.list(writer, "column", &[-1, 1]);
        let values = self.step(writer, normalise, &[&grouped, &ones, &zeros], &epsilon);
        let values = self.step(writer, "Reshape", &[&values, &channels], &[]);
        let scale = self.step(writer, "Reshape", &[scale, &column], &[]);
        let shift = self.step(writer, "Reshape", &[shift, &column], &[]);
        let values = self.step(writer, "Mul", &[&values, &scale], &[]);
        let values = self.step(writer, "Add", &[&values, &shift], &[]);
        self.in_form(writer, &values, self.output);
        Some(())
    }

    /// `gamma · x`, and below 0 `gamma · alpha · (exp x - 1)` (Klambauer et al. 2017).
    fn selu(&self, writer: &mut Writer) {
        let alpha = [("alpha", Attribute::Real(self.real("alpha", 1.673_263_2)))];
        let gamma = self.constant(writer, "gamma", self.real("gamma", 1.050_701));
        let elu = self.step(writer, "Elu", &[self.input], &alpha);
        writer.node("Mul", &[&elu, &gamma], self.output, &[]);
    }

    /// `x`, and below 0 `alpha · (exp(x / alpha) - 1)` (Barron 2017).
    fn celu(&self, writer: &mut Writer) {
        let alpha = self.constant(writer, "alpha", self.real("alpha", 1.0));
        let share = self.step(writer, "Div", &[self.input, &alpha], &[]);
        let elu = self.step(writer, "Elu", &[&share], &[("alpha", Attribute::Real(1.0))]);
        writer.node("Mul", &[&elu, &alpha], self.output, &[]);
    }

    /// `x · tanh(ln(1 + exp x))` (Misra 2019).
    fn mish(&self, writer: &mut Writer) {
        let soft = self.step(writer, "Softplus", &[self.input], &[]);
        let gate = self.step(writer, "Tanh", &[&soft], &[]);
        writer.node("Mul", &[self.input, &gate], self.output, &[]);
    }
}
