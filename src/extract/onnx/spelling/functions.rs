//! Operations that are made of simpler ones.

use super::constants::Constants;
use super::{Spelling, attribute, number};
use crate::extract::onnx::proto;
use crate::extract::onnx::write::{Attribute, Writer};

/// The version of the operators since which `Softmax` is over one axis.
const SOFTMAX_OF_ONE_AXIS: i64 = 13;

/// The version since which `GroupNormalization` has a scale for each channel, not for each group.
const SCALE_OF_CHANNELS: i64 = 21;

/// The version since which `Dropout` does nothing unless it is told to.
const DROPOUT_AT_REST: i64 = 7;

/// More groups, or channels that are normalised together, than any network has.
const MOST_CHANNELS: i64 = 1 << 12;

/// Number of truth values among the types of elements.
const BOOL: i64 = 9;

/// An operation in simpler ones.
///
/// - `version`: of the operators.
/// - `name`: a new name for an intermediate result.
pub(super) fn spelt(
    node: &proto::Node,
    version: i64,
    constants: &Constants,
    name: impl Fn(&str) -> String,
) -> Spelling {
    let (Some(input), Some(output)) = (node.inputs.first(), node.outputs.first()) else {
        return Spelling::Same;
    };
    let mut writer = Writer::new("");
    let function = Function {
        node,
        input,
        output,
        name: &name,
    };
    match node.op.as_str() {
        "Softmax" | "LogSoftmax" if version < SOFTMAX_OF_ONE_AXIS => function.softmax(&mut writer),
        "LRN" => {
            let size = number(node, "size").filter(|size| (1..=MOST_CHANNELS).contains(size));
            let Some(size) = size else {
                return Spelling::Refused("is over no channels, or over too many");
            };
            function.response_normalisation(&mut writer, size);
        }
        "GroupNormalization" => {
            let groups = number(node, "num_groups").filter(|n| (1..=MOST_CHANNELS).contains(n));
            let ([_, scale, shift], Some(n_groups)) = (node.inputs.as_slice(), groups) else {
                return Spelling::Refused("has no groups, or too many");
            };
            let n_scales = constants.shape(scale).and_then(|shape| shape.first());
            let is_of_channels = version >= SCALE_OF_CHANNELS;
            let fits = n_scales.is_none_or(|&n| match is_of_channels {
                true => n % n_groups == 0,
                false => n == n_groups,
            });
            if !fits {
                return Spelling::Refused("has scales that do not fit its groups");
            }
            let affine = Affine { scale, shift };
            function.group_normalisation(&mut writer, n_groups, &affine, is_of_channels);
        }
        "Dropout" if is_at_rest(node, version, constants) => {
            writer.node("Identity", &[input], output, &[]);
        }
        "Selu" => function.selu(&mut writer),
        "Celu" if function.real("alpha", 1.0) > 0.0 => function.celu(&mut writer),
        "Celu" => return Spelling::Refused("has an alpha that is not above 0"),
        "Softplus" => function.softplus(&mut writer),
        "Mish" => function.mish(&mut writer),
        "Cast" if number(node, "to") == Some(BOOL) => function.truth(&mut writer),
        "ArgMax" | "ArgMin" => function.first_of_equals(&mut writer),
        _ => return Spelling::Same,
    }
    Spelling::Nodes(writer)
}

/// Whether nothing is dropped.
fn is_at_rest(node: &proto::Node, version: i64, constants: &Constants) -> bool {
    match version < DROPOUT_AT_REST {
        true => number(node, "is_test").is_some_and(|is_test| is_test != 0),
        false => {
            let training = node.inputs.get(2);
            training.is_none_or(|name| name.is_empty() || constants.is_false(name))
        }
    }
}

