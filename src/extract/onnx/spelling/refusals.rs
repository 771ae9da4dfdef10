//! Operations that the engine computes otherwise than the standard says, and that cannot be said in other words.

use super::constants::Constants;
use super::{number, numbers, text};
use crate::extract::onnx::proto;

/// The version since which `BatchNormalization` does not take the moments of the batch unless it is told to.
const MOMENTS_AT_REST: i64 = 7;

/// Number of the input that says how long each sequence is.
const SEQUENCE_LENGTHS: usize = 4;

/// What an operation does that is not possible here.
pub(super) fn problem(
    node: &proto::Node,
    version: i64,
    constants: &Constants,
) -> Option<&'static str> {
    let is_there = |input: usize| node.inputs.get(input).is_some_and(|name| !name.is_empty());
    match node.op.as_str() {
        "Resize" if text(node, "mode") == b"cubic" => Some("interpolates by `cubic`"),
        "ConvInteger" if is_padded(node) => Some("pads whole numbers"),
        "LSTM" | "GRU" if is_there(SEQUENCE_LENGTHS) => Some("has sequences of several lengths"),
        "BatchNormalization" if takes_moments(node, version) => {
            Some("takes the moments of the batch")
        }
        reduction if reduction.starts_with("Reduce") => {
            let axes = node.inputs.get(1).and_then(|name| constants.shape(name));
            let is_nothing = axes.is_some_and(|shape| shape.contains(&0));
            let keeps = number(node, "noop_with_empty_axes").is_some_and(|keeps| keeps != 0);
            (is_nothing && keeps).then_some("reduces over no axes")
        }
        _ => None,
    }
}

fn is_padded(node: &proto::Node) -> bool {
    let pads = numbers(node, "pads").unwrap_or_default();
    pads.iter().any(|&pad| pad != 0) || text(node, "auto_pad").starts_with(b"SAME")
}

/// The form for training, which has the moments as further results.
fn takes_moments(node: &proto::Node, version: i64) -> bool {
    let more = node.outputs.iter().skip(1).any(|name| !name.is_empty());
    let is_test = number(node, "is_test").is_some_and(|is_test| is_test != 0);
    more || (version < MOMENTS_AT_REST && !is_test)
}