/// What normalised values are multiplied with and moved by: names of tensors.
struct Affine<'a> {
    scale: &'a str,
    shift: &'a str,
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
    fn response_normalisation(&self, writer: &mut Writer, size: i64) {
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
    }

    /// Groups of channels with mean 0 and variance 1, scaled and shifted by group or by channel (Wu & He 2018).
    fn group_normalisation(
        &self,
        writer: &mut Writer,
        n_groups: i64,
        affine: &Affine,
        is_of_channels: bool,
    ) {
        let epsilon = [("epsilon", Attribute::Real(self.real("epsilon", 1e-5)))];
        let normalise = "InstanceNormalization";
        let groups = self.list(writer, "groups", &[0, n_groups, -1]);
        let grouped = self.step(writer, "Reshape", &[self.input, &groups], &[]);
        if !is_of_channels {
            let inputs = [&grouped, affine.scale, affine.shift];
            let values = self.step(writer, normalise, &inputs, &epsilon);
            return self.in_form(writer, &values, self.output);
        }
        let n = self.list(writer, "n", &[n_groups]);
        let one = self.constant(writer, "one", 1.0);
        let zero = self.constant(writer, "zero", 0.0);
        let ones = self.step(writer, "Expand", &[&one, &n], &[]);
        let zeros = self.step(writer, "Expand", &[&zero, &n], &[]);
        let values = self.step(writer, normalise, &[&grouped, &ones, &zeros], &epsilon);
        // (images, channels, values)
        let rows = self.list(writer, "rows", &[0, 0, -1]);
        let column = self.list(writer, "column", &[-1, 1]);
        let flat = self.step(writer, "Reshape", &[self.input, &rows], &[]);
        let form = self.step(writer, "Shape", &[&flat], &[]);
        let values = self.step(writer, "Reshape", &[&values, &form], &[]);
        let scale = self.step(writer, "Reshape", &[affine.scale, &column], &[]);
        let shift = self.step(writer, "Reshape", &[affine.shift, &column], &[]);
        let values = self.step(writer, "Mul", &[&values, &scale], &[]);
        let values = self.step(writer, "Add", &[&values, &shift], &[]);
        self.in_form(writer, &values, self.output);
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

    /// `ln(1 + exp x)`, with an exponential that does not overflow.
    fn softplus(&self, writer: &mut Writer) {
        let size = self.step(writer, "Abs", &[self.input], &[]);
        let below = self.step(writer, "Neg", &[&size], &[]);
        let small = self.step(writer, "Softplus", &[&below], &[]);
        let large = self.step(writer, "Relu", &[self.input], &[]);
        writer.node("Add", &[&large, &small], self.output, &[]);
    }

    /// Whether values are other than 0; the engine keeps their whole part.
    fn truth(&self, writer: &mut Writer) {
        let zero = self.constant(writer, "zero", 0.0);
        let float = [("to", Attribute::Number(proto::FLOAT.into()))];
        let values = self.step(writer, "Cast", &[self.input], &float);
        let is_zero = self.step(writer, "Equal", &[&values, &zero], &[]);
        writer.node("Not", &[&is_zero], self.output, &[]);
    }

    /// The first place of the largest or smallest value; the engine gives the last.
    fn first_of_equals(&self, writer: &mut Writer) {
        let axis = number(self.node, "axis").unwrap_or(0);
        let back = self.list(writer, "back", &[-1]);
        let beginning = self.list(writer, "beginning", &[i32::MIN.into()]);
        let axes = self.list(writer, "axes", &[axis]);
        let reversed = [self.input, &back, &beginning, &axes, &back];
        let reversed = self.step(writer, "Slice", &reversed, &[]);
        let mut attributes = vec![("axis", Attribute::Number(axis))];
        for name in ["keepdims", "select_last_index"] {
            let value = number(self.node, name);
            attributes.extend(value.map(|value| (name, Attribute::Number(value))));
        }
        let place = self.step(writer, &self.node.op, &[&reversed], &attributes);
        let shape = self.step(writer, "Shape", &[self.input], &[]);
        let length = self.step(writer, "Gather", &[&shape, &axes], &[]);
        let last = self.step(writer, "Add", &[&length, &back], &[]);
        writer.node("Sub", &[&last, &place], self.output, &[]);
    }
}
